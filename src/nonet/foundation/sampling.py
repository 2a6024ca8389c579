"""Which examples make which step: a function of (seed, step) alone, so that any step can be taken up again.

An epoch is a permutation keyed by (seed, epoch), cut into whole batches; the examples left over differ from epoch to
epoch. A batch is cut into the accumulated parts, and a part into the shares of the processes: the same examples make
step 1234 whatever the number of processes and workers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from nonet.foundation.errors import DataError, NonetError, UsageError
from nonet.foundation.interruption import ignore_interrupts

__all__ = ["Part", "Plan", "Rows", "Seeded", "batches", "kept_randomness", "seed_all"]


@dataclass(frozen=True)
class Part:
    """The examples that one process computes at once.

    Attributes:
        indices: their numbers in the data.
        key: what their randomness (augmentation, masking) is seeded with.
    """

    indices: list[int]
    key: tuple[int, ...]


class Plan(Sampler[Part]):
    """The parts of one process, step after step.

    Args:
        examples: how many the data has.
        batch_size: examples per step over all processes and parts.
        steps: the step to stop before.
        start: the step to begin with.
        accumulate: parts per step.
        process: which process, of how many (``processes``).
        seed: decides the order.
        order: the order of the examples of an epoch by (seed, epoch), for data that are read fastest in an order of
            their own; a uniform permutation if None.
    Raises:
        DataError: if there are fewer examples than one batch takes.
        UsageError: if a batch cannot be shared out evenly.
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        steps: int,
        *,
        start: int = 0,
        accumulate: int = 1,
        process: int = 0,
        processes: int = 1,
        seed: int = 0,
        order: Callable[[int, int], np.ndarray] | None = None,
    ) -> None:
        if examples < batch_size:
            raise DataError(
                f"There are {examples:,} examples to train on, fewer than one batch of {batch_size:,}.",
                fix=f"Bring more data or choose a batch size of at most {examples:,}.",
            )
        if batch_size % (accumulate * processes):
            raise UsageError(
                f"A batch of {batch_size} cannot be cut evenly into {accumulate} parts for {processes} processes.",
                where="batch_size",
                fix=f"Choose a multiple of {accumulate * processes}.",
            )
        self.examples, self.batch_size, self.steps, self.start = examples, batch_size, steps, start
        self.accumulate, self.process, self.processes, self.seed = accumulate, process, processes, seed
        self.order = order or self._permutation

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the data."""
        return self.examples // self.batch_size

    def __len__(self) -> int:
        return max(0, self.steps - self.start) * self.accumulate

    def __iter__(self) -> Iterator[Part]:
        share = self.batch_size // (self.accumulate * self.processes)
        epoch, order = -1, np.empty(0, np.int64)
        for step in range(self.start, self.steps):
            if step // self.steps_per_epoch != epoch:
                epoch = step // self.steps_per_epoch
                order = self.order(self.seed, epoch)
            first = step % self.steps_per_epoch * self.batch_size
            for part in range(self.accumulate):
                begin = first + (part * self.processes + self.process) * share
                yield Part(order[begin : begin + share].tolist(), (self.seed, step, part, self.process))

    def _permutation(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(self.examples)


class Seeded(Dataset):
    """Batches, each read and collated under its own seed by whichever worker reads it.

    Args:
        data: the examples.
        collate: makes a batch of a list of examples; None for torch's way. `Rows` come as batches already.
    """

    def __init__(self, data: Dataset, collate: Callable[[Any], Any] | None = None) -> None:
        self.data = data
        self.collate = collate or (_same if isinstance(data, Rows) else default_collate)

    def __getitems__(self, part: Part) -> Any:
        """The batch of a part, or the error to show, which a worker process would bury in a traceback."""
        seed_all("data", *part.key)
        read = getattr(self.data, "__getitems__", None)
        try:
            return self.collate(read(part.indices) if read else [self.data[index] for index in part.indices])
        except NonetError as error:
            return error


class Rows(Dataset):
    """Tensors in memory (cached features), read a batch at a time.

    Args:
        **columns: tensors with the same first dimension; a batch is a mapping of the same names.
    """

    def __init__(self, **columns: Tensor) -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"The columns differ in length: {lengths}.", fix="Give one row an example in each.")
        self.columns = columns
        self._length = min(lengths.values(), default=0)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self.columns.items()}

    def __getitems__(self, indices: Sequence[int]) -> Mapping[str, Tensor]:
        """The rows ``indices`` as one batch."""
        rows = torch.as_tensor(indices)
        return {name: column[rows] for name, column in self.columns.items()}


def batches(data: Seeded, plan: Plan, *, workers: int, pin: bool) -> Iterator[Any]:
    """The batches of a plan, read ahead by worker processes if there are any.

    Raises:
        NonetError: the error of a dataset, whichever process it happened in.
    """
    loader = DataLoader(
        data,
        batch_sampler=cast(Any, plan),
        collate_fn=_same,
        num_workers=workers,
        worker_init_fn=ignore_interrupts if workers else None,
        generator=torch.Generator(),
        pin_memory=pin,
    )
    for batch in loader:
        if isinstance(batch, NonetError):
            raise batch
        yield batch


def _same(batch: Any) -> Any:
    return batch


def seed_all(*key: int | str) -> None:
    """Seeds Python's, NumPy's and torch's global generators with a key."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    seed = int.from_bytes(digest, "little")
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    # torch.manual_seed would prepare every kind of device that is not there, which costs milliseconds a step;
    # the seed has 63 bits, which torch takes alike on every device
    torch.default_generator.manual_seed(seed >> 1)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed >> 1)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed >> 1)


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Leaves the global generators as they were before the block."""
    python, array = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(array)
