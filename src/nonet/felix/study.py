"""The article's claims re-made at a stated scale: sample efficiency, speed, the pointer, and two ways to insert."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nonet.felix.config import LabelConfig, LearningConfig, Method, Variant
from nonet.felix.data import Pair, divide
from nonet.felix.encoders import Loaded, open_encoder
from nonet.felix.latency import DECODERS, gemm_rate, limit_ms, race, systems
from nonet.felix.rules.config import RuleConfig
from nonet.felix.rules.pairs import rule_pairs
from nonet.felix.rules.sentences import made_up
from nonet.felix.sources.prose import wikipedia
from nonet.felix.trials import Outcome, Splits, Trial, gap, short, try_out
from nonet.foundation import console
from nonet.foundation.devices import threads
from nonet.foundation.report import Claim, Figure, Report, Table

__all__ = ["SCALES", "Scale", "difference_claim", "sample_claim", "speed_claim", "study", "there"]

METHODS: tuple[Method, ...] = ("felix", "lasertagger", "seq2seq")
SHOWN = ("exact_lower", "sari_t2t", "ter")
_POINTER = ("Where phrases change places, a pointer edits better than insertion alone", "variants with a pointer ahead")
_MASKS = (
    "A tag that says how many tokens come in (Mask) edits better than an open span (Infill)",
    "Mask ahead of Infill",
)
_FASTER = 90  # times, in the article's blog post
_COMMAND = "nonet felix study --out OUT --scale {}"


@dataclass(frozen=True)
class Scale:
    """How much a study learns and times.

    Attributes:
        name: as on the command line.
        layers: of MiniLM.
        documents: of Wikipedia that fusion pairs are made from; 0 for all.
        sizes: pairs learnt from, the fewest first; 0 for all.
        made_up: sentences for the pointer's experiment.
        longest: tokens of a text.
        held: texts of validation and of test, at most.
        learning: how every method learns.
        timed: texts one by one, and texts in batches of up to 32.
    """

    name: str
    layers: int
    documents: int
    sizes: tuple[int, ...]
    made_up: int
    longest: int
    held: tuple[int, int]
    learning: LearningConfig
    timed: tuple[int, int]


_SHORT = LearningConfig(steps=50, batch_size=12, learning_rate=1e-3, freeze_embeddings=True)
_LONG = LearningConfig(steps=2000, batch_size=32, learning_rate=3e-4)
SCALES = {
    "minutes": Scale("minutes", 1, 12, (100,), 600, 32, (40, 100), _SHORT, (3, 8)),
    "hours": Scale("hours", 6, 0, (100, 1000, 10_000), 10_000, 64, (200, 1000), _LONG, (32, 64)),
}


def study(scale: Scale) -> Report:
    """Trains, times, and judges each claim, on one thread."""
    with threads(1):
        return _study(scale)


def _study(scale: Scale) -> Report:
    encoder = open_encoder("minilm", layers=scale.layers)
    fusion = _fusion(scale, encoder)
    sizes = there(scale.sizes, len(fusion.train))
    curve: dict[tuple[Method, int], Outcome] = {
        (m, n): _tried(m, "felix", fusion, n, scale, encoder) for n in sizes for m in METHODS
    }
    infill = _tried("felix", "infill", fusion, sizes[-1], scale, encoder)
    moved = _held(made_up(scale.made_up, random.Random(scale.learning.seed)), scale)
    pointing, plain = (_tried("felix", variant, moved, 0, scale, encoder) for variant in ("felix", "insert"))
    singly, batched, floor = _timed(scale, encoder, fusion.test)
    masks, few = curve["felix", sizes[-1]], sizes[0]
    how = f"{scale.layers} layers of MiniLM, {scale.learning.steps} steps of {scale.learning.batch_size}, one seed"
    how = f"{how}; keep bias chosen on validation; {_COMMAND.format(scale.name)}"
    return Report(
        title="Felix: fast text editing",
        summary=f"{len(fusion.train):,} pairs to fuse, made by rules from packaged Wikipedia text, and"
        f" {scale.made_up:,} made-up sentences to turn from active to passive or back."
        + (" So few documents are split by pair, not by document." if scale.documents else ""),
        claims=[
            sample_claim({m: curve[m, few] for m in METHODS}, few, fusion.test, how),
            speed_claim(singly, batched, floor, how),
            difference_claim(*_POINTER, pointing, plain, moved.test, f"active to passive and back; {how}"),
            difference_claim(*_MASKS, masks, infill, fusion.test, f"fusion; {how}"),
        ],
        figures=[_curve_figure(curve, sizes)],
        tables=[
            _outcomes(
                {f"fuse, {n:,} pairs, {m}": one for (m, n), one in curve.items()}
                | {"fuse, infill": infill, "voice, pointer": pointing, "voice, no pointer": plain}
            ),
            _times(singly, batched),
        ],
        facts={
            "scale": scale.name,
            "seed": scale.learning.seed,
            "texts timed, singly and in batches": str(scale.timed),
        },
    )


def there(sizes: Sequence[int], pairs: int) -> list[int]:
    """The sizes of a learning curve, the fewest first, where there are so many pairs; 0 stands for all of them."""
    return sorted({min(size or pairs, pairs) for size in sizes})


def sample_claim(found: Mapping[Method, Outcome], size: int, test: Sequence[Pair], how: str) -> Claim:
    """Whether FELIX is the best of all with the fewest pairs."""
    gaps = {other: gap(found["felix"], found[other], test) for other in METHODS[1:]}
    worst = min(gaps.values(), key=lambda one: one.low)
    return Claim(
        f"With {size} pairs FELIX edits better than a tagger of fixed phrases and than an encoder-decoder",
        "a few hundred examples are enough (the authors' summary; figures of small sizes are not quoted)",
        "SARI ahead of " + "; ".join(f"{name}: {one}" for name, one in gaps.items()),
        worst.above(),
        f"fusion, {worst.basis}; {how}",
    )


def speed_claim(singly: Mapping[str, float], batched: Mapping[str, float], floor: float, how: str) -> Claim:
    """How much faster FELIX is, and what of that comes from where."""
    parts = []
    for took in (singly, batched):
        best = min(value for name, value in took.items() if name not in DECODERS)
        slow, cached, greedy = (took[name] for name in DECODERS)
        parts.append(
            f"{slow / best:.0f} × (no cache {slow / cached:.1f} × beam {cached / greedy:.1f} × token by token"
            f" {greedy / took['torch']:.1f} × back-end {took['torch'] / best:.1f})"
        )
    slow, best = batched["decoder, beam 4, no cache"], min(v for n, v in batched.items() if n not in DECODERS)
    return Claim(
        "FELIX is 90 times faster than an encoder-decoder of the same size",
        "two orders of magnitude, on a P100 at batch 32",
        f"one by one {parts[0]}; in a batch {parts[1]}; matrix products alone would take {floor:.1f} ms a text",
        slow / best >= _FASTER,
        f"CPU time of one thread, lengths and edits of the data, the batch (up to 32) decides; {how}",
    )


def difference_claim(text: str, article: str, first: Outcome, second: Outcome, test: Sequence[Pair], how: str) -> Claim:
    """Whether the first of two ways edits better.

    Args:
        text: the claim.
        article: what the article says of it.
        first: the way that should be better.
        second: the other one.
        test: the texts of both.
        how: how both learnt.
    """
    found = gap(first, second, test)
    return Claim(text, article, found, found.above(), f"{found.basis}; {how}")


def _fusion(scale: Scale, encoder: Loaded) -> Splits:
    rules = RuleConfig(documents=scale.documents, seed=scale.learning.seed)
    pairs = rule_pairs("Wikipedia", list(wikipedia()), rules).pairs["train"]
    alone = [replace(pair, group=pair.source) for pair in pairs] if scale.documents else pairs
    return _held(short(alone, encoder.vocabulary, scale.longest), scale)


def _held(pairs: Sequence[Pair], scale: Scale) -> Splits:
    parts = divide(pairs, scale.learning.seed, validation=0.1, test=0.3)
    validation, test = scale.held
    return Splits(parts["train"], parts["validation"][:validation], parts["test"][:test])


def _tried(method: Method, variant: Variant, splits: Splits, size: int, scale: Scale, encoder: Loaded) -> Outcome:
    chosen = replace(splits, train=splits.train[: size or None])
    console.note(f"{method} ({variant}) learns from {len(chosen.train):,} pairs")
    return try_out(Trial(method, LabelConfig(variant), scale.learning), chosen, encoder, "sari_t2t")


def _timed(scale: Scale, encoder: Loaded, pairs: Sequence[Pair]) -> tuple[dict[str, float], dict[str, float], float]:
    """CPU milliseconds a text one by one and in a batch, and the least that matrix products take in the batch."""
    with tempfile.TemporaryDirectory() as folder:
        made = systems(encoder, pairs, Path(folder) / "editor")
        singly, batched = (
            {name: statistics.median(took) for name, took in race(made, pairs[:count], batch, 2).items()}
            for batch, count in zip((1, 32), scale.timed, strict=True)
        )
        floor = limit_ms(made["torch"], pairs[: scale.timed[1]], 32, gemm_rate())
    return singly, batched, floor


def _outcomes(found: Mapping[str, Outcome]) -> Table:
    rows = [
        (
            name,
            *(one.judged.system[metric] for metric in SHOWN),
            one.judged.nothing["sari_t2t"].value,
            one.decoding.keep_bias,
            one.training_seconds,
        )
        for name, one in found.items()
    ]
    columns = ["what", "exact", "SARI (T2T)", "TER", "SARI of doing nothing", "keep bias", "training CPU s"]
    return Table("Editors on test texts", columns, rows, "95 % bootstrap intervals over texts; lower TER is better.")


def _times(singly: Mapping[str, float], batched: Mapping[str, float]) -> Table:
    rows = [(name, singly[name], batched[name]) for name in singly]
    return Table(
        "CPU milliseconds a text",
        ["system", "one by one", "in a batch"],
        rows,
        "Medians, one thread, up to 32 at once.",
    )


def _curve_figure(curve: Mapping[tuple[Method, int], Outcome], sizes: Sequence[int]) -> Figure:
    import plotly.graph_objects as go

    plot = go.Figure()
    for method in METHODS:
        scores = [curve[method, size].judged.system["sari_t2t"] for size in sizes]
        spread = {
            "array": [one.high - one.value for one in scores],
            "arrayminus": [one.value - one.low for one in scores],
        }
        plot.add_trace(go.Scatter(x=list(sizes), y=[s.value for s in scores], error_y=spread, name=method))
    plot.update_layout(xaxis={"type": "log", "title": "pairs learnt from"}, yaxis_title="SARI (T2T) on test texts")
    return Figure("Sample efficiency", plot, "More pairs to the right; bars are 95 % bootstrap intervals over texts.")
