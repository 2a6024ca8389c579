"""Goes through the data once and compares every layer with every other, of one model or of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nonet.cka import batches
from nonet.cka.accumulator import Accumulator, Layer
from nonet.cka.capture import Call, Capture, ReadFeatures
from nonet.cka.config import CompareOptions
from nonet.cka.grams import GramMaker, Packed
from nonet.cka.kernels import LEAST_EXAMPLES
from nonet.cka.resuming import Progress
from nonet.cka.selecting import Layers
from nonet.cka.similarity import Similarity, from_sums
from nonet.foundation import console
from nonet.foundation.errors import DataError, ResourceError, UsageError

__all__ = ["accumulate", "cka", "compare"]

Directions = Mapping[str, Mapping[str, Tensor]]


def cka(
    model: nn.Module,
    loader: Iterable[Any],
    other: nn.Module | None = None,
    *,
    other_loader: Iterable[Any] | None = None,
    layers: Layers = None,
    other_layers: Layers = None,
    options: CompareOptions | None = None,
    call: Call = batches.call,
) -> Similarity:
    """Minibatch CKA between the layers of two models, or of a model and itself (Nguyen et al. 2021, §2).

    Args:
        model: any module; it is left as it was.
        loader: batches: tensors, tuples that begin with one, or dictionaries of the model's arguments.
        other: a second model; None compares the model with itself.
        other_loader: batches of the same examples in the form that the second model takes; by default the same ones.
        layers: which modules: None for every leaf, a name or glob or several, or a function of name and module.
        other_layers: the same for the second model; None means ``layers`` if that is a function or None.
        options: kernel, tokens, sub-sampling, intervals.
        call: how a model is called with a batch.
    Returns:
        Rows are layers of ``model``, columns those of ``other``.
    Raises:
        DataError: if a layer puts out NaN, the two loaders do not show the same examples, or batches are too small.
        UsageError: if no layer is chosen.
    """
    if other is None:
        maps = compare({"model": model}, loader, layers=layers, options=options, call=call)
        return maps["model", "model"]
    second = other_layers if other_layers is not None or isinstance(layers, (str, list, tuple)) else layers
    maps = compare(
        {"model": model, "other": other},
        loader,
        layers={"model": layers, "other": second},
        loaders={} if other_loader is None else {"other": other_loader},
        options=options,
        call=call,
    )
    return maps["model", "other"]


def compare(
    models: Mapping[str, nn.Module],
    loader: Iterable[Any],
    *,
    layers: Layers | Mapping[str, Layers] = None,
    loaders: Mapping[str, Iterable[Any]] | None = None,
    options: CompareOptions | None = None,
    call: Call = batches.call,
    state: Path | None = None,
) -> dict[tuple[str, str], Similarity]:
    """The maps between every two of several models, from one pass over the data.

    Args:
        models: by name.
        loader: as in `cka`.
        layers: for all models, or by the models' names.
        loaders: of models that need the same examples in another form.
        options: see `CompareOptions`.
        call: as in `cka`.
        state: a file that progress is kept in; the same call goes on from it after an interruption.
    Returns:
        By the names of two models, in both orders and with themselves.
    """
    options = options or CompareOptions()
    facts: dict[str, Any] = {"options": asdict(options)}
    accumulator = accumulate(
        models, loader, layers=layers, loaders=loaders, options=options, call=call, state=state, facts=facts
    )
    return from_sums(accumulator, facts)


def accumulate(
    models: Mapping[str, nn.Module],
    loader: Iterable[Any],
    *,
    layers: Layers | Mapping[str, Layers] = None,
    loaders: Mapping[str, Iterable[Any]] | None = None,
    options: CompareOptions | None = None,
    call: Call = batches.call,
    state: Path | None = None,
    offset: int = 0,
    directions: Directions | None = None,
    facts: dict[str, Any] | None = None,
) -> Accumulator:
    """The sums behind `compare`, to be merged with those of other data or processes.

    Args:
        models: as in `compare`, like all that follow up to ``state``.
        loader: this process's share of the batches.
        layers: which modules.
        loaders: of models with their own form of the examples.
        options: how similarity is measured.
        call: how a model is called.
        state: a file to keep progress in.
        offset: number of this process's first batch, so that processes fill different groups of the jackknife.
        directions: by model and layer, a unit vector whose component is taken out of the features.
        facts: takes what a reader should know: skipped layers and batches, how the values settled.
    """
    options = options or CompareOptions()
    chosen = layers if isinstance(layers, Mapping) else dict.fromkeys(models, layers)
    readers = _Readers(models, chosen, options, call, directions or {})
    progress = Progress(state, options)
    accumulator: Accumulator | None = None
    short = 0
    total = _length(loader, options.passes)
    with _one_blas_thread(), readers.attached(), console.progress("Comparing layers", total) as bar:
        for number, batch in enumerate(_paired(loader, loaders or {}, models, options.passes)):
            bar.advance()
            examples, checksum = batch.examples, batch.checksum()
            if examples < LEAST_EXAMPLES:
                short += examples
                continue
            if progress.seen(number, checksum):
                continue
            grams = readers.grams(batch)
            if accumulator is None:
                accumulator = progress.taken_up() or _empty(list(grams), examples, options, offset)
            accumulator.add(grams, examples, checksum)
            progress.keep(accumulator, number, checksum)
            if progress.settled(accumulator, options.tolerance):
                break
    accumulator = accumulator or progress.taken_up()
    if accumulator is None:
        raise DataError(
            f"No batch had {LEAST_EXAMPLES} examples or more, which HSIC₁ needs.", fix="Use larger batches."
        )
    progress.done()
    if facts is not None:
        facts |= {"left_out_examples": short, "skipped": readers.skipped, "settling": progress.settling}
    return accumulator


class _Readers:
    """All models side by side, and the Gram matrices of all their layers."""

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        layers: Mapping[str, Layers],
        options: CompareOptions,
        call: Call,
        directions: Directions,
    ) -> None:
        maker = GramMaker(options)
        self._captures: dict[str, Capture[Packed]] = {}
        self._features: dict[str, ReadFeatures[Packed]] = {}
        for name, model in models.items():
            features = ReadFeatures(options, partial(_gram, maker, name, directions.get(name, {})))
            self._features[name] = features
            self._captures[name] = Capture(model, features, layers.get(name), call, options.inputs)

    @contextmanager
    def attached(self) -> Iterator[None]:
        with ExitStack() as stack:
            for capture in self._captures.values():
                stack.enter_context(capture.attached())
            yield

    def grams(self, batch: _Batch) -> dict[Layer, Packed]:
        found: dict[Layer, Packed] = {}
        for name, capture in self._captures.items():
            self._features[name].mask = batches.padding_mask(batch.of(name))
            found |= {Layer(name, key): gram for key, gram in capture.run(batch.of(name)).items()}
        return found

    @property
    def skipped(self) -> dict[str, dict[str, str]]:
        return {name: capture.skipped for name, capture in self._captures.items() if capture.skipped}


def _gram(maker: GramMaker, model: str, directions: Mapping[str, Tensor], layer: str, features: Tensor) -> Packed:
    return maker(features, directions.get(layer), f"{model}/{layer}")


class _Batch:
    """A batch in the form that each model takes."""

    def __init__(self, shared: Any, own: Mapping[str, Any]) -> None:
        self._shared, self._own = shared, own
        self.examples = batches.size(shared)

    def of(self, model: str) -> Any:
        return self._own.get(model, self._shared)

    def checksum(self) -> int:
        return hash(tuple(batches.checksums(self._shared))) % 2**61


def _paired(
    loader: Iterable[Any], loaders: Mapping[str, Iterable[Any]], models: Mapping[str, nn.Module], passes: int
) -> Iterator[_Batch]:
    """Batches of all loaders side by side, checked to be of the same examples as far as that can be seen."""
    unknown = sorted(set(loaders) - set(models))
    if unknown:
        raise UsageError(f"There is no model '{unknown[0]}' for this loader.", where="loaders")
    for _ in range(passes):
        if not loaders:
            yield from (_Batch(batch, {}) for batch in loader)
            continue
        order = _Order(list(loaders))
        for row in zip_longest(loader, *loaders.values()):
            yield _Batch(row[0], order.checked(row))
        order.finish()


class _Order:
    """Tells whether loaders that show the same inputs show them in the same order."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._sets: list[list[int]] = [[] for _ in range(len(names) + 1)]
        self._differ = False

    def checked(self, row: tuple[Any, ...]) -> dict[str, Any]:
        if any(batch is None for batch in row):
            raise DataError("The loaders are of different lengths.", where="loaders", fix="Give both the same data.")
        sizes = {batches.size(batch) for batch in row}
        if len(sizes) > 1:
            raise DataError(
                f"Batches of {' and '.join(map(str, sorted(sizes)))} examples cannot be compared.",
                where="loaders",
                fix="Give both loaders the same data and the same batch size.",
            )
        sums = [batches.checksums(batch) for batch in row]
        self._differ |= any(one != sums[0] for one in sums)
        for kept, new in zip(self._sets, sums, strict=True):
            kept += new
        return dict(zip(self._names, row[1:], strict=True))

    def finish(self) -> None:
        first = sorted(self._sets[0])
        if self._differ and any(sorted(other) == first for other in self._sets[1:]):
            raise DataError(
                "The loaders show the same examples in different orders: row i of both must be the same example.",
                where="loaders",
                fix="Take shuffle=False, or one loader for both models.",
            )


def _empty(layers: list[Layer], examples: int, options: CompareOptions, offset: int) -> Accumulator:
    """No sums yet, unless they would not fit into memory."""
    import psutil

    wanted = len(layers) * examples * (examples - 1) * 2 + (options.groups + 2) * 8 * len(layers) ** 2
    free = psutil.virtual_memory().available
    if wanted > 0.6 * free:
        raise ResourceError(
            f"{len(layers):,} layers in batches of {examples} need about {wanted / 2**30:.1f} GiB of memory;"
            f" {free / 2**30:.1f} are free.",
            fix="Choose fewer layers, smaller batches or fewer groups.",
        )
    return Accumulator(layers, weighting=options.weighting, groups=options.groups, offset=offset)


def _length(loader: Iterable[Any], passes: int) -> int | None:
    try:
        return len(loader) * passes  # type: ignore[arg-type]
    except TypeError:
        return None


def _one_blas_thread() -> Any:
    """Inside, NumPy multiplies with one thread: two pools of threads that take turns are many times slower."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")
