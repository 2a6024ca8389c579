"""The U-centred Gram matrix of one layer on one batch, packed: all that similarity needs to know of an activation.

It is made inside the forward hook, while the activation is what the layer put out, and takes n(n - 1)/2 numbers
however many features there are.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce

import numpy as np
import torch
from torch import Tensor

from nonet.cka.config import CompareOptions
from nonet.cka.kernels import gaussian, u_center

__all__ = ["GramMaker", "NotFiniteError", "Packed"]

_ROUNDING = 64.0  # as in `kernels.center`
_SAFE = (1e-18, 1e18)  # of a Gram's trace: beyond, squares would leave single precision
_MOSTLY_MEAN = 16.0  # Σ|x|² over Σ|x - mean|², from which the mean would cost more than a digit
_WORTH_THREADS = 2**18  # numbers


class NotFiniteError(ValueError):
    """An activation holds NaN or infinity."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A U-centred Gram matrix: its upper triangle as float32, to be multiplied by 2 ** exponent."""

    vector: np.ndarray
    exponent: int


class GramMaker:
    """Makes packed Gram matrices.

    HSIC₁ takes out the mean of the features by itself; subtracting it first only saves digits. That costs half as much
    as the product, so it is done where the product shows that the mean outweighs the rest, and from then on for that
    layer at once. A buffer is kept between calls, since fresh memory costs as much as the centring.

    Args:
        options: kernel, normalisation, and whether to take out the batch's first principal component.
    """

    def __init__(self, options: CompareOptions) -> None:
        self.options = options
        self._buffer = torch.empty(0)
        self._mostly_mean: set[str] = set()

    def __call__(self, features: Tensor, direction: Tensor | None = None, layer: str = "") -> Packed:
        """Packs the Gram matrix of features (examples, dim).

        Args:
            features: any floating type; computed in single precision.
            direction: of unit length (dim); what the features have along it is taken out first.
            layer: whose features they are.
        Raises:
            NotFiniteError: if the features hold NaN or infinity.
        """
        if self.options.normalize:
            features = torch.nn.functional.normalize(features.float(), dim=1)
        if self.options.kernel == "linear" and not self.options.remove_pc and direction is None:
            gram, exponent = self._uncentred(features, layer) or self._product(self.centred(features))
            return _packed(u_center(gram), exponent)
        centred = self.centred(features)
        if direction is not None:
            centred.addr_(centred @ direction.to(centred), direction.to(centred), alpha=-1)
        gram, exponent = self._product(centred)
        if self.options.kernel == "rbf":
            gram, exponent = gaussian(gram.astype(np.float64), self.options.bandwidth).astype(np.float32), 0
        if self.options.remove_pc:
            gram = _without_first(gram)
        return _packed(u_center(gram), exponent)

    def _uncentred(self, features: Tensor, layer: str) -> tuple[np.ndarray, int] | None:
        """The product of the features as they are; None where digits would be lost."""
        if layer in self._mostly_mean:
            return None
        gram = self._multiplied(features.float())
        trace = float(np.trace(gram, dtype=np.float64))
        if _SAFE[0] < trace < _SAFE[1]:
            rest = trace - float(gram.sum(dtype=np.float64)) / len(gram)
            if trace < _MOSTLY_MEAN * rest:
                return gram, 0
        self._mostly_mean.add(layer)
        return None

    def centred(self, features: Tensor) -> Tensor:
        """The features less their mean over the batch, in a buffer that the next call overwrites.

        Exactly zero where only the rounding of constant features would be left.
        """
        if features.dtype == torch.float64:
            out = (features - features.mean(0)).float()
            mean = features.mean(0).float()
        else:
            features = features.float()
            mean = features.mean(0)
            out = torch.sub(features, mean, out=self._room(features))
        limit = (_ROUNDING * torch.finfo(torch.float32).eps) ** 2 * float(mean.double().square().sum())
        first = float(out[0].double().square().sum())  # most layers need no second look
        if limit and first <= limit and float(out.double().square().sum()) <= limit * len(out):
            out.zero_()
        return out

    def _room(self, like: Tensor) -> Tensor:
        if self._buffer.device != like.device or self._buffer.numel() < like.numel():
            self._buffer = torch.empty(like.numel(), dtype=torch.float32, device=like.device)
        return self._buffer[: like.numel()].view(like.shape)

    def _product(self, centred: Tensor) -> tuple[np.ndarray, int]:
        """XXᵀ / 2 ** exponent; the exponent is 0 unless squares would leave the range of single precision."""
        gram, exponent = self._multiplied(centred), 0
        trace = float(np.trace(gram, dtype=np.float64))
        if not _SAFE[0] < trace < _SAFE[1]:
            largest = float(centred.abs().max())
            if not np.isfinite(largest):
                raise NotFiniteError
            if largest > 0:
                shift = int(np.frexp(largest)[1])
                # in two steps: 2 ** -shift itself may not be a single-precision number
                gram = self._multiplied(centred * 2.0 ** (-shift // 2) * 2.0 ** (-shift - -shift // 2))
                exponent = 2 * shift
        return gram, exponent

    def _multiplied(self, rows: Tensor) -> np.ndarray:
        if rows.device.type != "cpu":
            return (rows @ rows.T).cpu().numpy()
        array, threads = rows.numpy(), torch.get_num_threads()
        if threads == 1 or array.size < _WORTH_THREADS:
            return _symmetric(array)
        return reduce(np.add, self._pool.map(_symmetric, np.array_split(array, threads, axis=1)))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """Threads that multiply a share of the features each; the BLAS's own would get in the way of torch's."""
        return ThreadPoolExecutor(torch.get_num_threads())


def _symmetric(rows: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # the trace tells
        return rows @ rows.T  # NumPy sees the symmetric product and does half the work; torch does not


def _without_first(gram: np.ndarray) -> np.ndarray:
    """The Gram matrix of centred features less its first principal component."""
    from scipy.linalg import eigh

    n = len(gram)
    values, vectors = eigh(gram.astype(np.float64), subset_by_index=[n - 1, n - 1])
    return (gram - values[0] * np.outer(vectors[:, 0], vectors[:, 0])).astype(np.float32)


@lru_cache(maxsize=4)
def _triangle(n: int) -> np.ndarray:
    return np.flatnonzero(np.triu(np.ones((n, n), bool), 1))


def _packed(centred: np.ndarray, exponent: int) -> Packed:
    vector = centred.ravel().take(_triangle(len(centred)))
    norm = float(np.linalg.norm(vector))
    if norm == 0:
        return Packed(vector, 0)
    if not np.isfinite(norm):
        raise NotFiniteError
    shift = int(np.frexp(norm)[1])
    return Packed(np.ldexp(vector, -shift), exponent + shift)
