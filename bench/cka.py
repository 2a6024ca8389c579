"""ResNet-56 on real digits, every leaf, against the installable peers in one run: processor seconds, memory, and error.

The peers cannot live in this environment (one needs torchvision, another takes the import name ``cka``), so they are
installed without their dependencies into a folder of the cache, and what they import and do not use is stubbed. Each
side runs in a process of its own, on one thread; ours and the best peer alternate. Reference: float64 from centred
features. torch_cka computes every pair of layers anew, so it is timed on some layers and scaled by the pairs.

    python bench/cka.py [--depth 56] [--batch 256] [--images 512] [--peers pytorch-cka,cka-pytorch,torch_cka]
    python bench/cka.py --tries    # other ways to make Gram matrices and to run the network, each alone
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np
from record import Row, record

PACKAGES = ("pytorch-cka==1.1.3", "cka-pytorch==1.1.3", "torch-cka==0.21", "torchmetrics", "lightning-utilities")
LAYERS_OF_TORCH_CKA = 20
ROUNDS = 2


def peers() -> Path:
    """The folder with the peers, installed at the first call."""
    from nonet.foundation.packaged import cached

    def install(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PACKAGES]
        subprocess.run(command, check=True)

    return cached("cka/bench-peers-1", install)


def stub() -> None:
    """What cka-pytorch imports for other uses than this one."""
    for name in ("lightning", "lightning.fabric", "lightning.fabric.wrappers", "seaborn"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["lightning.fabric.wrappers"]._FabricModule = type("_FabricModule", (), {})


def scene(options: argparse.Namespace):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from nonet.cka import NetworkConfig, ResNet
    from nonet.cka.data import read

    torch.set_num_threads(1)
    images = read("mnist", "all", side=32, limit=options.images).tensors()[0].expand(-1, 3, -1, -1).contiguous()
    model = ResNet(NetworkConfig(options.depth)).eval()
    names = [name for name, module in model.named_modules() if not list(module.children())]
    return model, names, DataLoader(TensorDataset(images, torch.zeros(len(images))), options.batch)


def ours(model, names, loader) -> np.ndarray:
    from nonet.cka import cka

    return cka(model, loader).values


def pytorch_cka(model, names, loader) -> np.ndarray:
    from cka import compute_cka

    return compute_cka(model, model, loader, layers=names, progress=False)[0].numpy()


def cka_pytorch(model, names, loader) -> np.ndarray:
    stub()
    from cka_pytorch import CKACalculator

    calculator = CKACalculator(model, model, model1_layers=names, model2_layers=names, verbose=False)
    return calculator.calculate_cka_matrix(loader, num_epochs=1).numpy()


def torch_cka(model, names, loader) -> np.ndarray:
    import torch
    from torch_cka import CKA

    cka = CKA(model, model, model1_layers=names, model2_layers=names, device="cpu")
    with torch.no_grad():
        cka.compare(loader)
    return cka.export()["CKA"].numpy()


def forward(model, names, loader) -> np.ndarray:
    import torch

    with torch.no_grad():
        for images, _ in loader:
            model(images.to(memory_format=torch.channels_last))
    return np.zeros((1, 1))


def grams(model, names, loader) -> np.ndarray:
    """Nothing but the symmetric products of all layers' features, each in memory already."""
    import torch

    from nonet.cka.capture import Capture

    for images, _ in loader:
        shapes = Capture(model, lambda name, tensor: tuple(tensor.shape))
        with shapes.attached():
            found = shapes.run(images[:4])
        for shape in found.values():
            block = torch.ones(len(images), int(np.prod(shape[1:]))).numpy()
            began = time.process_time()
            block @ block.T
            globals()["SPENT"] = globals().get("SPENT", 0.0) + time.process_time() - began
    return np.zeros((1, 1))


def reference(model, names, loader) -> np.ndarray:
    from nonet.cka.capture import Capture
    from nonet.cka.kernels import u_center

    def vector(name, tensor):
        rows = tensor.flatten(1).double().numpy()
        rows = rows - rows.mean(0)
        return u_center(rows @ rows.T).ravel()

    capture, sums = Capture(model, vector), 0.0
    with capture.attached():
        for images, _ in loader:
            table = np.stack(list(capture.run(images).values()))
            sums = sums + table @ table.T
    own = np.sqrt(np.diag(sums))
    return sums / np.outer(own, own)


SIDES = {"ours": ours, "pytorch-cka": pytorch_cka, "cka-pytorch": cka_pytorch, "torch_cka": torch_cka}
SIDES |= {"forward": forward, "grams": grams, "reference": reference}


def best_of(what, rounds: int = 5) -> float:
    """Processor milliseconds of the quickest of a few calls."""
    what()
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        what()
        spent.append(time.process_time() - began)
    return 1000 * min(spent)


def gram_tries(examples: int, channels: int, side: int) -> dict[str, float]:
    """Ways to make the Gram matrix of one convolution's output, in milliseconds."""
    import torch
    from scipy.linalg.blas import saxpy, ssyrk

    pictures = torch.rand(examples, channels, side, side).to(memory_format=torch.channels_last)
    rows = pictures.permute(0, 2, 3, 1).reshape(examples, -1)
    array, half = rows.numpy(), rows.bfloat16()
    room, out = torch.empty_like(rows), torch.zeros(examples, examples)
    planes, triangle = torch.empty(channels, examples, side * side), np.zeros((examples, examples), np.float32, "F")
    sums = np.zeros((2, examples**2), np.float32)

    def centred_first() -> None:
        torch.sub(rows, rows.mean(0), out=room)
        room.numpy() @ room.numpy().T

    def in_strips() -> None:
        for first in range(0, examples, 64):
            last = first + 64
            torch.mm(rows[first:last], rows[:last].T, out=out[first:last, :last])

    def in_cache() -> None:
        sums[0] = 0
        for part in rows.split(1024, dim=1):
            centred = (part - part.mean(0)).numpy()
            ssyrk(1.0, centred.T, 1.0, sums[0].reshape(triangle.shape, order="F"), trans=1, overwrite_c=1)

    def two_at_once() -> None:
        """Of a convolution and of the norm behind it, which only scales channels: from the channels' products."""
        planes.view(channels, examples, side, side).copy_(pictures.permute(1, 0, 2, 3))
        for plane in planes.numpy():
            product = ssyrk(1.0, plane.T, 0.0, triangle, trans=1, overwrite_c=1).ravel("K")
            saxpy(product, sums[0])
            saxpy(product, sums[1], a=0.7)

    return {
        "NumPy's symmetric product (ours)": best_of(lambda: array @ array.T),
        "the same, features centred first": best_of(centred_first),
        "SciPy's ssyrk": best_of(lambda: ssyrk(1.0, array.T, 0.0, triangle, trans=1, overwrite_c=1)),
        "ssyrk over slices centred in the cache": best_of(in_cache),
        "torch's general product": best_of(lambda: rows @ rows.T),
        "torch's product in strips below the diagonal": best_of(in_strips),
        "torch's product in bfloat16": best_of(lambda: half @ half.T, 1),
        "twice ours: a convolution and its norm": 2 * best_of(lambda: array @ array.T),
        "both from products by channel": best_of(two_at_once),
    }


def forward_tries(options: argparse.Namespace) -> dict[str, float]:
    """Ways to run the network on a batch without looking at any layer, in milliseconds."""
    import copy

    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    model, _, loader = scene(options)
    plain = next(iter(loader))[0]
    images = plain.to(memory_format=torch.channels_last)
    fused = copy.deepcopy(model)
    for block in fused.modules():
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2")):
            if isinstance(getattr(block, norm, None), nn.BatchNorm2d):
                setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
                setattr(block, norm, nn.Identity())

    def inference() -> None:
        with torch.inference_mode():
            model(images)

    with torch.no_grad():
        return {
            "channels last (ours)": best_of(lambda: model(images), 3),
            "channels first": best_of(lambda: model(plain), 3),
            "channels last, inference mode": best_of(inference, 3),
            "channels last, norms folded into convolutions": best_of(lambda: fused(images), 3),
        }


def tries(options: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(1)
    for channels, side in ((16, 32), (32, 16), (64, 8)):
        print(f"Gram matrix of {options.batch} examples of {channels} channels of {side} pixels squared, CPU ms")
        for name, spent in gram_tries(options.batch, channels, side).items():
            print(f"  {name:48}{spent:8.1f}")
    print(f"ResNet-{options.depth} on one batch of {options.batch}, CPU ms")
    for name, spent in forward_tries(options).items():
        print(f"  {name:48}{spent:8.1f}")


def memory(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def run_side(options: argparse.Namespace) -> None:
    sys.path[0] = str(peers())  # instead of this folder, whose cka.py would hide a peer
    model, names, loader = scene(options)
    warm = scene(argparse.Namespace(depth=8, images=8, batch=8))
    SIDES[options.side](*warm)  # imports and compiles
    globals()["SPENT"] = 0.0
    all_names = names
    if options.side == "torch_cka":
        names = names[:: max(1, len(names) // LAYERS_OF_TORCH_CKA)]
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
    before, began = memory("VmRSS"), time.process_time()
    values = SIDES[options.side](model, names, loader)
    seconds = time.process_time() - began
    if options.side == "grams":
        seconds = globals()["SPENT"]
    np.save(options.result, values)
    scale = (len(all_names) / len(names)) ** 2
    print(json.dumps({"seconds": seconds * scale, "MiB": memory("VmHWM") - before, "layers": len(names)}))


def measured(side: str, options: argparse.Namespace, folder: Path) -> dict:
    result = folder / f"{side}.npy"
    command = [sys.executable, __file__, "--side", side, "--result", str(result), "--depth", str(options.depth)]
    command += ["--batch", str(options.batch), "--images", str(options.images)]
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{side} failed")
    return {**json.loads(done.stdout.splitlines()[-1]), "values": np.load(result)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=56)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--peers", default="pytorch-cka,cka-pytorch,torch_cka")
    parser.add_argument("--tries", action="store_true")
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--result", type=Path)
    options = parser.parse_args()
    if options.side:
        run_side(options)
        return
    if options.tries:
        tries(options)
        return
    peers()
    chosen = options.peers.split(",")
    runs: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            once = [*chosen[1:], "forward", "grams"] if number == 0 else []
            for side in ["ours", chosen[0], *once]:
                runs.setdefault(side, []).append(measured(side, options, Path(folder)))
        truth = measured("reference", options, Path(folder))["values"]
    report(options, {side: min(found, key=lambda one: one["seconds"]) for side, found in runs.items()}, truth)


def report(options: argparse.Namespace, best: dict[str, dict], truth: np.ndarray) -> None:
    mine = best["ours"]
    print(f"ResNet-{options.depth}, {len(truth)} layers, {options.images} images, batch {options.batch}, one thread")
    print(f"{'':14}{'CPU s':>9}{'ratio':>8}{'MiB more':>10}{'of ours':>9}{'largest error':>15}")
    for side, found in best.items():
        if side in ("forward", "grams"):
            continue
        values = found["values"]
        error = f"{np.abs(values - truth).max():.1e}" if values.shape == truth.shape else "(scaled)"
        ratio, more = found["seconds"] / mine["seconds"], found["MiB"] / mine["MiB"]
        print(f"{side:14}{found['seconds']:9.2f}{ratio:8.1f}{found['MiB']:10.0f}{more:9.1f}{error:>15}")
    for side, what in (("forward", "the forward pass alone"), ("grams", "the Gram products alone")):
        print(f"limit: {what} {best[side]['seconds']:.2f} s, {best[side]['seconds'] / mine['seconds']:.0%} of ours")
    what = f"CKA of all {len(truth)} layers of ResNet-{options.depth}, {options.images} images"
    limit = (best["forward"]["seconds"] + best["grams"]["seconds"], "forward pass and Gram products alone", "less")
    others = [(side, found) for side, found in best.items() if side not in ("ours", "forward", "grams")]
    rows = [Row(what, "CPU-seconds", mine["seconds"], side, found["seconds"], *limit) for side, found in others]
    rows += [Row(what, "MiB more memory", mine["MiB"], side, found["MiB"], better="less") for side, found in others]
    record("cka", "cka", rows)


if __name__ == "__main__":
    main()
