"""A training from a folder of pairs to a folder with a model: choices resolved, the run resumed, the card written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from nonet.align.config import HeadConfig, LearningConfig
from nonet.align.data import Pairs
from nonet.align.features import default_cache
from nonet.align.interchange import open_model
from nonet.align.model import DualEncoder
from nonet.align.shard_training import train_on_shards
from nonet.align.shards import Shards, ShardTexts, is_shards
from nonet.align.train import Outcome, build, train
from nonet.foundation import console
from nonet.foundation.artifact import Card
from nonet.foundation.devices import is_main_process
from nonet.foundation.errors import UsageError

__all__ = ["DEFAULT_IMAGE_ENCODER", "DEFAULT_TEXT_ENCODER", "Run", "execute"]

DEFAULT_IMAGE_ENCODER, DEFAULT_TEXT_ENCODER = "efficientnet-lite0", "minilm"
RUN_FOLDER = "training"  # inside the model's folder: log and checkpoints


@dataclass(frozen=True)
class Run:
    """What is asked for.

    Attributes:
        pairs: the folder of pairs, or of shards.
        out: the folder of the model.
        image_encoder: name of the image tower, None for the default.
        text_encoder: name of the text tower, None for the default.
        start: a model to continue from, instead of new towers and heads.
        image_size: side of the square that an EfficientNet sees, None for its own.
        heads: what lies between towers and embeddings.
        learning: how it learns.
        cache: where features are kept, None for the user's cache.
        command: the words that ask for this, for the card.
        tokenizer: vocabulary of a text tower with random weights; None to learn one from the pairs.
        vocabulary: entries of the vocabulary that is learnt, None for the tower's default.
    """

    pairs: Path
    out: Path
    image_encoder: str | None = None
    text_encoder: str | None = None
    start: Path | None = None
    image_size: int | None = None
    heads: HeadConfig = field(default_factory=HeadConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    cache: Path | None = None
    command: str = ""
    tokenizer: Path | None = None
    vocabulary: int | None = None


def execute(run: Run) -> Outcome:
    """Trains and writes the model.

    An interrupted run leaves its checkpoints in the model's folder; the same run goes on from them. Of several
    processes (``torchrun``) the first writes.

    Raises:
        UsageError: if options contradict each other.
        DataError, MissingError, ArtifactError, ResourceError: if something cannot be read or written.
    """
    _check(run)
    shards = is_shards(run.pairs)
    pairs = _Corpus.of_shards(run.pairs) if shards else _Corpus.of_pairs(Pairs.open(run.pairs))
    learning = replace(run.learning, unfreeze=True) if shards else run.learning
    if run.start is not None:
        model = open_model(run.start)
    else:
        model, random = _new_model(run, pairs.texts)
        if random and not learning.unfreeze:
            console.note(f"{' and '.join(random)}: random weights, so the encoders learn too.")
            learning = replace(learning, unfreeze=True, tower_rate=1.0)
    folder = run.out / RUN_FOLDER
    if pairs.pairs is None:
        outcome = train_on_shards(model, run.pairs, learning, run=folder)
    else:
        outcome = train(model, pairs.pairs, learning, folder=folder, cache=run.cache or default_cache())
    if not is_main_process():
        return outcome
    model.save(run.out, _card(run, pairs, learning, outcome))
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # the next run of this name starts anew
    return outcome


@dataclass(frozen=True)
class _Corpus:
    """What a training learns from, as far as names and counts go.

    Attributes:
        name: for the card.
        counts: what there is to learn from and to choose settings with, for the card.
        texts: of the training split.
        pairs: None for shards.
    """

    name: str
    counts: str
    texts: Iterable[str]
    pairs: Pairs | None = None

    @classmethod
    def of_pairs(cls, pairs: Pairs) -> _Corpus:
        learnt, held_out = pairs.split("train"), pairs.split("validation")
        counts = (
            f"{len(learnt):,} texts of {len(learnt.images):,} pictures to learn from,"
            f" {len(held_out):,} texts of {len(held_out.images):,} pictures to choose settings."
        )
        return cls(pairs.name, counts, learnt.texts, pairs)

    @classmethod
    def of_shards(cls, folder: Path) -> _Corpus:
        learnt = Shards.open(folder, "train")
        counts = f"{len(learnt):,} samples in {len(learnt.paths):,} shards to learn from."
        return cls(folder.resolve().name, counts, ShardTexts(learnt))


def _new_model(run: Run, texts: Iterable[str]) -> tuple[DualEncoder, list[str]]:
    image, text = run.image_encoder or DEFAULT_IMAGE_ENCODER, run.text_encoder or DEFAULT_TEXT_ENCODER
    from nonet.align.encoders.presets import is_random

    model = build(
        image,
        text,
        run.heads,
        texts=texts,
        seed=run.learning.seed,
        image_size=run.image_size,
        tokenizer=run.tokenizer,
        vocabulary=run.vocabulary,
    )
    return model, [name for name in (image, text) if is_random(name)]


def _check(run: Run) -> None:
    if run.start is None:
        return
    given = {
        "--image-encoder": run.image_encoder is not None,
        "--text-encoder": run.text_encoder is not None,
        "--image-size": run.image_size is not None,
        "--tokenizer": run.tokenizer is not None,
        "--vocabulary": run.vocabulary is not None,
        "the options of the heads": run.heads != HeadConfig(),
    }
    for option, there in given.items():
        if there:
            raise UsageError(f"A model to continue from has its own; {option} cannot be chosen.", where="--from")


def _card(run: Run, corpus: _Corpus, learning: LearningConfig, outcome: Outcome) -> Card:
    figures: dict[str, object] = {}
    if outcome.validation is not None:
        for name, way in (
            ("picture to text", outcome.validation.image_to_text),
            ("text to picture", outcome.validation.text_to_image),
        ):
            shown = " / ".join(f"{100 * value:.1f}" for value in way.recall)
            guessed = " / ".join(f"{100 * value:.1f}" for value in way.chance)
            figures[f"{name}, R@1/5/10 on the validation split, %"] = f"{shown} (chance {guessed})"
    towers = "whole network trained" if learning.unfreeze else "projections trained on frozen encoders"
    origin = (
        f"continued from {run.start}"
        if run.start
        else f"{run.image_encoder or DEFAULT_IMAGE_ENCODER} and " + (run.text_encoder or DEFAULT_TEXT_ENCODER)
    )
    return Card(
        title=f"Pictures and words of {corpus.name}",
        description=f"Embeds pictures and texts in one space (Jia et al. 2021). {origin}; {towers}.",
        data=f"{corpus.name}: {corpus.counts}",
        figures=figures,
        command=run.command,
        date=date.today(),
    )
