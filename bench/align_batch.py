"""Large batches in chunks: memory and time of one training step, towers, loss, gradients and LAMB.

    python bench/align_batch.py --pairs 512 2048 8192 --chunk 64

Small towers with random weights (EfficientNet of a quarter of B0's width at 32 pixels, a BERT of one layer), so that
8,192 pairs fit a minute of one thread; what is measured is how memory grows. Each row runs in a process of its own:
all pairs at once (up to `--at-once`), and the same in chunks.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from pytorch_optimizer import Lamb
from record import Row, record

from nonet.align.config import HeadConfig
from nonet.align.encoders import EfficientNetConfig, EfficientNetEncoder, Preparation, TransformerTextEncoder
from nonet.align.loss import contrastive_loss
from nonet.align.model import DualEncoder
from nonet.align.replay import in_chunks

SIDE, WORDS = 32, 16


def tiny() -> DualEncoder:
    torch.manual_seed(0)
    image = EfficientNetEncoder(EfficientNetConfig(width=0.25, depth=0.3), Preparation(SIDE + 8, SIDE))
    text = TransformerTextEncoder.small(["a few words of some picture"] * 8, vocabulary=100, layers=1, width=32)
    return DualEncoder(image, text, HeadConfig(dim=64, hidden=64)).train()


def measure(pairs: int, chunk: int) -> dict[str, float]:
    torch.set_num_threads(1)
    model = tiny()
    optimizer = Lamb(model.parameters(), lr=1e-3)
    inputs = (
        torch.rand(pairs, 3, SIDE, SIDE),
        torch.randint(5, 15, (pairs, WORDS)),
        torch.ones(pairs, WORDS, dtype=torch.bool),
    )

    def step(rows: int) -> float:
        images, texts = in_chunks(
            lambda pixels, ids, mask: (model.image_encoder(pixels), model.text_encoder(ids, mask)),
            model,
            tuple(tensor[:rows] for tensor in inputs),
            chunk,
        )
        loss = contrastive_loss(*model.heads(images, texts), model.heads.temperature, smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    step(8)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    loss = step(pairs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    pixels = inputs[0].nbytes / 2**20
    return {"loss": loss, "cpu_s": time.process_time() - start, "more_mb": peak / 1024, "pixels_mb": pixels}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, nargs="+", default=[512, 2048, 8192])
    options.add_argument("--chunk", type=int, default=64)
    options.add_argument("--at-once", type=int, default=2048, help="the largest batch to try in one piece")
    options.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        print(json.dumps(measure(*given.one)))
        return
    print("pairs  chunk  CPU-s  more memory, MB  (pixels, MB)  loss")
    found: dict[tuple[int, int], dict[str, float]] = {}
    for pairs in given.pairs:
        for chunk in [0, given.chunk] if pairs <= given.at_once else [given.chunk]:
            command = [sys.executable, __file__, "--one", str(pairs), str(chunk)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            print(
                f"{pairs:5}  {chunk or 'all':>5}  {row['cpu_s']:5.1f}  {row['more_mb']:15.0f}"
                f"  {row['pixels_mb']:12.0f}  {row['loss']:.4f}",
                flush=True,
            )
            found[pairs, chunk] = row
    kept = []
    for (pairs, chunk), row in found.items():
        if chunk:
            whole = found.get((pairs, 0))
            peer = ("all at once", whole["more_mb"]) if whole else ("", None)
            what = f"a step of {pairs:,} pairs, {chunk} at a time"
            kept.append(
                Row(what, "MB more memory", row["more_mb"], *peer, row["pixels_mb"], "the batch's pixels", "less")
            )
    record("align_batch", "align", kept)


if __name__ == "__main__":
    main()
