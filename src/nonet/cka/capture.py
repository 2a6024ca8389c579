"""What every layer of a model puts out on a batch, reduced to something small the moment it is put out.

The reduction runs inside the forward hook: an in-place ReLU or ``+=`` that follows cannot change what was seen. A
module that is called twice is reported for each call. Hooks, training modes and gradients are as before afterwards,
whatever happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from nonet.cka import batches
from nonet.cka.config import CompareOptions
from nonet.cka.features import Positions, batch_first, flat, outputs, pooled
from nonet.cka.grams import NotFiniteError
from nonet.cka.selecting import Layers, select, unwrapped
from nonet.foundation.errors import DataError

__all__ = ["Capture", "ReadFeatures", "Reduce", "device_of"]

Found = TypeVar("Found")
Reduce = Callable[[str, Tensor], Found]
"""Makes something of a layer's name and its activation (examples, …), which it must not keep."""
Call = Callable[[nn.Module, Any], Any]

INPUT = "input"


@dataclass
class Capture(Generic[Found]):
    """Runs a model on batches and reduces what its layers put out.

    Attributes:
        model: any module; wrappers of data parallelism and compilation are looked through.
        reduce: what is kept of an activation.
        layers: which modules; see `select`.
        call: how the model is called with a batch.
        inputs: whether the input counts as a layer.
        skipped: layers that could not be read, and why; filled by `run`.
    """

    model: nn.Module
    reduce: Reduce[Found]
    layers: Layers = None
    call: Call = batches.call
    inputs: bool = False
    skipped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = unwrapped(self.model)
        self.chosen = select(self.model, self.layers)
        self._seen: dict[str, Found] = {}
        self._calls: Counter[str] = Counter()
        self._examples = 0

    @contextmanager
    def attached(self) -> Iterator[Capture[Found]]:
        """Hooks are in place and the model is in evaluation mode inside the block, and as before after it."""
        modes = {module: module.training for module in self.model.modules()}
        handles = [
            module.register_forward_hook(lambda module, _, out, name=name: self._take(name, module, out))
            for name, module in self.chosen.items()
        ]
        self.model.eval()
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()
            for module, training in modes.items():
                module.training = training

    @torch.no_grad()
    def run(self, batch: Any) -> dict[str, Found]:
        """One forward pass.

        Args:
            batch: as the loader makes it; moved to the model's device.
        Returns:
            What was kept, by layer, in the order of computation.
        Raises:
            DataError: if no chosen layer put out anything that can be read.
        """
        batch = batches.moved(batch, device_of(self.model) or batches.tensor_of(batch).device)
        self._seen, self._calls, self._examples = {}, Counter(), batches.size(batch)
        if self.inputs:
            self._keep(INPUT, nn.Identity(), batches.tensor_of(batch))
        self.call(self.model, batch)
        if len(self._seen) <= self.inputs:
            raise self._nothing()
        return self._seen

    def _take(self, name: str, module: nn.Module, out: Any) -> None:
        self._calls[name] += 1
        number = self._calls[name]
        label = name if number == 1 else f"{name}#{number}"
        for key, tensor in outputs(out, label):
            self._keep(key, module, tensor)

    def _keep(self, key: str, module: nn.Module, tensor: Tensor) -> None:
        ready = batch_first(tensor.detach(), module, self._examples)
        if isinstance(ready, str):
            self.skipped[key] = ready
            return
        try:
            self._seen[key] = self.reduce(key, ready)
        except NotFiniteError as error:
            raise DataError(
                "The activation holds NaN or infinity.",
                where=f"layer {key}",
                fix="Look for broken inputs or weights before this layer.",
            ) from error

    def _nothing(self) -> DataError:
        if self.skipped:
            name, reason = next(iter(self.skipped.items()))
            return DataError(f"No layer put out features of the examples; '{name}' {reason}.", where=self._title)
        return DataError(
            "The model ran, but none of the chosen layers was called.",
            where=self._title,
            fix="Choose layers that its forward pass calls as modules.",
        )

    @property
    def _title(self) -> str:
        return type(self.model).__name__


def device_of(model: nn.Module) -> torch.device | None:
    """Where a model's first parameter or buffer is; None for a model without."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return None


class ReadFeatures(Generic[Found]):
    """Turns activations into flat features as the options say, and hands them on.

    Attributes:
        mask: the padding of the batch that comes next.
    """

    def __init__(self, options: CompareOptions, reduce: Callable[[str, Tensor], Found]) -> None:
        self._tokens, self._reduce = options.tokens, reduce
        self._positions = Positions(options.positions, options.seed)
        self.mask: Tensor | None = None

    def __call__(self, name: str, tensor: Tensor) -> Found:
        tensor = pooled(tensor, self._tokens, self.mask)
        return self._reduce(name, flat(self._positions.keep(tensor, name)))
