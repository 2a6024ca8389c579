"""What an edit costs: FELIX on its back-ends against an encoder-decoder of the same size, which writes token by token.

Weights do not matter to time, but how much is kept, inserted and written does. So the networks compute as they would,
and then answer what the data say: FELIX with the labels of the pair, the encoder-decoder with as many tokens as the
target has.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from nonet.felix.backend import Backend, Filled
from nonet.felix.baselines.seq2seq import Seq2Seq, decoder_network
from nonet.felix.batches import padded
from nonet.felix.casing import Casing
from nonet.felix.config import EditorConfig, LabelConfig
from nonet.felix.data import Pair
from nonet.felix.editor import Editor
from nonet.felix.encoders import Loaded
from nonet.felix.examples import Example, labelled
from nonet.felix.export import FOLDERS, export_editor
from nonet.felix.model import Inserter, new_tagger
from nonet.felix.runtime import OnnxBackend
from nonet.foundation.artifact import Card

__all__ = ["DECODERS", "System", "Told", "gemm_rate", "limit_ms", "race", "systems"]

DECODERS = {  # name: (beams, cache); the first is what the article compared with
    "decoder, beam 4, no cache": (4, False),
    "decoder, beam 4, cache": (4, True),
    "decoder, greedy, cache": (1, True),
}
_SURE = 50.0
_SIDE = 1024  # of the square matrices whose product tells what the processor can do


class Told:
    """A back-end that computes everything and then gives the tags and points of known examples.

    Args:
        inner: what computes.
        examples: whose labels are given; no other text may be edited.
    """

    def __init__(self, inner: Backend, examples: Sequence[Example]) -> None:
        self.inner = inner
        self.known = {example.source.ids: example for example in examples}

    def tag(self, ids: np.ndarray, mask: np.ndarray) -> tuple[Any, np.ndarray]:
        """States, with the examples that they are of, and scores of the tags."""
        states, scores = self.inner.tag(ids, mask)
        chosen = [self.known[tuple(row[seen].tolist())] for row, seen in zip(ids, mask, strict=True)]
        told = np.array(scores)
        for row, example in enumerate(chosen):
            told[row, np.arange(len(example.tags)), example.tags] += _SURE
        return (states, chosen), told

    def point(self, states: Any, tags: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Scores of the pointer."""
        told = np.array(self.inner.point(states[0], tags, mask))
        for row, example in enumerate(states[1]):
            told[row, np.arange(len(example.tags)), example.labels.points] += _SURE
        return told

    def fill(
        self, ids: np.ndarray, mask: np.ndarray, segments: np.ndarray, rows: np.ndarray, places: np.ndarray
    ) -> Filled:
        """What the networks put at masks."""
        return self.inner.fill(ids, mask, segments, rows, places)


@dataclass(frozen=True)
class System:
    """Something that edits.

    Attributes:
        name: what it is called.
        edit: edits the texts of some pairs, in one batch.
        slow: whether it is timed in the first round only.
    """

    name: str
    edit: Callable[[Sequence[Pair]], object]
    slow: bool = False


def systems(encoder: Loaded, pairs: Sequence[Pair], folder: Path, *, int8: bool = True) -> dict[str, System]:
    """FELIX on each back-end and the encoder-decoder in each way of decoding, with untrained heads.

    Args:
        encoder: what all of them are made of.
        pairs: what is edited, each with one target.
        folder: for the graphs.
        int8: whether to make graphs in 8-bit numbers too.
    """
    labels, vocabulary = LabelConfig(), encoder.vocabulary
    examples = list(labelled(pairs, vocabulary, labels))
    tagger, inserter = new_tagger(labels, encoder.config, encoder.weights), Inserter.start(encoder)
    for network in (tagger, inserter):
        network.requires_grad_(False)  # the counter of operations hooks into gradients where there may be any
    casing = Casing.learn(pair.targets[0] for pair in pairs)
    editor = Editor.of(EditorConfig("felix", labels, encoder.config), vocabulary, casing, tagger, inserter)
    editor.save(folder, Card(title="For timing", description="Untrained.", data="none"))
    export_editor(folder, int8=int8)
    backends: dict[str, Backend] = {"torch": editor.backend}
    for name in ("onnx", "int8") if int8 else ("onnx",):
        backends[name] = OnnxBackend(folder / FOLDERS[name], threads=1)
    made = {}
    for name, backend in backends.items():
        told = Editor(editor.config, vocabulary, casing, Told(backend, examples))
        made[name] = System(f"felix, {name}", lambda chosen, told=told: list(told.edit([p.source for p in chosen])))
    writer = Seq2Seq(editor.config, vocabulary, casing, decoder_network(encoder.config, vocabulary))
    for name, (beams, cache) in DECODERS.items():
        made[name] = System(name, _writing(writer, beams, cache), slow=not cache)
    return made


def _writing(writer: Seq2Seq, beams: int, cache: bool) -> Callable[[Sequence[Pair]], object]:
    def write(chosen: Sequence[Pair]) -> object:
        sources = writer.vocabulary.encode([pair.source for pair in chosen])
        targets = writer.vocabulary.encode([pair.targets[0] for pair in chosen])
        length = max(map(len, targets)) - 1  # a batch is done when its longest text is; the first mark is given
        ids = padded([source.ids for source in sources], writer.vocabulary.pad)
        return writer.generate(ids, longest=length, least=length, beams=beams, cache=cache)

    return write


def race(systems: Mapping[str, System], pairs: Sequence[Pair], batch: int, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds a text of each system, round by round, all systems in turn within a round.

    Args:
        systems: what is timed.
        pairs: what is edited.
        batch: texts at once.
        rounds: how often; slow systems take part in the first.
    """
    cut = [pairs[first : first + batch] for first in range(0, len(pairs), batch)]
    for system in systems.values():
        if not system.slow:
            system.edit(cut[0][:1])  # warm
    found: dict[str, list[float]] = {name: [] for name in systems}
    for number in range(rounds):
        for name, system in systems.items():
            if system.slow and number:
                continue
            start = time.process_time()
            for part in cut:
                system.edit(part)
            found[name].append(1000 * (time.process_time() - start) / len(pairs))
    return found


def gemm_rate(repeats: int = 8) -> float:
    """Floating-point operations that one thread makes in a second of CPU time, at the best of some products."""
    a, b = torch.randn(_SIDE, _SIDE), torch.randn(_SIDE, _SIDE)
    best = math.inf
    for _ in range(repeats):
        start = time.process_time()
        torch.mm(a, b)
        best = min(best, time.process_time() - start)
    return 2 * _SIDE**3 / best


def limit_ms(system: System, pairs: Sequence[Pair], batch: int, rate: float) -> float:
    """The milliseconds a text that a system on torch needs for its matrix products alone.

    Args:
        system: on torch.
        pairs: what is edited.
        batch: texts at once.
        rate: of `gemm_rate`.
    """
    with FlopCounterMode(display=False) as counter:
        for first in range(0, len(pairs), batch):
            system.edit(pairs[first : first + batch])
    return 1000 * counter.get_total_flops() / rate / len(pairs)
