"""Rows of tokens in batches: of similar length, so that little is computed on padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import Dataset

__all__ = ["TokenRows", "by_length", "padded", "present"]

Row = TypeVar("Row")
_POOL = 16  # batches that are sorted by length together while learning: enough to save padding, few enough to mix


class TokenRows(Dataset, Generic[Row]):
    """Examples that training reads in batches of similar length, in another order each epoch.

    Args:
        rows: the examples.
        lengths: theirs, in tokens.
        batch: how many make a batch.
    """

    def __init__(self, rows: Sequence[Row], lengths: Sequence[int], batch: int) -> None:
        self.rows, self.lengths, self.batch = rows, np.asarray(lengths), batch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]

    def epoch_order(self, seed: int, epoch: int) -> Int[np.ndarray, "rows"]:
        """The order of an epoch; rows that fill no batch come last."""
        rng = np.random.default_rng([seed, epoch])
        drawn = rng.permutation(len(self))
        whole = len(self) // self.batch * self.batch
        pools = np.split(drawn[:whole], range(_POOL * self.batch, whole, _POOL * self.batch))
        pools = [pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools]
        batches = np.concatenate(pools).reshape(-1, self.batch)
        return np.concatenate([rng.permutation(batches).ravel(), drawn[whole:]])


def padded(rows: Sequence[Sequence[int]], value: int) -> Int[Tensor, "rows tokens"]:
    """Rows of different lengths as one array."""
    made = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for number, row in enumerate(rows):
        made[number, : len(row)] = row
    return torch.from_numpy(made)


def present(rows: Sequence[Sequence[int]]) -> Tensor:
    """The mask of what is no padding in `padded` rows."""
    lengths = torch.tensor([len(row) for row in rows])
    return torch.arange(int(lengths.max())) < lengths[:, None]


def by_length(items: Sequence[Row], length: Callable[[Row], int], most: int) -> Iterator[list[int]]:
    """Batches of items of similar length, as their numbers.

    Args:
        items: any.
        length: of an item in tokens.
        most: the most tokens in a batch, padding included.
    """
    order = sorted(range(len(items)), key=lambda number: length(items[number]))
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * length(items[number]) > most:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
