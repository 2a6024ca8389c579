"""An editor: texts in, edited texts out, with what was changed and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nonet.felix.backend import Backend, Filled, TorchBackend
from nonet.felix.batches import by_length
from nonet.felix.casing import Casing
from nonet.felix.config import DecodeConfig, EditorConfig
from nonet.felix.decode import KEEP, Decoded, Tagging, decode, taggings
from nonet.felix.edits import Edit, Plan, compose, plan_edits, without_unsure
from nonet.felix.labels import TagSet
from nonet.felix.model import Inserter, Tagger, new_tagger, positions_of
from nonet.felix.surface import Item, render
from nonet.felix.template import Template, fill, template
from nonet.felix.tokens import Pieces, Vocabulary, windows
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.errors import ArtifactError

__all__ = ["KIND", "Edited", "Editor", "chunks"]

KIND = "felix-editor"
_TOKENS = 4096  # in a batch, padding included
_LINES, _CHARACTERS = 512, 500_000  # of a stream that are in memory at once


@dataclass(frozen=True)
class Edited:
    """A text after editing.

    Attributes:
        source: before.
        text: after.
        edits: what was changed, by places in the source.
        probability: that the networks give the whole result, edits included that were not made for being unsure.
        fallback: why the source was kept although it should have been edited; empty otherwise.
        windows: how many parts a long text was edited in.
        plans: the decoded parts, for `Editor.rewrite`.
    """

    source: str
    text: str
    edits: tuple[Edit, ...]
    probability: float
    fallback: str = ""
    windows: int = 1
    plans: tuple[Plan, ...] = ()


@dataclass(frozen=True)
class _Tagged:
    """A window with what the tagger said of it."""

    window: Pieces
    tagging: Tagging
    decoded: Decoded
    change: np.ndarray


class Editor:
    """A trained editor.

    Args:
        config: what it is.
        vocabulary: its pieces.
        casing: how it writes words.
        backend: its networks.
    """

    def __init__(self, config: EditorConfig, vocabulary: Vocabulary, casing: Casing, backend: Backend) -> None:
        self.config, self.vocabulary, self.casing, self.backend = config, vocabulary, casing, backend
        self.tags = TagSet.of(config.labels)
        self.pointing = config.labels.variant != "insert"
        self.longest = positions_of(config.encoder)
        self.window = min(config.labels.max_tokens, self.longest)

    @classmethod
    def of(cls, config: EditorConfig, vocabulary: Vocabulary, casing: Casing, tagger: Tagger, inserter: Inserter):
        """An editor on torch."""
        return cls(config, vocabulary, casing, TorchBackend(tagger, inserter, banned(vocabulary, config)))

    def edit(self, lines: Iterable[str], decoding: DecodeConfig | None = None) -> Iterator[Edited]:
        """Edits texts in order, in bounded memory.

        Args:
            lines: texts, any number of them.
            decoding: how cautious to be; the editor's own way by default.
        """
        for chunk in chunks(lines):
            yield from self._edit_chunk(chunk, decoding or self.config.decoding)

    def alternatives(self, text: str, count: int, decoding: DecodeConfig | None = None) -> list[Edited]:
        """The best different results for a text, the most probable first.

        A text that is edited in several windows has one result.

        Args:
            text: the source.
            count: how many at most.
            decoding: how cautious to be.
        """
        config = decoding or self.config.decoding
        parts = windows(self.vocabulary.encode([text])[0], self.window)
        if len(parts) > 1 or len(parts[0]) == 2 or count < 2:
            return list(self.edit([text], config))
        ids, mask = _arrays([parts[0]], self.vocabulary.pad)
        _, scores = self.backend.tag(ids, mask)
        chosen = taggings(scores[0], self.tags, config, count)
        states, _ = self.backend.tag(np.repeat(ids, len(chosen), 0), np.repeat(mask, len(chosen), 0))
        tagged = []
        points = self._points(states, chosen, np.repeat(mask, len(chosen), 0))
        for number, tagging in enumerate(chosen):
            row = None if points is None else points[number]
            found = decode(tagging, row, self.tags, config, count if number == 0 else 1)
            tagged += [_Tagged(parts[0], tagging, one, _change(scores[0])) for one in found]
        made = [self._assemble(text, [plan]) for plan in self._insert(tagged, config)]
        made.sort(key=lambda edited: -edited.probability)
        return list({edited.text: edited for edited in reversed(made)}.values())[::-1][:count]

    def rewrite(self, edited: Edited, rejected: Collection[int]) -> str:
        """The text if some edits are rejected.

        Args:
            edited: a result of `edit`.
            rejected: numbers of its edits.
        """
        if not edited.plans:
            return edited.text
        written, first = [], 0
        for plan in edited.plans:
            own = {number - first for number in rejected if first <= number < first + len(plan.edits)}
            first += len(plan.edits)
            written.append(self._render(plan.source, compose(plan, own)))
        return "".join(written)

    def save(self, folder: Path, card: Card) -> None:
        """Writes the editor as an artifact of kind ``felix-editor``; its networks must be torch's."""
        if not isinstance(self.backend, TorchBackend) or self.backend.inserter is None:
            raise TypeError("only an editor with torch networks is saved")
        parts = {"tagger": self.backend.tagger, "inserter": self.backend.inserter}
        tensors = {f"{part}.{name}": t for part, module in parts.items() for name, t in module.state_dict().items()}
        files = words_files(self.vocabulary, self.casing)
        artifact.save(folder, kind=KIND, config=self.config, tensors=tensors, card=card, files=files)

    @classmethod
    def load(cls, folder: Path) -> Editor:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: if it is missing, damaged, of another kind, or its parts do not belong together.
        """
        loaded = artifact.load(folder, kind=KIND)
        config = loaded.configured(EditorConfig)
        vocabulary, casing = read_words(loaded)
        tagger = new_tagger(config.labels, config.encoder)
        inserter = Inserter(config.encoder)
        for part, module in (("tagger", tagger), ("inserter", inserter)):
            put_weights(module, part, loaded)
        return cls.of(config, vocabulary, casing, tagger, inserter)

    def to(self, device: torch.device) -> Editor:
        """The editor with its networks on another device."""
        if isinstance(self.backend, TorchBackend):
            self.backend.tagger.to(device)
            if self.backend.inserter is not None:
                self.backend.inserter.to(device)
        return self

    def _edit_chunk(self, lines: Sequence[str], config: DecodeConfig) -> Iterator[Edited]:
        parts = [windows(pieces, self.window) for pieces in self.vocabulary.encode(lines)]
        flat = [window for group in parts for window in group]
        plans = iter(self._insert(self._tag(flat, config), config))
        for line, group in zip(lines, parts, strict=True):
            yield self._assemble(line, list(islice(plans, len(group))))

    def _tag(self, flat: Sequence[Pieces], config: DecodeConfig) -> list[_Tagged]:
        """Tags and orders of windows, computed in batches of similar length."""
        made: dict[int, _Tagged] = {}
        for batch in by_length(flat, len, _TOKENS):
            ids, mask = _arrays([flat[number] for number in batch], self.vocabulary.pad)
            states, scores = self.backend.tag(ids, mask)
            own = [scores[row, : len(flat[number])] for row, number in enumerate(batch)]
            chosen = [taggings(one, self.tags, config)[0] for one in own]
            points = self._points(states, chosen, mask)
            for row, number in enumerate(batch):
                size = len(flat[number])
                pointed = None if points is None else points[row, :size, :size]
                decoded = decode(chosen[row], pointed, self.tags, config)[0]
                made[number] = _Tagged(flat[number], chosen[row], decoded, _change(own[row]))
        return [made[number] for number in range(len(flat))]

    def _points(self, states: Any, chosen: Sequence[Tagging], mask: np.ndarray) -> np.ndarray | None:
        if not self.pointing:
            return None
        numbers = np.zeros(mask.shape, np.int64)
        for row, tagging in enumerate(chosen):
            numbers[row, : len(tagging.numbers)] = tagging.numbers
        return self.backend.point(states, numbers, mask)

    def _insert(self, tagged: Sequence[_Tagged], config: DecodeConfig) -> list[tuple[Plan, float, str]]:
        """What comes in, as plans with their logarithmic probability and the reason of a fallback."""
        needed: dict[int, Template] = {}
        too_long = set()
        for number, one in enumerate(tagged):
            if any(one.decoded.counts):
                made = template(one.window, one.decoded.order, one.decoded.counts, self.vocabulary, limit=self.longest)
                if made is None:
                    too_long.add(number)
                else:
                    needed[number] = made
        filled = self._fill(needed)
        return [
            self._fallback(one.window)
            if number in too_long
            else self._plan(one, needed.get(number), filled.get(number), config.min_edit_probability)
            for number, one in enumerate(tagged)
        ]

    def _fill(self, needed: dict[int, Template]) -> dict[int, Filled]:
        numbers, templates = list(needed), list(needed.values())
        filled: dict[int, Filled] = {}
        for batch in by_length(templates, lambda made: len(made.ids), _TOKENS):
            chosen = [templates[place] for place in batch]
            shape = (len(chosen), max(len(made.ids) for made in chosen))
            ids = np.full(shape, self.vocabulary.pad, np.int64)
            segments, mask = np.zeros(shape, np.int64), np.zeros(shape, bool)
            for row, made in enumerate(chosen):
                ids[row, : len(made.ids)], mask[row, : len(made.ids)] = made.ids, True
                segments[row, : len(made.ids)] = made.segments
            rows = np.repeat(np.arange(len(chosen)), [len(made.masks) for made in chosen])
            places = np.array([place for made in chosen for place in made.masks], np.int64)
            found = self.backend.fill(ids, mask, segments, rows, places)
            for row, place in enumerate(batch):
                mine = rows == row
                filled[numbers[place]] = Filled(found.ids[mine], found.log_probabilities[mine])
        return filled

    def _plan(
        self, one: _Tagged, made: Template | None, filled: Filled | None, least: float
    ) -> tuple[Plan, float, str]:
        items: list = list(one.decoded.order)
        log = one.tagging.log_probability + one.decoded.log_probability
        sure: dict[int, float] = {}
        if made is not None and filled is not None:
            items = fill(one.decoded.order, made.anchors, filled.ids.tolist(), self.vocabulary.pad)
            log += float(filled.log_probabilities.sum())
            for anchor, value in zip(made.anchors, np.exp(filled.log_probabilities).tolist(), strict=True):
                sure[anchor] = min(sure.get(anchor, 1.0), value)
        change = one.change.tolist()
        if not self.pointing:  # an insertion may hang on a deleted token: what comes in is as sure as that
            for index, count in enumerate(one.decoded.counts):
                anchor = max(i for i in one.decoded.order if i <= index)
                change[anchor] = change[index] if count else change[anchor]

        def planned(items: Sequence[Item]) -> Plan:
            return plan_edits(one.window, items, self._written, change, one.decoded.arrivals, sure)

        return without_unsure(planned(items), least, planned), log, ""

    def _fallback(self, window: Pieces) -> tuple[Plan, float, str]:
        reason = "more words would come in than the encoder can read at once"
        return Plan(window, tuple(range(len(window))), ()), -math.inf, reason

    def _assemble(self, line: str, parts: Sequence[tuple[Plan, float, str]]) -> Edited:
        text, edits, begin = [], [], 0
        for plan, _, _ in parts:
            text.append(plan.source.text if plan.unchanged else self._render(plan.source, plan.items))
            edits += [replace(edit, start=edit.start + begin, end=edit.end + begin) for edit in plan.edits]
            begin += len(plan.source.text)
        reasons = [reason for _, _, reason in parts if reason]
        probability = math.exp(sum(log for _, log, reason in parts if not reason))
        plans = tuple(plan for plan, _, _ in parts)
        return Edited(line, "".join(text), tuple(edits), probability, next(iter(reasons), ""), len(parts), plans)

    def _render(self, source: Pieces, items: Sequence[Any]) -> str:
        return render(source, items, self.vocabulary, self.casing)

    def _written(self, ids: tuple[int, ...]) -> str:
        empty = Pieces("", (0, 0), ("", ""), (0, 0), (0, 0), (False, False))
        return render(empty, (ids,), self.vocabulary, self.casing, inside=True) if ids else ""


def banned(vocabulary: Vocabulary, config: EditorConfig) -> list[int]:
    """What the inserter never writes; padding stands for nothing where spans are fixed."""
    allowed = {vocabulary.pad} if config.labels.variant == "infill" else set()
    return [number for number in vocabulary.special if number not in allowed]


def chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines in groups of bounded size."""
    group: list[str] = []
    held = 0
    for line in lines:
        group.append(line)
        held += len(line)
        if len(group) == _LINES or held > _CHARACTERS:
            yield group
            group, held = [], 0
    if group:
        yield group


def words_files(vocabulary: Vocabulary, casing: Casing) -> dict[str, bytes]:
    """The files of an artifact that `read_words` reads."""
    return {"tokenizer.json": vocabulary.tokenizer.to_str().encode(), "casing.json": casing.to_json().encode()}


def read_words(loaded: artifact.Artifact) -> tuple[Vocabulary, Casing]:
    """The vocabulary and the casing of an artifact.

    Raises:
        ArtifactError: if they are missing or the vocabulary is not the encoder's.
    """
    for name in ("tokenizer.json", "casing.json"):
        if name not in loaded.files:
            raise ArtifactError(f"'{name}' is missing.", where=loaded.path, fix="Copy the whole folder again.")
    vocabulary = Vocabulary.from_json(loaded.files["tokenizer.json"].read_text(encoding="utf-8"))
    size = loaded.config.get("encoder", {}).get("vocab_size")
    if size != len(vocabulary):
        raise ArtifactError(
            f"The vocabulary has {len(vocabulary):,} pieces, the networks {size:,}: they are not of one editor.",
            where=loaded.path / "tokenizer.json",
            fix="Copy the whole folder again, or train anew.",
        )
    return vocabulary, Casing.from_json(loaded.files["casing.json"].read_text(encoding="utf-8"))


def put_weights(module: torch.nn.Module, part: str, loaded: artifact.Artifact) -> None:
    """Puts the tensors of one part of an artifact into a module.

    Raises:
        ArtifactError: if they do not fit.
    """
    own = {name.removeprefix(f"{part}."): t for name, t in loaded.tensors.items() if name.startswith(f"{part}.")}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        reason = str(error).partition("\n")[2].strip().partition("\n")[0]
        raise ArtifactError(
            f"The weights of the {part} do not fit its configuration ({reason}).", where=loaded.path, fix="Train anew."
        ) from error


def _arrays(chosen: Sequence[Pieces], padding: int) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(chosen), max(map(len, chosen)))
    ids, mask = np.full(shape, padding, np.int64), np.zeros(shape, bool)
    for row, pieces in enumerate(chosen):
        ids[row, : len(pieces)], mask[row, : len(pieces)] = pieces.ids, True
    return ids, mask


def _change(scores: np.ndarray) -> np.ndarray:
    """For each token the probability that it does not stay as it is."""
    top = scores - scores.max(axis=1, keepdims=True)
    shares = np.exp(top)
    return 1 - shares[:, KEEP] / shares.sum(axis=1)
