"""Batches of any shape that loaders make: their size, their padding, their checksum, and how a model is called."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nonet.foundation.errors import DataError

__all__ = ["call", "checksums", "moved", "padding_mask", "size", "tensor_of"]

_LABELS = {"label", "labels", "target", "targets", "y"}


def tensor_of(batch: Any) -> Tensor:
    """The tensor whose first dimension counts the examples: the batch itself, or its first tensor that is no label.

    Raises:
        DataError: if there is none.
    """
    if isinstance(batch, Tensor) and batch.ndim:
        return batch
    values: list[Any] = []
    if isinstance(batch, Mapping):
        values = [value for name, value in batch.items() if name not in _LABELS]
    elif isinstance(batch, (tuple, list)):
        values = list(batch)
    for value in values:
        if isinstance(value, (Tensor, Mapping, tuple, list)) and len(value):
            return tensor_of(value)
    raise DataError(
        f"A batch holds no tensor: it is a {type(batch).__name__}.",
        fix="Let the loader return a tensor, a tuple that begins with one, or a dictionary of tensors.",
    )


def size(batch: Any) -> int:
    """How many examples a batch has."""
    return len(tensor_of(batch))


def padding_mask(batch: Any) -> Tensor | None:
    """The ``attention_mask`` or ``mask`` of a batch of sequences, (examples, tokens), 1 at tokens; None without."""
    found = batch.get("attention_mask", batch.get("mask")) if isinstance(batch, Mapping) else None
    return found if isinstance(found, Tensor) and found.ndim == 2 else None


def moved(batch: Any, device: torch.device) -> Any:
    """The batch on a device; pictures in channels-last order on a processor, where convolutions are faster with it."""
    if isinstance(batch, Tensor):
        last = batch.ndim == 4 and batch.is_floating_point() and device.type == "cpu"
        return batch.to(device, memory_format=torch.channels_last) if last else batch.to(device)
    if isinstance(batch, Mapping):
        return {name: moved(value, device) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return [moved(value, device) for value in batch]
    return batch


def call(model: nn.Module, batch: Any) -> Any:
    """Calls a model with a batch: a tensor as it is, the first item of a tuple, a dictionary by the names it knows.

    Labels are left out, so that no loss is computed.

    Raises:
        DataError: if the model does not take such inputs.
    """
    try:
        if isinstance(batch, Mapping):
            return model(**_accepted(model, batch))
        return model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"The model does not take these inputs ({reason}).",
            where="--data",
            fix="Bring inputs of its size and channels (--side resizes); --debug shows where it failed.",
        ) from error


def _accepted(model: nn.Module, batch: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(model.forward).parameters
    features = {name: value for name, value in batch.items() if name not in _LABELS}
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return features
    known = {name: value for name, value in features.items() if name in parameters}
    if not known:
        raise DataError(
            f"The batch names {', '.join(map(repr, batch))}, and the model's forward takes {', '.join(parameters)}.",
            where=type(model).__name__,
            fix="Name the loader's items as the model's arguments, or give `call=` a function of model and batch.",
        )
    return known


def checksums(batch: Any) -> list[int]:
    """A checksum of every example of a batch, to tell the same data and the same order again."""
    rows = np.ascontiguousarray(_as_bytes(tensor_of(batch)))
    return [zlib.crc32(row) for row in rows]


def _as_bytes(tensor: Tensor) -> np.ndarray:
    flat = tensor.detach().cpu().contiguous().reshape(len(tensor), -1)
    return flat.view(torch.uint8).numpy() if flat.shape[1] else np.zeros((len(flat), 1), np.uint8)
