"""A tagger of fixed phrases in the way of LaserTagger (Malmi et al. 2019, feed-forward variant).

Each token is kept or deleted, and one of the most frequent phrases of the training pairs may come in before it. Nothing
moves, and no other phrase can come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from nonet.felix.alignment import NEW, common_subsequence
from nonet.felix.batches import TokenRows, by_length, padded, present
from nonet.felix.casing import Casing
from nonet.felix.config import DecodeConfig, EditorConfig, LabelConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.decode import KEEP
from nonet.felix.editor import KIND, Edited, chunks, put_weights, read_words, words_files
from nonet.felix.encoders import Loaded
from nonet.felix.model import Tagger
from nonet.felix.surface import render
from nonet.felix.tokens import Pieces, Vocabulary, windows
from nonet.felix.train import fingerprint, freeze_words, require_some, training_options
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.training import History, fit

__all__ = ["PHRASES", "LaserTagger", "train_lasertagger"]

PHRASES = 500  # the published vocabulary
Phrase = tuple[int, ...]


class LaserTagger:
    """A trained tagger of fixed phrases.

    Args:
        config: what it is, with its phrases.
        vocabulary: its pieces.
        casing: how it writes words.
        tagger: its network; class ``2 p + keep`` brings phrase ``p`` in, phrase 0 is none.
    """

    def __init__(self, config: EditorConfig, vocabulary: Vocabulary, casing: Casing, tagger: Tagger) -> None:
        self.config, self.vocabulary, self.casing, self.tagger = config, vocabulary, casing, tagger.eval()
        self.phrases = [tuple(map(int, phrase.split())) for phrase in config.phrases]

    def edit(self, lines: Iterable[str], decoding: DecodeConfig | None = None) -> Iterator[Edited]:
        """Edits texts in order, in bounded memory."""
        config = decoding or self.config.decoding
        for chunk in chunks(lines):
            parts = [windows(pieces, self.config.labels.max_tokens) for pieces in self.vocabulary.encode(chunk)]
            flat = [window for group in parts for window in group]
            texts = iter(self._texts(flat, config))
            for line, group in zip(chunk, parts, strict=True):
                yield Edited(line, "".join(next(texts) for _ in group), (), 1.0, windows=len(group))

    @torch.inference_mode()
    def _texts(self, flat: Sequence[Pieces], config: DecodeConfig) -> list[str]:
        made: dict[int, str] = {}
        for batch in by_length(flat, len, 4096):
            ids = [flat[number].ids for number in batch]
            _, scores = self.tagger.states(padded(ids, self.vocabulary.pad), present(ids))
            scores[..., KEEP] += config.keep_bias
            unsure = 1 - scores.softmax(dim=-1)[..., KEEP] < config.min_edit_probability
            scores[..., KEEP].masked_fill_(unsure, torch.inf)
            for row, number in enumerate(batch):
                made[number] = self._written(flat[number], scores[row].argmax(dim=1).numpy())
        return [made[number] for number in range(len(flat))]

    def _written(self, source: Pieces, classes: np.ndarray) -> str:
        items: list[int | Phrase] = [0]
        for index in range(1, len(source)):
            phrase, keep = divmod(int(classes[index]), 2)
            if self.phrases[phrase]:
                items.append(self.phrases[phrase])
            if keep or index == len(source) - 1:
                items.append(index)
        return render(source, items, self.vocabulary, self.casing)

    def save(self, folder: Path, card: Card) -> None:
        """Writes it as an artifact."""
        tensors = {f"tagger.{name}": tensor for name, tensor in self.tagger.state_dict().items()}
        files = words_files(self.vocabulary, self.casing)
        artifact.save(folder, kind=KIND, config=self.config, tensors=tensors, card=card, files=files)

    @classmethod
    def load(cls, loaded: artifact.Artifact, config: EditorConfig) -> LaserTagger:
        """Builds it from an artifact."""
        vocabulary, casing = read_words(loaded)
        tagger = Tagger(config.encoder, _keeps(len(config.phrases)), pointing=False)
        put_weights(tagger, "tagger", loaded)
        return cls(config, vocabulary, casing, tagger)


def train_lasertagger(
    pairs: Sequence[Pair], encoder: Loaded, labels: LabelConfig, config: LearningConfig, *, folder: Path
) -> tuple[LaserTagger, History]:
    """Trains it: phrases first, then the tags of the pairs that they can express.

    Raises:
        DataError: if no pair can be expressed.
    """
    vocabulary = encoder.vocabulary
    both = [(pair.source, target) for pair in pairs for target in pair.targets]
    sources = vocabulary.encode([source for source, _ in both])
    targets = vocabulary.encode([target for _, target in both])
    aligned = [_runs(source, target) for source, target in zip(sources, targets, strict=True)]
    counts = Counter(phrase for runs, _ in aligned for phrase in runs.values())
    phrases: list[Phrase] = [(), *(phrase for phrase, _ in counts.most_common(PHRASES))]
    number = {phrase: place for place, phrase in enumerate(phrases)}
    rows = []
    for source, (runs, kept) in zip(sources, aligned, strict=True):
        if len(source) <= labels.max_tokens and all(phrase in number for phrase in runs.values()):
            classes = [2 * number[runs.get(index, ())] + (index in kept) for index in range(len(source))]
            rows.append((source.ids, classes))
    require_some(rows, {"a phrase is not among the most frequent": len(aligned)})
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        tagger = Tagger(encoder.config, _keeps(len(phrases)), pointing=False)
    if encoder.weights:
        tagger.encoder.network.load_state_dict(encoder.weights)
    freeze_words(tagger.encoder.network, config)
    options = training_options(len(rows), config)
    history = fit(
        _Learner(tagger),
        TokenRows(rows, [len(ids) for ids, _ in rows], options.batch_size),
        options,
        folder=folder / "lasertagger",
        collate=lambda chosen: _collate(chosen, vocabulary.pad),
        fingerprint=fingerprint(pairs, encoder, labels),
    )
    casing = Casing.learn(target for _, target in both)
    stored = tuple(" ".join(map(str, phrase)) for phrase in phrases)
    settings = EditorConfig("lasertagger", labels, encoder.config, phrases=stored)
    return LaserTagger(settings, vocabulary, casing, tagger), history


class _Learner(nn.Module):
    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        _, scores = self.tagger.states(batch["ids"], batch["mask"])
        return F.cross_entropy(scores[batch["mask"]], batch["classes"][batch["mask"]])


def _collate(chosen: Sequence[tuple[Sequence[int], Sequence[int]]], padding: int) -> dict[str, torch.Tensor]:
    ids, classes = zip(*chosen, strict=True)
    return {
        "ids": padded(ids, padding),
        "classes": padded(classes, 0),
        "mask": present(ids),
    }


def _runs(source: Pieces, target: Pieces) -> tuple[dict[int, Phrase], set[int]]:
    """New runs by the source token that they come in before, and what stays."""
    aligned = common_subsequence(source.keys, target.keys)
    kept, runs, last, new = set(aligned) - {NEW}, {}, 0, []
    for number, index in zip(target.ids, aligned, strict=True):
        if index == NEW:
            new.append(number)
            continue
        if new:
            runs[last + 1] = tuple(new)
        last, new = index, []
    return runs, kept


def _keeps(phrases: int) -> list[bool]:
    return [False, True] * phrases
