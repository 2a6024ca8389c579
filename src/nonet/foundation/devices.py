"""Where torch computes: the device that an option names, and `accelerate` set up for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from nonet.foundation.errors import MissingError, UsageError

__all__ = ["accelerator", "is_main_process", "pick", "threads"]


def pick(name: Literal["auto", "cpu", "cuda", "mps"] = "auto") -> torch.device:
    """The device of that name; ``"auto"`` takes the fastest that is here.

    Raises:
        MissingError: if this machine has no such device.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(each for each, here in present.items() if here))
    if not present[name]:
        raise MissingError(f"This machine has no {name} device.", where="--device", fix="Choose auto or cpu.")
    return torch.device(name)


def is_main_process() -> bool:
    """Whether this process is the one that writes and prints: of several under ``torchrun`` the first."""
    distributed = torch.distributed
    return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_rank() == 0


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Lets torch use so many threads within, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def accelerator(
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    precision: Literal["no", "bf16", "fp16"] = "no",
    accumulate: int = 1,
) -> Accelerator:
    """An `accelerate.Accelerator`; under ``torchrun`` it joins the other processes.

    Args:
        device: where to compute.
        precision: mixed precision of the forward pass.
        accumulate: parts per batch.
    Raises:
        MissingError: if this machine has no such device.
        UsageError: if the device cannot compute in this precision.
    """
    chosen = pick(device).type
    unable = UsageError(f"{chosen} does not compute in {precision}.", where="--precision", fix="Choose no or bf16.")
    # accelerate remembers the options of its first use in a process; a later training may have others
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    try:
        made = Accelerator(cpu=device == "cpu", mixed_precision=precision, gradient_accumulation_steps=accumulate)
    except ValueError as error:
        raise unable from error
    if precision != "no" and not made.native_amp:  # accelerate would silently compute in full precision
        raise unable
    return made
