"""FELIX beside a tagger of fixed phrases and an encoder-decoder, trained alike on real pairs and judged on test texts.

Every method sees the same pairs for the same number of steps, begins with the same layers of the same encoder, and is
judged on the same test texts, which no choice was made on. One line a training is printed as it ends; lines are also
kept in a file, so that a run that was interrupted goes on.

    python bench/felix_quality.py [--tasks …] [--methods …] [--sizes …] [--seeds …] [--steps N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch

from nonet.felix.config import LabelConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.encoders import open_encoder
from nonet.felix.evaluate import judge
from nonet.felix.run import Run, learn
from nonet.felix.sources.official import read_official

FOLDERS = {
    "wikisplit-fuse": "wikisplit",
    "wikisplit-split": "wikisplit",
    "disfl-qa": "disfl-qa",
    "mlqe-pe-et": "mlqe-pe",
    "mlqe-pe-ro": "mlqe-pe",
}
SHOWN = ("exact_lower", "sari_t2t", "bleu", "ter")


def read(task: str, data: Path) -> tuple[list[Pair], list[Pair]]:
    name, kind = (task[:7], task[8:]) if task.startswith("mlqe") else (task, "")
    parts = read_official(name, data / FOLDERS[task]).pairs
    return tuple([pair for pair in parts[split] if not kind or pair.kind == kind] for split in ("train", "test"))


def run_one(task: str, method: str, size: int, seed: int, options: argparse.Namespace) -> dict:
    pairs, test = read(task, options.data)
    variant = method if method in ("infill", "insert") else "felix"
    learning = LearningConfig(steps=options.steps, batch_size=options.batch, learning_rate=options.rate, seed=seed)
    run = Run(Path(), Path(), method if method != variant else "felix", labels=LabelConfig(variant), learning=learning)
    start = time.process_time()
    encoder = open_encoder(options.encoder, layers=options.layers)
    with tempfile.TemporaryDirectory() as folder:
        learnt = learn(run, pairs[:size], [], Path(folder), encoder)
    trained = time.process_time()
    rows = test[: options.texts]
    made = [one.text for one in learnt.editor.edit([pair.source for pair in rows])]
    edited = time.process_time()
    judged = judge([pair.source for pair in rows], made, [pair.targets for pair in rows])
    return {
        "task": task,
        "method": method,
        "pairs": min(size, len(pairs)),
        "seed": seed,
        "texts": len(rows),
        "unchanged": judged.unchanged,
        "training_cpu_seconds": trained - start,
        "editing_cpu_ms": 1000 * (edited - trained) / len(rows),
        "system": {name: [e.value, e.low, e.high] for name, e in judged.system.items()},
        "nothing": {name: e.value for name, e in judged.nothing.items()},
    }


def line(row: dict) -> str:
    cells = [f"{name} {row['system'][name][0]:5.1f} ({row['nothing'][name]:5.1f})" for name in SHOWN]
    cost = f"{row['training_cpu_seconds']:5.0f} s {row['editing_cpu_ms']:6.1f} ms"
    return f"{row['task']:16}{row['method']:12}{row['pairs']:6,} seed {row['seed']}  {'  '.join(cells)}  {cost}"


def main() -> None:
    parser = argparse.ArgumentParser()
    default = Path(os.environ["NONET_DATA"]) / "felix" if "NONET_DATA" in os.environ else None
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--tasks", nargs="+", default=list(FOLDERS))
    parser.add_argument("--methods", nargs="+", default=["felix", "lasertagger"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[2000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.data is None:
        print("No pairs: name the folder of the downloads with --data, or set NONET_DATA. Skipped.")
        return
    torch.set_num_threads(1)
    kept = (
        [json.loads(text) for text in options.out.read_text().splitlines()]
        if options.out and options.out.exists()
        else []
    )
    done = {(row["task"], row["method"], row["pairs"], row["seed"]) for row in kept}
    encoder = f"{options.layers} layers of {options.encoder}"
    print(f"{options.steps} steps of {options.batch}, {encoder}; doing nothing in brackets")
    for task in options.tasks:
        for size in options.sizes:
            for seed in options.seeds:
                for method in options.methods:
                    if (task, method, size, seed) in done:
                        continue
                    row = run_one(task, method, size, seed, options)
                    print(line(row), flush=True)
                    if options.out:
                        with options.out.open("a") as file:
                            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
