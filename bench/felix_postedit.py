"""Post-edits of machine translation (MLQE-PE, English side alone): is any way of learning better than doing nothing?

Each recipe learns from the official training pairs. Keep bias and minimum edit probability are chosen by TER on the
whole official validation split; only then are the test texts, which nothing was chosen on, edited and judged by TER.
Editors are kept in a folder, so that a run that was interrupted goes on.

    python bench/felix_postedit.py [--recipes …] [--steps N] [--batch N] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sacrebleu.metrics import TER  # type: ignore[attr-defined]

from nonet.felix.config import LabelConfig, LearningConfig, Method, Variant
from nonet.felix.data import Pair
from nonet.felix.encoders import open_encoder
from nonet.felix.run import AnyEditor, Run, learn, open_any
from nonet.felix.sources.official import read_official
from nonet.felix.trials import LEAST, short, tuned
from nonet.foundation.artifact import Card

LANGUAGES = ("et", "ro")
SAMPLES = 1000


@dataclass(frozen=True)
class Recipe:
    """A way of learning."""

    variant: Variant = "felix"
    rare_tags: float = 1.0
    together: bool = True  # both languages in one editor
    equal_pairs: bool = True  # whether pairs without an edit are learnt from
    method: Method = "felix"
    adapted: bool = False  # begins with the encoder of --adapted


RECIPES = {
    "felix": Recipe(),
    "plain weights": Recipe(rare_tags=0.0),
    "insert": Recipe("insert"),
    "insert, plain weights": Recipe("insert", 0.0),
    "insert, plain, adapted": Recipe("insert", 0.0, adapted=True),
    "insert, plain, no equal pairs": Recipe("insert", 0.0, equal_pairs=False),
    "insert, plain, apart": Recipe("insert", 0.0, together=False),
    "fixed phrases": Recipe(method="lasertagger"),
}


def taught(name: str, languages: tuple[str, ...], pairs: list[Pair], options: argparse.Namespace) -> AnyEditor:
    """The editor of a recipe: read, or learnt and kept."""
    recipe = RECIPES[name]
    folder = options.out / f"{name.replace(', ', '-').replace(' ', '_')}-{'-'.join(languages)}-{options.steps}"
    if not (folder / "config.json").exists():
        encoder = open_encoder(str(options.adapted) if recipe.adapted else "minilm", layers=options.layers)
        learning = LearningConfig(
            steps=options.steps,
            batch_size=options.batch,
            learning_rate=options.rate,
            freeze_embeddings=True,
            rare_tags=recipe.rare_tags,
        )
        run = Run(Path(), Path(), recipe.method, labels=LabelConfig(recipe.variant), learning=learning)
        chosen = [p for p in pairs if p.kind in languages and (recipe.equal_pairs or p.source != p.targets[0])]
        start = time.process_time()
        learnt = learn(run, short(chosen, encoder.vocabulary, options.longest), [], folder / "training", encoder)
        print(f"{name}: learnt from {learnt.used:,} pairs in {time.process_time() - start:.0f} s of CPU", flush=True)
        learnt.editor.save(folder, Card("Post-edits", "A trial.", "MLQE-PE"))
    return open_any(folder)


def gain(pairs: list[Pair], texts: list[str]) -> tuple[float, float, float, float]:
    """TER of doing nothing, and by how much texts are below it, with a 95 % interval of a paired bootstrap."""
    references = [[pair.targets[0] for pair in pairs]]
    rows = [
        np.array(TER()._extract_corpus_statistics(chosen, references), np.float64)
        for chosen in ([pair.source for pair in pairs], texts)
    ]
    drawn = np.random.default_rng(0).integers(len(pairs), size=(SAMPLES, len(pairs)))

    def ter(counts: np.ndarray) -> np.ndarray:  # edits and words of the references
        return 100 * counts[..., 0] / counts[..., 1]

    spread = [ter(one[drawn].sum(axis=1)) for one in rows]
    low, high = np.percentile(spread[0] - spread[1], [2.5, 97.5])
    nothing, made = (float(ter(one.sum(axis=0))) for one in rows)
    return nothing, nothing - made, float(low), float(high)


def judge_one(name: str, language: str, editor: AnyEditor, parts: dict[str, list[Pair]], most: int | None) -> None:
    """One line: what validation chose, and what the test texts say of it."""
    validation, test = ([p for p in parts[split] if p.kind == language][:most] for split in ("validation", "test"))
    decoding = tuned(editor, validation, "ter", LEAST)
    held = gain(validation, [one.text for one in editor.edit([p.source for p in validation], decoding)])
    made = [one.text for one in editor.edit([pair.source for pair in test], decoding)]
    nothing, better, low, high = gain(test, made)
    rows = Counter[str]()
    for pair, text in zip(test, made, strict=True):
        if text != pair.source:
            single = gain([pair], [text])[1]
            rows["better" if single > 0 else "worse" if single < 0 else "equal"] += 1
    print(
        f"{name:30}{language}  bias {decoding.keep_bias:+.0f} least {decoding.min_edit_probability:.2f}"
        f"  validation {held[1]:+.3f}  test: nothing {nothing:.2f}, below it by {better:+.3f} [{low:+.3f}, {high:+.3f}]"
        f"  of {len(test):,} texts {rows['better']} better, {rows['worse']} worse, {rows['equal']} as good",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    default = Path(os.environ["NONET_DATA"]) / "felix" if "NONET_DATA" in os.environ else None
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--recipes", nargs="+", default=[name for name in RECIPES if not RECIPES[name].adapted])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--longest", type=int, default=48, help="tokens of a text to learn from; all texts are judged")
    parser.add_argument("--adapted", type=Path, help="an encoder of `nonet felix adapt`, for the recipe of that name")
    parser.add_argument("--texts", type=int, help="of each language and split; all by default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "felix_postedit")
    options = parser.parse_args()
    if options.data is None:
        print("No pairs: name the folder of the downloads with --data, or set NONET_DATA. Skipped.")
        return
    torch.set_num_threads(1)
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)  # it advises against texts of sets that are cut into words
    parts = {split: list(pairs) for split, pairs in read_official("mlqe-pe", options.data / "mlqe-pe").pairs.items()}
    for name in options.recipes:
        groups = [LANGUAGES] if RECIPES[name].together else [(language,) for language in LANGUAGES]
        for languages in groups:
            editor = taught(name, languages, parts["train"], options)
            for language in languages:
                judge_one(name, language, editor, parts, options.texts)


if __name__ == "__main__":
    main()
