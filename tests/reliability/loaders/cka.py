"""Pictures in every form, weights and networks, maps, reports and comparisons that were broken off."""

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from cka_networks import small_net
from nonet.cka import data
from nonet.cka.accumulator import Accumulator, Layer
from nonet.cka.config import CompareOptions, NetworkConfig
from nonet.cka.findings import Dominant, Findings, Panel, Spectrum
from nonet.cka.loading import load_weights
from nonet.cka.model import ResNet
from nonet.cka.resuming import Progress
from nonet.cka.showing import picture, standalone
from nonet.cka.similarity import Similarity
from nonet.cka.train import KIND, checkpoints, load_network
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from reliability.loaders import Loader


def _class_folders(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for kind in ("cat", "dog"):
            for number in range(2):
                path = folder / "it" / split / kind / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
    return folder / "it"


def _tar(folder: Path) -> Path:
    with tarfile.open(folder / "it.tar", "w") as archive:
        archive.add(_class_folders(folder), ".")
    return folder / "it.tar"


def _zip(folder: Path) -> Path:
    home = _class_folders(folder)
    with zipfile.ZipFile(folder / "it.zip", "w") as archive:
        for path in sorted(home.rglob("*.png")):
            archive.write(path, path.relative_to(home))
    return folder / "it.zip"


def _npz(folder: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (6, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "it.npz", images=images, labels=np.arange(6) % 2, classes=np.array(["cat", "dog"]))
    return folder / "it.npz"


def _cifar(folder: Path) -> Path:
    (folder / "it").mkdir()
    rows = np.random.default_rng(0).integers(0, 10, (4, 3073), dtype=np.uint8)
    for name in ("data_batch_1.bin", "test_batch.bin"):
        (folder / "it" / name).write_bytes(rows.tobytes())
    (folder / "it" / "batches.meta.txt").write_text("\n".join(f"class{number}" for number in range(10)))
    return folder / "it"


def _load_pictures(path: Path) -> None:
    for split in ("train", "test"):
        for _ in data.loader_of(data.read(path, split, side=4), 4):
            pass


def _weights(suffix: str):
    def make(folder: Path) -> Path:
        state = small_net(blocks=1).state_dict()
        path = folder / f"it{suffix}"
        if suffix == ".safetensors":
            save_file(state, path)
        else:
            torch.save(state, path)
        return path

    return make


def _network(folder: Path) -> Path:
    network = ResNet(NetworkConfig(depth=8), 0)
    config = {"network": network.config, "recipe": {}, "seed": 0, "figures": {"test accuracy": 0.5}}
    for home in (folder / "it", folder / "it" / "snapshots" / "step-3"):
        artifact.save(home, kind=KIND, config=config, tensors=network.state_dict(), card=Card("tiny"))
    return folder / "it"


def _load_network(path: Path) -> None:
    load_network(path)
    checkpoints(path)


def _map() -> Similarity:
    names = tuple(f"layer{number}" for number in range(5))
    values = np.linspace(0, 1, 25).reshape(5, 5)
    facts = {"inputs": "a", "groups": 4}
    return Similarity(names, names, values, np.full((5, 5), 0.01), {"layer1": "constant"}, "net", "net", facts)


def _similarity(folder: Path) -> Path:
    _map().save(folder / "it.npz")
    return folder / "it.npz"


def _load_similarity(path: Path) -> None:
    found = Similarity.load(path)
    found.csv()
    found.interval()
    found.heatmap()


def _report(folder: Path) -> Path:
    dominant = Dominant(3, 0.4, picture(np.zeros((3, 4, 4), np.uint8)), "cat")
    spectrum = Spectrum(_map().rows, [0.2] * 5, [0.5] * 5, [dominant])
    probes = {"net": [(name, 0.5, 0.9) for name in _map().rows]}
    Findings("net", [Panel("CKA", _map(), None)], {"net": spectrum}, probes, {"command": "x"}).save(folder / "it")
    (folder / "it" / "index.html").unlink()
    return folder / "it"


def _load_report(path: Path) -> None:
    found = Findings.load(path)
    found.to_dict()
    standalone(found.for_page())


_OPTIONS = CompareOptions()


def _progress(folder: Path) -> Path:
    accumulator = Accumulator([Layer("a", "x"), Layer("a", "y")])
    Progress(folder / "it.safetensors", _OPTIONS)._write(accumulator, 1)
    return folder / "it.safetensors"


def _load_progress(path: Path) -> None:
    taken = Progress(path, _OPTIONS).taken_up()
    if taken is not None:  # where the file is gone, there is nothing to go on with
        taken.state_dict()


LOADERS = [
    Loader("cka/pictures-folder", _class_folders, _load_pictures),
    Loader("cka/pictures-tar", _tar, _load_pictures),
    Loader("cka/pictures-zip", _zip, _load_pictures),
    Loader("cka/pictures-npz", _npz, _load_pictures),
    Loader("cka/pictures-cifar", _cifar, _load_pictures),
    *(
        Loader(f"cka/weights-{s[1:]}", _weights(s), lambda path: load_weights(small_net(blocks=1), path))
        for s in (".safetensors", ".pt")
    ),
    Loader("cka/network", _network, _load_network),
    Loader("cka/map", _similarity, _load_similarity),
    Loader("cka/report", _report, _load_report),
    Loader("cka/progress", _progress, _load_progress),
]
