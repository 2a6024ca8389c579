"""Twenty-seven smooth test problems with their standard starting points, differentiable by torch.

Twenty-six are sums of squares after J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing Unconstrained Optimization
Software", ACM TOMS 7 (1981), 17-41 (numbers in brackets are theirs: 1 to 30 without 6, 10, 27 and 29); the last is a
quadratic of condition 1e6. They are small and hard: curved valleys, bad scaling, singular minima.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["PROBLEMS", "Problem"]

Vector = Float[Tensor, "n"]


@dataclass(frozen=True)
class Problem:
    """A function to minimise.

    Attributes:
        name: what the field calls it.
        start: the standard starting point.
        residuals: vector whose sum of squares is minimised.
    """

    name: str
    start: tuple[float, ...]
    residuals: Callable[[Tensor], Tensor]

    def __call__(self, x: Vector) -> Float[Tensor, ""]:
        """The function's value at ``x``."""
        return self.residuals(x).square().sum()

    def x0(self, dtype: torch.dtype = torch.float64) -> Vector:
        """The starting point as a tensor."""
        return torch.tensor(self.start, dtype=dtype)


def _data(text: str) -> Tensor:
    return torch.tensor([float(word) for word in text.split()], dtype=torch.float64)


_BARD = _data(".14 .18 .22 .25 .29 .32 .35 .39 .37 .58 .73 .96 1.34 2.10 4.39")
_GAUSSIAN = _data(".0009 .0044 .0175 .0540 .1295 .2420 .3521 .3989 .3521 .2420 .1295 .0540 .0175 .0044 .0009")
_KOWALIK = _data(".1957 .1947 .1735 .1600 .0844 .0627 .0456 .0342 .0323 .0235 .0246")
_KOWALIK_U = _data("4 2 1 .5 .25 .167 .125 .1 .0833 .0714 .0625")
_OSBORNE_1 = _data(
    ".844 .908 .932 .936 .925 .908 .881 .850 .818 .784 .751 .718 .685 .658 .628 .603 .580 .558 .538 .522 .506 .490 "
    ".478 .467 .457 .448 .438 .431 .424 .420 .414 .411 .406"
)
_OSBORNE_2 = _data(
    "1.366 1.191 1.112 1.013 .991 .885 .831 .847 .786 .725 .746 .679 .608 .655 .616 .606 .602 .626 .651 .724 .649 .649 "
    ".694 .644 .624 .661 .612 .558 .533 .495 .500 .423 .395 .375 .372 .391 .396 .405 .428 .429 .523 .562 .607 .653 "
    ".672 .708 .633 .668 .645 .632 .591 .559 .597 .625 .739 .710 .729 .720 .636 .581 .428 .292 .162 .098 .054"
)


def _count(n: int, x: Tensor, first: int = 1) -> Tensor:
    return torch.arange(first, first + n, dtype=x.dtype, device=x.device)


def _freudenstein(x: Tensor) -> Tensor:
    a, b = x
    return torch.stack([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def _powell_bad(x: Tensor) -> Tensor:
    return torch.stack([1e4 * x[0] * x[1] - 1, (-x).exp().sum() - 1.0001])


def _brown_bad(x: Tensor) -> Tensor:
    return torch.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def _beale(x: Tensor) -> Tensor:
    powers = x[1] ** _count(3, x)
    return torch.tensor([1.5, 2.25, 2.625], dtype=x.dtype) - x[0] * (1 - powers)


def _helical(x: Tensor) -> Tensor:
    turn = torch.atan2(x[1], x[0]) / (2 * math.pi)
    turn = torch.where((x[0] < 0) & (x[1] < 0), turn + 1, turn)  # the branch of the definition: -1/4 to 3/4
    return torch.stack([10 * (x[2] - 10 * turn), 10 * (x[0].square() + x[1].square()).sqrt() - 10, x[2]])


def _bard(x: Tensor) -> Tensor:
    u = _count(15, x)
    v = 16 - u
    return _BARD.to(x) - (x[0] + u / (v * x[1] + torch.minimum(u, v) * x[2]))


def _gaussian(x: Tensor) -> Tensor:
    t = (8 - _count(15, x)) / 2
    return x[0] * torch.exp(-x[1] * (t - x[2]).square() / 2) - _GAUSSIAN.to(x)


def _gulf(x: Tensor) -> Tensor:
    t = _count(99, x) / 100
    y = 25 + (-50 * t.log()) ** (2 / 3)
    return torch.exp(-(((y - x[1]).abs() ** x[2]) / x[0])) - t


def _box(x: Tensor) -> Tensor:
    t = 0.1 * _count(10, x)
    return torch.exp(-t * x[0]) - torch.exp(-t * x[1]) - x[2] * (torch.exp(-t) - torch.exp(-10 * t))


def _powell_singular(x: Tensor) -> Tensor:
    a, b, c, d = x.view(-1, 4).T
    return torch.cat([a + 10 * b, 5**0.5 * (c - d), (b - 2 * c).square(), 10**0.5 * (a - d).square()])


def _wood(x: Tensor) -> Tensor:
    a, b, c, d = x
    return torch.stack(
        [
            10 * (b - a * a), 1 - a, 90**0.5 * (d - c * c), 1 - c, 10**0.5 * (b + d - 2), 10**-0.5 * (b - d),
        ]
    )  # fmt: skip


def _kowalik(x: Tensor) -> Tensor:
    u = _KOWALIK_U.to(x)
    return _KOWALIK.to(x) - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3])


def _brown_dennis(x: Tensor) -> Tensor:
    t = _count(20, x) / 5
    return (x[0] + t * x[1] - t.exp()).square() + (x[2] + x[3] * t.sin() - t.cos()).square()


def _osborne_1(x: Tensor) -> Tensor:
    t = 10 * _count(33, x, 0)
    return _OSBORNE_1.to(x) - (x[0] + x[1] * torch.exp(-t * x[3]) + x[2] * torch.exp(-t * x[4]))


def _biggs(x: Tensor) -> Tensor:
    t = 0.1 * _count(13, x)
    y = torch.exp(-t) - 5 * torch.exp(-10 * t) + 3 * torch.exp(-4 * t)
    return x[2] * torch.exp(-t * x[0]) - x[3] * torch.exp(-t * x[1]) + x[5] * torch.exp(-t * x[4]) - y


def _osborne_2(x: Tensor) -> Tensor:
    t = _count(65, x, 0) / 10
    model = x[0] * torch.exp(-t * x[4])
    for k in range(1, 4):
        model = model + x[k] * torch.exp(-((t - x[k + 7]).square()) * x[k + 4])
    return _OSBORNE_2.to(x) - model


def _watson(x: Tensor) -> Tensor:
    t = (_count(29, x) / 29)[:, None]
    power = _count(len(x), x, 0)
    slope = (power[1:] * x[1:] * t ** power[:-1]).sum(1)
    level = (x * t**power).sum(1)
    return torch.cat([slope - level.square() - 1, x[:1], (x[1] - x[0].square() - 1)[None]])


def _rosenbrock(x: Tensor) -> Tensor:
    even, odd = x[::2], x[1::2]
    return torch.cat([10 * (odd - even.square()), 1 - even])


def _penalty_1(x: Tensor) -> Tensor:
    return torch.cat([1e-5**0.5 * (x - 1), (x.square().sum() - 0.25)[None]])


def _penalty_2(x: Tensor) -> Tensor:
    n, small = len(x), 1e-5**0.5
    i = _count(n - 1, x, 2)
    y = torch.exp(i / 10) + torch.exp((i - 1) / 10)
    grown = torch.exp(x / 10)
    near = small * (grown[1:] + grown[:-1] - y)
    far = small * (grown[1:] - math.exp(-0.1))
    weights = n - _count(n, x) + 1
    return torch.cat([(x[0] - 0.2)[None], near, far, ((weights * x.square()).sum() - 1)[None]])


def _variably_dimensioned(x: Tensor) -> Tensor:
    moment = (_count(len(x), x) * (x - 1)).sum()
    return torch.cat([x - 1, moment[None], moment.square()[None]])


def _trigonometric(x: Tensor) -> Tensor:
    i = _count(len(x), x)
    return len(x) - x.cos().sum() + i * (1 - x.cos()) - x.sin()


def _discrete_boundary(x: Tensor) -> Tensor:
    n = len(x)
    h = 1 / (n + 1)
    t = h * _count(n, x)
    wide = torch.nn.functional.pad(x, (1, 1))
    return 2 * x - wide[:-2] - wide[2:] + h * h * (x + t + 1) ** 3 / 2


def _broyden_tridiagonal(x: Tensor) -> Tensor:
    wide = torch.nn.functional.pad(x, (1, 1))
    return (3 - 2 * x) * x - wide[:-2] - 2 * wide[2:] + 1


def _quadratic(x: Tensor) -> Tensor:
    return torch.logspace(0, 3, len(x), dtype=x.dtype, device=x.device) * x


_BOUNDARY = tuple(i / 11 * (i / 11 - 1) for i in range(1, 11))

PROBLEMS = (
    Problem("Rosenbrock [1]", (-1.2, 1.0), _rosenbrock),
    Problem("Freudenstein and Roth [2]", (0.5, -2.0), _freudenstein),
    Problem("Powell badly scaled [3]", (0.0, 1.0), _powell_bad),
    Problem("Brown badly scaled [4]", (1.0, 1.0), _brown_bad),
    Problem("Beale [5]", (1.0, 1.0), _beale),
    Problem("Helical valley [7]", (-1.0, 0.0, 0.0), _helical),
    Problem("Bard [8]", (1.0, 1.0, 1.0), _bard),
    Problem("Gaussian [9]", (0.4, 1.0, 0.0), _gaussian),
    Problem("Gulf research [11]", (5.0, 2.5, 0.15), _gulf),
    Problem("Box [12]", (0.0, 10.0, 20.0), _box),
    Problem("Powell singular [13]", (3.0, -1.0, 0.0, 1.0), _powell_singular),
    Problem("Wood [14]", (-3.0, -1.0, -3.0, -1.0), _wood),
    Problem("Kowalik and Osborne [15]", (0.25, 0.39, 0.415, 0.39), _kowalik),
    Problem("Brown and Dennis [16]", (25.0, 5.0, -5.0, -1.0), _brown_dennis),
    Problem("Osborne 1 [17]", (0.5, 1.5, -1.0, 0.01, 0.02), _osborne_1),
    Problem("Biggs EXP6 [18]", (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), _biggs),
    Problem("Osborne 2 [19]", (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), _osborne_2),
    Problem("Watson 9 [20]", (0.0,) * 9, _watson),
    Problem("Extended Rosenbrock 10 [21]", (-1.2, 1.0) * 5, _rosenbrock),
    Problem("Extended Powell 12 [22]", (3.0, -1.0, 0.0, 1.0) * 3, _powell_singular),
    Problem("Penalty I 10 [23]", tuple(float(i) for i in range(1, 11)), _penalty_1),
    Problem("Penalty II 10 [24]", (0.5,) * 10, _penalty_2),
    Problem("Variably dimensioned 10 [25]", tuple(1 - i / 10 for i in range(1, 11)), _variably_dimensioned),
    Problem("Trigonometric 10 [26]", (0.1,) * 10, _trigonometric),
    Problem("Discrete boundary value 10 [28]", _BOUNDARY, _discrete_boundary),
    Problem("Broyden tridiagonal 10 [30]", (-1.0,) * 10, _broyden_tridiagonal),
    Problem("Quadratic of condition 1e6", (1.0,) * 20, _quadratic),
)
