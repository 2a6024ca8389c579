"""The loss of large batches: ours a chunk at a time against the whole matrix, as other libraries compute it.

    python bench/align_loss.py --pairs 8192

Each side runs in a process of its own, so that its peak of memory is its own. One thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from record import Row, record

from nonet.align.loss import contrastive_loss

DIM = 640


def whole(images: torch.Tensor, texts: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    logits, target = images @ texts.T / temperature, torch.arange(len(images))
    entropy = torch.nn.functional.cross_entropy
    return entropy(logits, target, label_smoothing=0.1) + entropy(logits.T, target, label_smoothing=0.1)


def measure(side: str, pairs: int) -> dict[str, float]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    leaves = [torch.nn.functional.normalize(torch.randn(pairs, DIM), dim=1).requires_grad_() for _ in range(2)]
    temperature = torch.tensor(0.05, requires_grad=True)
    loss = {"ours": lambda *a: contrastive_loss(*a, chunk=512), "whole": whole}[side]
    loss(leaves[0][:64], leaves[1][:64], temperature).backward()
    for leaf in (*leaves, temperature):
        leaf.grad = None
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    value = loss(*leaves, temperature)
    value.backward()
    took = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    norm = torch.stack([leaf.grad.norm() for leaf in leaves]).norm()
    figures = {"loss": float(value), "gradient": float(norm), "of temperature": float(temperature.grad)}
    return {"cpu s": took, "mb": peak / 1024, **figures}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=8192)
    options.add_argument("--side", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        print(json.dumps(measure(given.side, given.pairs)))
        return
    found = {}
    for side in ("ours", "whole"):
        command = [sys.executable, __file__, "--pairs", str(given.pairs), "--side", side]
        found[side] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(f"{side:6}", {name: float(f"{value:.7g}") for name, value in found[side].items()})
    ours, other = found["ours"], found["whole"]
    print(f"memory {other['mb'] / ours['mb']:.1f}x less, time {other['cpu s'] / ours['cpu s']:.2f}x as fast")
    flops = 8 * given.pairs**2 * DIM
    a = torch.randn(2048, 2048)
    start = time.process_time()
    for _ in range(5):
        a @ a
    rate = 5 * 2 * 2048**3 / (time.process_time() - start)
    print(f"limit: four matrix products, {flops / rate:.1f} CPU-s at this machine's rate")
    size, peer = f"loss and gradients of {given.pairs:,} pairs", "the whole matrix at once"
    record(
        "align_loss",
        "align",
        [
            Row(size, "MB more memory", ours["mb"], peer, other["mb"], better="less"),
            Row(size, "CPU-seconds", ours["cpu s"], peer, other["cpu s"], flops / rate, "its products", "less"),
        ],
    )


if __name__ == "__main__":
    main()
