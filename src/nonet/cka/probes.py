"""Linear probes: how much of the labels can be read off each layer by a linear classifier (Alain & Bengio 2016).

The article fits them by SGD for 300 epochs; a softmax regression is convex, so L-BFGS finds its optimum instead. The
penalty is chosen on a part of the training examples; the test examples are looked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nonet import optim
from nonet.cka.answers import labels_of
from nonet.cka.capture import Capture
from nonet.cka.config import ProbeOptions
from nonet.cka.features import flat
from nonet.cka.selecting import Layers
from nonet.foundation import console
from nonet.foundation.errors import DataError

__all__ = ["Probe", "probe", "softmax_regression"]

_TOGETHER = 2**28  # bytes of features that are kept at once
_BUDGET = optim.Options(max_evaluations=150, gradient_tolerance=1e-4)


@dataclass(frozen=True)
class Probe:
    """A fitted probe.

    Attributes:
        layer: what it reads.
        accuracy: on the test examples, in [0, 1].
        train_accuracy: on the training examples.
        penalty: the L2 weight that was chosen.
    """

    layer: str
    accuracy: float
    train_accuracy: float
    penalty: float


def probe(
    model: nn.Module,
    train: Iterable[Any],
    test: Iterable[Any],
    *,
    layers: Layers = None,
    options: ProbeOptions | None = None,
) -> list[Probe]:
    """Fits a probe to every layer.

    Args:
        model: any module; left as it was.
        train: batches with labels, in a fixed order; all their features must fit into memory, one layer at a time.
        test: others, with labels.
        layers: as in `nonet.cka.cka`; in a network of this wing ``["*.bn2", "*.add"]`` are the layers before and after
            the residual addition.
        options: pooling and penalties.
    Returns:
        One probe a layer, in the order of computation.
    """
    options = options or ProbeOptions()
    labels = [torch.cat([labels_of(batch) for batch in loader]) for loader in (train, test)]
    found: list[Probe] = []
    with console.progress("Fitting probes") as bar:
        for names in _groups(model, train, layers, options, len(labels[0]) + len(labels[1])):
            sides = [_features(model, loader, layers, options, names) for loader in (train, test)]
            for name in names:
                rows = [side.pop(name) for side in sides]
                found.append(_fitted(name, rows, labels, options))
                bar.advance()
    return found


def _groups(
    model: nn.Module, loader: Iterable[Any], layers: Layers, options: ProbeOptions, examples: int
) -> Iterator[list[str]]:
    """Layers whose features fit into memory together."""
    widths = Capture(model, lambda name, tensor: _pooled(tensor, options).shape[1], layers)
    with widths.attached():
        found = widths.run(next(iter(loader)))
    group: list[str] = []
    size = 0
    for name, width in found.items():
        if group and size + width * examples * 4 > _TOGETHER:
            yield group
            group, size = [], 0
        group.append(name)
        size += width * examples * 4
    yield group


def _features(
    model: nn.Module, loader: Iterable[Any], layers: Layers, options: ProbeOptions, names: list[str]
) -> dict[str, Tensor]:
    wanted = set(names)
    capture = Capture(
        model, lambda name, tensor: _pooled(tensor, options).float().cpu() if name in wanted else None, layers
    )
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    with capture.attached():
        for batch in loader:
            for name, rows in capture.run(batch).items():
                if rows is not None:
                    parts[name].append(rows.clone())
    return {name: torch.cat(rows) for name, rows in parts.items()}


def _pooled(tensor: Tensor, options: ProbeOptions) -> Tensor:
    if tensor.ndim == 4 and options.pool is not None and tensor.shape[-1] > options.pool:
        tensor = F.adaptive_avg_pool2d(tensor.float(), options.pool)
    return flat(tensor)


def _fitted(name: str, rows: list[Tensor], labels: list[Tensor], options: ProbeOptions) -> Probe:
    train, test = rows
    mean = train.mean(0)
    scale = (train - mean).square().mean().sqrt().clamp(min=1e-12)
    train, test = ((side - mean) / scale for side in (train, test))
    order = np.random.default_rng(options.seed).permutation(len(train))
    cut = round(len(order) * (1 - options.held_out))
    if cut < 2 or cut == len(order):
        raise DataError(f"{len(train)} training examples are too few for a probe.", fix="Bring more.")
    fit, check = torch.from_numpy(order[:cut]), torch.from_numpy(order[cut:])
    classes = int(max(side.max() for side in labels)) + 1
    scores = [
        _accuracy(softmax_regression(train[fit], labels[0][fit], classes, penalty), train[check], labels[0][check])
        for penalty in options.penalties
    ]
    best = options.penalties[int(np.argmax(scores))]
    weights = softmax_regression(train, labels[0], classes, best)
    return Probe(name, _accuracy(weights, test, labels[1]), _accuracy(weights, train, labels[0]), best)


def softmax_regression(features: Tensor, labels: Tensor, classes: int, penalty: float) -> Tensor:
    """Weights (dim + 1, classes) that minimise mean cross-entropy + penalty / 2 · |weights|², the bias free.

    Args:
        features: (n, dim).
        labels: (n,), numbers of classes.
        classes: how many.
        penalty: above 0.
    """
    wide = F.pad(features, (0, 1), value=1.0)
    targets = F.one_hot(labels, classes).to(features)

    last = wide.new_zeros(wide.shape[1], classes), wide.new_zeros(len(wide), classes)

    def logits(weights: Tensor) -> Tensor:
        """The product, which loss and gradient both need at the same weights."""
        nonlocal last
        if not torch.equal(last[0], weights):
            last = weights.clone(), wide @ weights
        return last[1]

    def loss(weights: Tensor) -> Tensor:
        return F.cross_entropy(logits(weights), targets) + penalty / 2 * weights[:-1].square().sum()

    def gradient(weights: Tensor) -> Tensor:
        slope = wide.T @ (logits(weights).softmax(1) - targets) / len(wide)
        slope[:-1] += penalty * weights[:-1]
        return slope

    start = torch.zeros(wide.shape[1], classes)
    return optim.minimize(loss, start, gradient=gradient, options=_BUDGET).x


def _accuracy(weights: Tensor, features: Tensor, labels: Tensor) -> float:
    return float(((features @ weights[:-1] + weights[-1]).argmax(1) == labels).float().mean())
