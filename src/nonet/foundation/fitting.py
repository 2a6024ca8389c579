"""Whether a network that a file describes is the one whose weights it holds, asked before memory is.

A configuration is a few numbers; a damaged or hostile one can describe a network that no machine holds. It is built
without memory first, on torch's meta device, and every parameter is counted as it comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from nonet.foundation.errors import ArtifactError, NonetError

__all__ = ["Module", "bounded", "fitted"]

_MOST = 20_000  # tensors of one network; the largest published ones have a few thousand


@runtime_checkable
class Network(Protocol):
    """What is needed of a torch module; those who use NumPy alone import no torch for it."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> object:
        """Takes the weights."""
        ...

    def eval(self) -> object:
        """Leaves training."""
        ...


Module = TypeVar("Module", bound=Network)


class _TooManyError(ValueError):
    """More parameters than there may be."""


@contextmanager
def bounded(most: int = _MOST) -> Iterator[None]:
    """Stops the building of a network in this thread at a number of parameters.

    Raises:
        ValueError: from the building, when it has more.
    """
    import torch

    owner, count = threading.get_ident(), 0

    def counted(*_: object) -> None:
        nonlocal count
        if threading.get_ident() == owner:
            count += 1
            if count > most:
                raise _TooManyError(f"it describes a network of more than {most:,} parameters")

    hook = torch.nn.modules.module.register_module_parameter_registration_hook(counted)
    try:
        yield
    finally:
        hook.remove()


def fitted(build: Callable[[], Module], weights: Mapping[str, Any], what: str, where: Path) -> Module:
    """A network with its weights.

    Args:
        build: makes it, with any weights.
        weights: by name.
        what: it is, for messages.
        where: its files are.
    Raises:
        ArtifactError: if they do not fit together.
    """
    fix = "Make it again with this version of nonet."
    try:
        _require_fit(build, weights)
        module = build()
        module.load_state_dict(weights)
    except NonetError as error:
        raise ArtifactError(error.what, where=error.where or where, fix=error.fix or fix) from error
    except Exception as error:  # libraries have kinds of errors of their own for each field of a configuration
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"The {what}'s configuration and weights do not fit together ({reason}).", where=where, fix=fix
        ) from error
    return module


@contextmanager
def _undrawn() -> Iterator[None]:
    """Draws no initial values: without memory they have no place, and torch would load its compiler for them."""
    import torch
    from torch.overrides import TorchFunctionMode

    tensor = torch.Tensor
    draws = {tensor.normal_, tensor.uniform_, torch.nn.init.normal_, torch.nn.init.uniform_}

    class Undrawn(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if func in draws:
                return args[0] if args else kwargs["tensor"]
            return func(*args, **kwargs)

    with Undrawn():
        yield


def _require_fit(build: Callable[[], Any], weights: Mapping[str, Any]) -> None:
    """Compares the shapes of a network with those of its weights, without memory for it.

    Args:
        build: makes the network.
        weights: by name.
    Raises:
        ValueError: if the network has more parameters than there are weights, or one of another shape.
    """
    import torch

    try:
        with bounded(2 * len(weights) + 100), torch.device("meta"), _undrawn():
            shapes = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    except _TooManyError:
        raise
    except Exception:  # a part that cannot be built without memory; if the configuration is wrong, so it is with memory
        return
    for name, shape in shapes.items():
        if name in weights and tuple(weights[name].shape) != shape:
            raise ValueError(f"{name} is {tuple(weights[name].shape)} and should be {shape}")
