"""From folders to folders: training, evaluation and loading of editors of any method, with the card written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol, runtime_checkable

from nonet.felix.baselines.lasertagger import LaserTagger, train_lasertagger
from nonet.felix.baselines.seq2seq import Seq2Seq, train_seq2seq
from nonet.felix.config import DecodeConfig, EditorConfig, LabelConfig, LearningConfig, Method
from nonet.felix.data import Pair, Split, describe, read_pairs
from nonet.felix.editor import KIND, Edited, Editor
from nonet.felix.encoders import Loaded, open_encoder
from nonet.felix.evaluate import Judgement, judge
from nonet.felix.train import train_editor
from nonet.foundation import artifact, console
from nonet.foundation.artifact import Card
from nonet.foundation.training import History

__all__ = ["AnyEditor", "Run", "evaluate_editor", "execute", "learn", "open_any"]

RUN_FOLDER = "training"  # inside the editor's folder: logs and checkpoints
_VALIDATED = 200  # texts edited after training, to warn of an editor that does nothing


@runtime_checkable
class AnyEditor(Protocol):
    """What an editor of any method can do."""

    config: EditorConfig

    def edit(self, lines: Iterable[str], decoding: DecodeConfig | None = None) -> Iterator[Edited]:
        """Edits texts in order."""
        ...

    def save(self, folder: Path, card: Card) -> None:
        """Writes an artifact."""
        ...


@dataclass(frozen=True)
class Run:
    """What a training is asked for.

    Attributes:
        pairs: the folder of pairs.
        out: the folder of the editor.
        method: FELIX or a baseline.
        encoder: name, folder or id.
        layers: how many of its first layers; None for all.
        limit: at most so many pairs of the training split; 0 for all.
        labels: the variant.
        learning: how it learns.
        command: the words that ask for this, for the card.
    """

    pairs: Path
    out: Path
    method: Method = "felix"
    encoder: str = "minilm"
    layers: int | None = None
    limit: int = 0
    labels: LabelConfig = field(default_factory=LabelConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    command: str = ""


@dataclass(frozen=True)
class Learnt:
    """An editor with how it learnt.

    Attributes:
        editor: of any method.
        histories: of each of its networks, by name.
        used: how many pairs it learnt from.
        left_out: how many it could not use, by reason.
    """

    editor: AnyEditor
    histories: dict[str, History]
    used: int
    left_out: dict[str, int]


def execute(run: Run) -> Judgement | None:
    """Trains and writes an editor.

    An interrupted run leaves its checkpoints in the editor's folder; the same run goes on from them.

    Returns:
        What a sample of the validation split measures; None where that split is empty.
    """
    pairs = read_pairs(run.pairs, "train")
    pairs = pairs[: run.limit] if run.limit else pairs
    validation = read_pairs(run.pairs, "validation")
    folder = run.out / RUN_FOLDER
    learnt = learn(run, pairs, validation, folder)
    measured = _measured(learnt.editor, validation[:_VALIDATED]) if validation else None
    learnt.editor.save(run.out, _card(run, learnt, len(pairs), measured))
    for part in folder.iterdir():  # the next run of this name starts anew
        shutil.rmtree(part / "checkpoints", ignore_errors=True)
    if measured is not None and measured.unchanged > 0.98 and measured.nothing["exact"].value < 90:
        console.note(
            "Warning: this editor changes almost nothing. More pairs, more epochs, or a negative --keep-bias may help."
        )
    return measured


def learn(run: Run, pairs: list[Pair], validation: list[Pair], folder: Path, encoder: Loaded | None = None) -> Learnt:
    """Trains an editor of the run's method.

    Args:
        run: the method and its options.
        pairs: to learn from.
        validation: to measure on while learning.
        folder: of logs and checkpoints.
        encoder: what it begins with; the run's own if None.
    """
    encoder = encoder or open_encoder(run.encoder, layers=run.layers)
    learning = run.learning
    if run.method == "lasertagger":
        editor, history = train_lasertagger(pairs, encoder, run.labels, learning, folder=folder)
        return Learnt(editor, {"tagger": history}, len(pairs), {})
    if run.method == "seq2seq":
        editor, history = train_seq2seq(pairs, encoder, run.labels, learning, folder=folder)
        return Learnt(editor, {"network": history}, len(pairs), {})
    trained = train_editor(pairs, validation, encoder, run.labels, learning, folder=folder)
    histories = {"tagger": trained.tagger} | ({"inserter": trained.inserter} if trained.inserter else {})
    return Learnt(trained.editor, histories, trained.used, dict(trained.left_out))


def open_any(folder: Path) -> AnyEditor:
    """Loads an editor of any method.

    Raises:
        ArtifactError: if it is missing, damaged or of another kind.
    """
    loaded = artifact.load(folder, kind=KIND)
    config = loaded.configured(EditorConfig)
    if config.method == "lasertagger":
        return LaserTagger.load(loaded, config)
    return Seq2Seq.load(loaded, config) if config.method == "seq2seq" else Editor.load(folder)


def evaluate_editor(
    editor: AnyEditor, pairs: Path, split: Split, decoding: DecodeConfig | None = None, limit: int = 0
) -> Judgement:
    """Judges an editor on a split of a pairs folder.

    Args:
        editor: of any method.
        pairs: the folder.
        split: which part.
        decoding: how cautious to be.
        limit: at most so many texts; 0 for all.
    """
    rows = read_pairs(pairs, split)
    return _measured(editor, rows[:limit] if limit else rows, decoding)


def _measured(editor: AnyEditor, rows: list[Pair], decoding: DecodeConfig | None = None) -> Judgement:
    sources = [pair.source for pair in rows]
    made = list(console.track(editor.edit(sources, decoding), "Editing", len(sources)))
    fallbacks = sum(bool(one.fallback) for one in made)
    return judge(sources, [one.text for one in made], [pair.targets for pair in rows], fallbacks=fallbacks)


def _card(run: Run, learnt: Learnt, pairs: int, measured: Judgement | None) -> Card:
    figures: dict[str, object] = {}
    if measured is not None:
        for name in ("exact", "sari_t2t", "ter"):
            shown = f"{measured.system[name]} (doing nothing: {measured.nothing[name].value:.4g})"
            figures[f"{name} on {measured.rows} validation texts"] = shown
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in learnt.left_out.items())
    name = describe(run.pairs).get("name", run.pairs.name)
    return Card(
        title=f"Editor of {name}",
        description=f"{run.method} ({run.labels.variant}) on {run.encoder}; English or whatever the pairs are in."
        " It edits what looks like its pairs and keeps the rest.",
        data=f"{name}: {learnt.used:,} of {pairs:,} pairs learnt from." + (f" Left out: {reasons}." if reasons else ""),
        figures=figures,
        command=run.command,
        date=date.today(),
    )
