"""Eigenvalues of many matrices held by NumPy: the compiled loop first, then more care for the rows it marked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nonet.eigen import kernels
from nonet.eigen.careful import complex_spectrum, real_spectrum
from nonet.eigen.namespaces import Namespace

__all__ = ["NUMPY", "complex_pairs", "hermitian_pairs", "real_pairs", "symmetric_pairs"]

NUMPY = Namespace("numpy", np)
_CHUNK = 4096  # rows done with care at once: what they need fits the processor's cache
_SHARE = 65_536  # rows that are worth a thread of their own

Flat = tuple[np.ndarray, ...] | np.ndarray


def real_pairs(entries: Flat, half: bool, workers: int = 1) -> tuple[np.ndarray, np.ndarray | None]:
    """Eigenvalues of general real matrices.

    Args:
        entries: a, b, c, d as contiguous arrays of shape (n,), or one contiguous array of shape (4n,) with the four
            entries of one matrix after the other; float32 or float64.
        half: whether half the distance is wanted too.
        workers: threads that share the rows.

    Returns:
        Complex eigenvalues of shape (n, 2), and half the distance as `Spectrum` has it.
    """
    size = entries.size // 4 if isinstance(entries, np.ndarray) else entries[0].size
    kind = entries.dtype if isinstance(entries, np.ndarray) else entries[0].dtype
    roots = np.empty(4 * size, kind)
    distance = np.empty(size, kind) if half else None
    pairs = roots.view(np.result_type(kind, np.complex64)).reshape(size, 2)

    def again(rows: np.ndarray) -> None:
        table = entries.reshape(-1, 4).T if isinstance(entries, np.ndarray) else entries
        a, b, c, d = (column[rows].astype(np.float64) for column in table)
        found = real_spectrum(NUMPY, a, d, [(b, c)])
        real = ~(found.half < 0)
        pairs[rows, 0] = NUMPY.complex(np.where(real, found.low, found.centre), np.where(real, 0.0, found.half))
        pairs[rows, 1] = NUMPY.complex(np.where(real, found.high, found.centre), np.where(real, 0.0, -found.half))
        if distance is not None:
            distance[rows] = found.half

    def share(first: int, last: int) -> None:
        marked = np.empty(last - first, np.bool_)
        out = roots[4 * first : 4 * last], _part(distance, first, last), marked
        if isinstance(entries, np.ndarray):
            kernels.general_rows(entries[4 * first : 4 * last], *out)
        else:
            kernels.general_entries(*(entry[first:last] for entry in entries), *out)
        _in_chunks(first + np.flatnonzero(marked), again)

    _shared(size, workers, share)
    return pairs, distance


def symmetric_pairs(entries: Flat, lower: bool, half: bool, workers: int = 1) -> tuple[np.ndarray, np.ndarray | None]:
    """Eigenvalues of real symmetric matrices.

    Args:
        entries: a, b, d as contiguous arrays of shape (n,), or one of shape (4n,) as in `real_pairs`.
        lower: whether the lower of the two off-diagonal entries is the one to read, in the second form.
        half: whether half the distance is wanted too.
        workers: threads that share the rows.

    Returns:
        Eigenvalues of shape (2, n), the smaller ones first, and half the distance.
    """
    size = entries.size // 4 if isinstance(entries, np.ndarray) else entries[0].size
    kind = entries.dtype if isinstance(entries, np.ndarray) else entries[0].dtype
    pairs = np.empty((2, size), kind)
    distance = np.empty(size, kind) if half else None

    def again(rows: np.ndarray) -> None:
        if isinstance(entries, np.ndarray):
            columns = entries.reshape(-1, 4).T
            table = (columns[0], columns[2 if lower else 1], columns[3])
        else:
            table = entries
        a, b, d = (column[rows].astype(np.float64) for column in table)
        found = real_spectrum(NUMPY, a, d, [(b, b)])
        pairs[0, rows], pairs[1, rows] = found.low, found.high
        if distance is not None:
            distance[rows] = found.half

    def share(first: int, last: int) -> None:
        out = pairs[0, first:last], pairs[1, first:last], _part(distance, first, last)
        if isinstance(entries, np.ndarray):
            left = kernels.symmetric_rows(entries[4 * first : 4 * last], lower, *out)
        else:
            left = kernels.symmetric_entries(*(entry[first:last] for entry in entries), *out)
        if left:  # to look without need would cost a tenth of the loop
            _in_chunks(first + np.flatnonzero(np.isnan(out[0])), again)

    _shared(size, workers, share)
    return pairs, distance


def complex_pairs(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (n, 2) and half the distance (n,) of general complex matrices, each entry of shape (n,)."""
    pairs, distance = np.empty((a.size, 2), a.dtype), np.empty(a.size, a.dtype)

    def every(rows: np.ndarray) -> None:
        found = complex_spectrum(NUMPY, *(entry[rows].astype(np.complex128) for entry in (a, b, c, d)))
        pairs[rows, 0], pairs[rows, 1], distance[rows] = found.low, found.high, found.half

    _in_chunks(np.arange(a.size), every)
    return pairs, distance


def hermitian_pairs(a: np.ndarray, b: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (2, n) and half the distance (n,) of Hermitian matrices: a and d real, b complex."""
    pairs, distance = np.empty((2, a.size), a.dtype), np.empty(a.size, a.dtype)

    def every(rows: np.ndarray) -> None:
        real, imaginary = np.real(b)[rows].astype(np.float64), np.imag(b)[rows].astype(np.float64)
        across = [(real, real), (imaginary, imaginary)]
        found = real_spectrum(NUMPY, a[rows].astype(np.float64), d[rows].astype(np.float64), across)
        pairs[0, rows], pairs[1, rows], distance[rows] = found.low, found.high, found.half

    _in_chunks(np.arange(a.size), every)
    return pairs, distance


def _part(array: np.ndarray | None, first: int, last: int) -> np.ndarray | None:
    return None if array is None else array[first:last]


def _shared(size: int, workers: int, share: Callable[[int, int], None]) -> None:
    """Calls ``share(first, last)`` on all rows, if they are many in threads: the compiled loops hold no lock."""
    count = max(1, min(workers, size // _SHARE))
    if count == 1:
        share(0, size)
        return
    ends = [size * i // count for i in range(count + 1)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(share, ends[:-1], ends[1:]))


def _in_chunks(rows: np.ndarray, work: Callable[[np.ndarray], None]) -> None:
    with np.errstate(all="ignore"):  # what overflows, underflows or is not a number here is meant to
        for start in range(0, rows.size, _CHUNK):
            work(rows[start : start + _CHUNK])
