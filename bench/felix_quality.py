"""FELIX beside a tagger of fixed phrases and an encoder-decoder, trained alike on real pairs and judged on test texts.

Every method sees the same pairs for the same number of steps, begins with the same layers of the same encoder, and is
judged on the same test texts, which no choice was made on; how cautious it is is chosen on validation texts.
TurkCorpus has no pairs to train on: there the pairs are made by rules (splitting and compression) from the packaged
Wikipedia text. One line a training is printed as it ends; lines are also kept in a file, so that a run that was
interrupted goes on.

    python bench/felix_quality.py [--tasks …] [--methods …] [--sizes …] [--seeds …] [--steps N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from functools import cache
from pathlib import Path

import torch

from nonet.felix.config import LabelConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.encoders import Loaded, open_encoder
from nonet.felix.rules.config import RuleConfig
from nonet.felix.rules.pairs import rule_pairs
from nonet.felix.sources.official import read_official
from nonet.felix.sources.prose import wikipedia
from nonet.felix.trials import Splits, Trial, short, try_out

FOLDERS = {
    "wikisplit-fuse": "wikisplit",
    "wikisplit-split": "wikisplit",
    "disfl-qa": "disfl-qa",
    "mlqe-pe-et": "mlqe-pe",
    "mlqe-pe-ro": "mlqe-pe",
    "turkcorpus": "turkcorpus",
}
CHOSEN_BY = {"mlqe-pe-et": "ter", "mlqe-pe-ro": "ter", "turkcorpus": "sari_easse"}  # the others: sari_t2t
SHOWN = ("exact_lower", "sari_t2t", "sari_easse", "bleu", "ter")
FROM_RULES = RuleConfig(task=("split", "compress"), documents=25, most=2000)


@cache
def made_by_rules() -> list[Pair]:
    return list(rule_pairs("rules", list(wikipedia()), FROM_RULES).pairs["train"])


def read(task: str, encoder: Loaded, options: argparse.Namespace) -> Splits:
    name, kind = (task[:7], task[8:]) if task.startswith("mlqe") else (task, "")
    parts = read_official(name, options.data / FOLDERS[task]).pairs

    def chosen(pairs: list[Pair], most: int) -> list[Pair]:
        own = [pair for pair in pairs if not kind or pair.kind == kind]
        return short(own, encoder.vocabulary, options.longest)[:most]

    return Splits(
        chosen(made_by_rules() if task == "turkcorpus" else list(parts["train"]), 10**9),
        chosen(list(parts["validation"]), options.validation),
        chosen(list(parts["test"]), options.texts),
    )


def run_one(task: str, method: str, size: int, seed: int, options: argparse.Namespace) -> dict:
    encoder = open_encoder(options.encoder, layers=options.layers)
    splits = read(task, encoder, options)
    pairs = splits.train[: size or None]
    variant = method if method in ("infill", "insert") else "felix"
    learning = LearningConfig(
        steps=options.steps,
        batch_size=options.batch,
        learning_rate=options.rate,
        freeze_embeddings=True,
        seed=seed,
    )
    trial = Trial(method if method != variant else "felix", LabelConfig(variant), learning)
    held = Splits(pairs, splits.validation, splits.test)
    found = try_out(trial, held, encoder, CHOSEN_BY.get(task, "sari_t2t"), options.least)
    return {
        "task": task,
        "method": method,
        "size": size,
        "pairs": len(pairs),
        "seed": seed,
        "steps": options.steps,
        "texts": len(splits.test),
        "unchanged": found.judged.unchanged,
        "keep_bias": found.decoding.keep_bias,
        "min_edit_probability": found.decoding.min_edit_probability,
        "training_cpu_seconds": found.training_seconds,
        "editing_cpu_ms": found.editing_ms,
        "system": {name: [e.value, e.low, e.high] for name, e in found.judged.system.items()},
        "nothing": {name: e.value for name, e in found.judged.nothing.items()},
    }


def line(row: dict) -> str:
    cells = [f"{name} {row['system'][name][0]:5.1f} ({row['nothing'][name]:5.1f})" for name in SHOWN]
    caution = f"bias {row['keep_bias']:+.0f} least {row['min_edit_probability']:.2f}"
    cost = f"{caution} {row['training_cpu_seconds']:5.0f} s {row['editing_cpu_ms']:6.1f} ms"
    of = f"{row['pairs']:6,} pairs {row['steps']:5} steps {row['texts']:4} texts seed {row['seed']}"
    name = f"{row['task']:16}{row['method']:12}{of}"
    return f"{name}  {'  '.join(cells)}  {cost}"


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    default = Path(os.environ["NONET_DATA"]) / "felix" if "NONET_DATA" in os.environ else None
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--tasks", nargs="+", default=list(FOLDERS))
    parser.add_argument("--methods", nargs="+", default=["felix", "lasertagger"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[0], help="pairs; 0 for all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--longest", type=int, default=36, help="tokens of a text; longer ones are left out")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--validation", type=int, default=100)
    parser.add_argument("--least", nargs="+", type=float, default=[], help="minimum edit probabilities to try too")
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    options = options_of()
    if options.data is None:
        print("No pairs: name the folder of the downloads with --data, or set NONET_DATA. Skipped.")
        return
    torch.set_num_threads(1)
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)  # it advises against texts of sets that are cut into words
    kept = options.out.read_text().splitlines() if options.out and options.out.exists() else []
    done = {tuple(row[part] for part in ("task", "method", "size", "seed", "steps")) for row in map(json.loads, kept)}
    encoder = f"{options.layers} layers of {options.encoder}, texts of up to {options.longest} tokens"
    print(f"{options.steps} steps of {options.batch}, {encoder}; doing nothing in brackets")
    wanted = [
        (t, m, n, s) for t in options.tasks for n in options.sizes for s in options.seeds for m in options.methods
    ]
    for job in wanted:
        if (*job, options.steps) in done:
            continue
        row = run_one(*job, options)
        print(line(row), flush=True)
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
