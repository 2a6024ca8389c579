"""The parts of a model that can be taken out: blocks of a sequence whose output has the shape of their input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from nonet.cka import batches
from nonet.cka.capture import device_of
from nonet.cka.config import CompareOptions
from nonet.cka.features import flat
from nonet.cka.grams import GramMaker
from nonet.foundation.errors import DataError

__all__ = ["Unit", "bypassed", "find_units", "remove"]


@dataclass(frozen=True)
class Unit:
    """A removable block.

    Attributes:
        name: of the module.
        module: itself.
        as_tuple: whether it returns a tuple that begins with the features.
        similarity: CKA of its output with its input, on one batch; near 1 it changes little.
    """

    name: str
    module: nn.Module
    as_tuple: bool
    similarity: float


@torch.no_grad()
def find_units(model: nn.Module, batch: Any, keep: Sequence[str] = ()) -> list[Unit]:
    """The blocks that `remove` can take out, in the order of the model.

    A block is a member of an ``nn.Sequential`` or ``nn.ModuleList`` that has modules below it or a sibling of its
    class, and whose output on ``batch`` has the shape of its first input.

    Args:
        model: any module.
        batch: to try it with.
        keep: names or globs of blocks that must stay.
    Raises:
        DataError: if there are none.
    """
    found: dict[str, Unit] = {}
    maker = GramMaker(CompareOptions())

    def see(name: str, module: nn.Module, inputs: tuple, out: Any) -> None:
        first = out[0] if isinstance(out, tuple) and out else out
        if not (inputs and isinstance(inputs[0], Tensor) and isinstance(first, Tensor)):
            return
        if inputs[0].shape == first.shape and first.ndim > 1:
            pair = [maker(flat(side.detach())).vector for side in (inputs[0], first)]
            norms = float((pair[0] @ pair[0]) * (pair[1] @ pair[1])) ** 0.5
            value = float(pair[0] @ pair[1]) / norms if norms else float("nan")
            found[name] = Unit(name, module, isinstance(out, tuple), value)

    handles = [
        module.register_forward_hook(lambda module, inputs, out, name=name: see(name, module, inputs, out))
        for name, module in _members(model)
        if not any(fnmatchcase(name, pattern) for pattern in keep)
    ]
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        batches.call(model, batches.moved(batch, device_of(model) or torch.device("cpu")))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    if not found:
        raise DataError(
            "The model has no block whose output has the shape of its input.",
            where=type(model).__name__,
            fix="Put repeated blocks into an nn.Sequential or nn.ModuleList.",
        )
    return [found[name] for name, _ in _members(model) if name in found]


def _members(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, container in model.named_modules():
        if isinstance(container, (nn.Sequential, nn.ModuleList)):
            kinds = [type(child) for child in container]
            for place, child in enumerate(container):
                if any(True for _ in child.children()) or (
                    kinds.count(type(child)) > 1 and any(True for _ in child.parameters())
                ):
                    yield f"{name}.{place}" if name else str(place), child


@contextmanager
def bypassed(units: Sequence[Unit]) -> Iterator[None]:
    """Inside, the units hand on their input."""
    for unit in units:
        unit.module.forward = _hand_on_tuple if unit.as_tuple else _hand_on  # type: ignore[method-assign]
    try:
        yield
    finally:
        for unit in units:
            del unit.module.forward


def _hand_on(features: Tensor, *_: Any, **__: Any) -> Tensor:
    return features


def _hand_on_tuple(features: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
    return (features,)


def remove(model: nn.Module, units: Sequence[Unit]) -> None:
    """Takes units out of the model for good; the ones behind them move up.

    A transformers model's configuration is told how many layers are left.
    """
    for unit in sorted(units, key=lambda unit: int(unit.name.rpartition(".")[2]), reverse=True):
        parent, _, place = unit.name.rpartition(".")
        container = model.get_submodule(parent)
        assert isinstance(container, (nn.Sequential, nn.ModuleList))
        before = len(container)
        del container[int(place)]
        config = getattr(model, "config", None)
        if getattr(config, "num_hidden_layers", None) == before:
            config.num_hidden_layers = before - 1  # type: ignore[union-attr]
