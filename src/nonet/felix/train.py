"""How an editor learns: tagger and inserter, one after the other, each on its own."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nonet.felix.casing import Casing
from nonet.felix.config import EditorConfig, LabelConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.editor import Editor
from nonet.felix.encoders import Loaded
from nonet.felix.examples import Example, Examples, Insertion, Insertions, insertion, labelled
from nonet.felix.model import Inserter, Tagger, new_tagger, positions_of
from nonet.foundation.errors import DataError
from nonet.foundation.training import History, TrainingConfig, fit

__all__ = ["Trained", "freeze_words", "pointer_loss", "tag_loss", "train_editor", "training_options"]

_WARMUP = 10  # the rate rises over one step in so many
_MEASURED = 512  # validation examples


@dataclass(frozen=True)
class Trained:
    """An editor and how it came about.

    Attributes:
        editor: ready to edit.
        tagger: loss and measures of the tagger by step.
        inserter: those of the inserter; None where nothing ever comes in.
        used: examples that were learnt from.
        left_out: reasons for which pairs were left out, and how many.
    """

    editor: Editor
    tagger: History
    inserter: History | None
    used: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def train_editor(
    pairs: Sequence[Pair],
    validation: Sequence[Pair],
    encoder: Loaded,
    labels: LabelConfig,
    config: LearningConfig,
    *,
    folder: Path,
) -> Trained:
    """Trains an editor.

    Args:
        pairs: to learn from.
        validation: to measure on while learning; may be empty.
        encoder: what both networks begin with.
        labels: the variant and the alignment.
        config: how to learn.
        folder: of the run: logs and checkpoints. The same call goes on where an interrupted one was stopped.
    Raises:
        DataError: if no pair can be labelled.
    """
    vocabulary, left_out = encoder.vocabulary, Counter[str]()
    examples = list(labelled(pairs, vocabulary, labels, left_out))
    require_some(examples, left_out)
    held_out = list(labelled(validation[:_MEASURED], vocabulary, labels))
    mark = fingerprint(pairs, encoder, labels)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        tagger = new_tagger(labels, encoder.config, encoder.weights)
        inserter = Inserter.start(encoder)
    for module in (tagger, inserter):
        freeze_words(module.encoder.network, config)
    options = training_options(len(examples), config)
    data = Examples(examples, vocabulary.pad, options.batch_size)
    learner = TaggerLearner(tagger, config)
    check = Examples(held_out, vocabulary.pad)
    tagged = fit(
        learner,
        data,
        options,
        folder=folder / "tagger",
        collate=data.collate,
        evaluate=(lambda _, step: learner.measure(check)) if held_out else None,
        fingerprint=mark,
    )
    longest = positions_of(encoder.config)
    made = (insertion(example, vocabulary, labels, longest) for example in examples)
    insertions = [one for one in made if one]
    if not encoder.head:
        inserter.head.expect(np.array([number for one in insertions for number in one.wanted], np.int64))
    filled = train_inserter(inserter, insertions, vocabulary, config, folder / "inserter", mark)
    casing = Casing.learn(target for pair in pairs for target in pair.targets)
    settings = EditorConfig("felix", labels, encoder.config)
    return Trained(
        Editor.of(settings, vocabulary, casing, tagger, inserter), tagged, filled, len(examples), dict(left_out)
    )


def train_inserter(
    inserter: Inserter, insertions: Sequence[Insertion], vocabulary, config: LearningConfig, folder: Path, mark: str
) -> History | None:
    """Trains the inserter on the texts into which something comes; on all of them if those are too few for a batch."""
    with_masks = [one for one in insertions if one.masks]
    if not with_masks:
        return None
    enough = with_masks if len(with_masks) >= config.batch_size else insertions
    options = training_options(len(enough), config)
    data = Insertions(enough, vocabulary, options.batch_size)
    return fit(
        InserterLearner(inserter), data, options, folder=folder, collate=data.collate, fingerprint=f"inserter {mark}"
    )


class TaggerLearner(nn.Module):
    """A tagger as the training loop sees it."""

    def __init__(self, tagger: Tagger, config: LearningConfig) -> None:
        super().__init__()
        self.tagger, self.config = tagger, config

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        tags, mask = batch["tags"], batch["mask"]
        states, scores = self.tagger.states(batch["ids"], mask)
        loss = tag_loss(scores, tags, mask, self.config.rare_tags)
        metrics = {"tag_loss": loss.detach()}
        if self.tagger.pointer is not None:
            points = self.tagger.points(states, self._seen(scores, tags), mask)
            pointing = pointer_loss(points, batch["points"], mask)
            loss = loss + self.config.pointing_weight * pointing
            metrics["pointer_loss"] = pointing.detach()
        return loss, metrics

    def _seen(self, scores: Tensor, tags: Tensor) -> Tensor:
        """The tags that the pointer sees: gold ones, in some examples predicted ones."""
        share = self.config.predicted_tags
        if not share:
            return tags
        predicted = torch.rand(len(tags), 1, device=tags.device) < share
        return torch.where(predicted, scores.argmax(dim=-1), tags)

    def measure(self, examples: Examples) -> dict[str, float]:
        """Shares of right tags, right points (given right tags), and texts with all of both right."""
        device = next(self.tagger.parameters()).device
        right = Counter[str]()
        for first in range(0, len(examples), 32):
            chosen = [examples[number] for number in range(first, min(first + 32, len(examples)))]
            batch = {name: value.to(device) for name, value in examples.collate(chosen).items()}
            mask = batch["mask"]
            states, scores = self.tagger.states(batch["ids"], mask)
            correct = (scores.argmax(dim=-1) == batch["tags"]) | ~mask
            right["tags"] += int((correct & mask).sum())
            right["tokens"] += int(mask.sum())
            if self.tagger.pointer is not None:
                points = self.tagger.points(states, batch["tags"], mask).argmax(dim=-1)
                pointed = (points == batch["points"]) | ~mask
                right["points"] += int((pointed & mask).sum())
                correct &= pointed
            right["exact"] += int(correct.all(dim=1).sum())
        measured = {"tag_accuracy": right["tags"] / right["tokens"], "exact": right["exact"] / len(examples)}
        if self.tagger.pointer is not None:
            measured["point_accuracy"] = right["points"] / right["tokens"]
        return measured


class InserterLearner(nn.Module):
    """An inserter as the training loop sees it."""

    def __init__(self, inserter: Inserter) -> None:
        super().__init__()
        self.inserter = inserter

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        scores = self.inserter(batch["ids"], batch["mask"], batch["segments"], batch["rows"], batch["places"])
        loss = F.cross_entropy(scores, batch["wanted"])
        right = (scores.argmax(dim=1) == batch["wanted"]).float().mean()
        return loss, {"right": right.detach()}


def tag_loss(scores: Tensor, tags: Tensor, mask: Tensor, rare: float = 1.0) -> Tensor:
    """Cross-entropy in which each tag of an example weighs the inverse of its frequency in that example.

    The last mark, whose tag never varies, is left out.

    Args:
        scores: ``(batch, tokens, classes)``.
        tags: gold classes.
        mask: what is no padding.
        rare: the power of those weights; with 0 all tokens weigh alike.
    """
    counted = mask.clone()
    counted[torch.arange(len(mask), device=mask.device), mask.sum(dim=1) - 1] = False
    there = F.one_hot(tags, scores.shape[-1]) * counted[..., None]
    counts = there.sum(dim=1)
    distinct = (counts > 0).sum(dim=1, keepdim=True)
    lengths = counted.sum(dim=1, keepdim=True)
    weights = lengths / (counts.gather(1, tags).clamp(min=1) * distinct.clamp(min=1))
    weights = weights**rare * counted
    losses = F.cross_entropy(scores.transpose(1, 2), tags, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1e-9)


def pointer_loss(points: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy over all tokens, deleted ones included.

    Args:
        points: ``(batch, tokens, tokens)`` scores.
        wanted: where each token points.
        mask: what is no padding.
    """
    return F.cross_entropy(points[mask], wanted[mask])


def freeze_words(network: Any, config: LearningConfig) -> None:
    """Holds the embeddings of the vocabulary, if that was asked for."""
    if config.freeze_embeddings:
        network.get_input_embeddings().weight.requires_grad_(False)


def training_options(examples: int, config: LearningConfig) -> TrainingConfig:
    """The options of the training loop."""
    batch = min(config.batch_size, examples)
    steps = config.steps or max(1, math.ceil(config.epochs * (examples // batch)))
    return TrainingConfig(
        steps=steps,
        batch_size=batch,
        learning_rate=config.learning_rate,
        warmup_steps=steps // _WARMUP,
        schedule="linear",
        weight_decay=config.weight_decay,
        precision=config.precision,
        checkpoint_every=max(50, steps // 4),
        keep_checkpoints=1,
        log_every=max(1, min(20, steps // 10)),
        seed=config.seed,
        device=config.device,
    )


def fingerprint(pairs: Sequence[Pair], encoder: Loaded, labels: object) -> str:
    """Another one for other pairs, labels or encoders."""
    digest = hashlib.sha256(repr(labels).encode())
    for pair in pairs:
        digest.update("\0".join((pair.source, *pair.targets)).encode("utf-8", "surrogatepass"))
    for name, tensor in encoder.weights.items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.double().sum().item()}".encode())
    return digest.hexdigest()


def require_some(examples: Sequence[Example] | Sequence[object], left_out: Mapping[str, int]) -> None:
    """Refuses to train on nothing.

    Raises:
        DataError: if there are no examples.
    """
    if not examples:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in left_out.items())
        raise DataError(
            "No pair can be learnt from.",
            where=reasons or None,
            fix="Look at them with `nonet felix inspect`; a larger --max-mask or --max-tokens may help.",
        )
