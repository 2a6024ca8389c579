"""The networks: two hidden layers, in JAX while they learn and in NumPy on a robot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key

__all__ = ["Layers", "fit_network", "forward", "goal_features", "new_network", "scan_features"]

Layers = dict[str, Any]
"""Weights ``w0``, ``b0``, …: matrices (inputs, outputs) and vectors, as JAX or NumPy arrays."""


def new_network(key: Key[Array, ""], sizes: tuple[int, ...], *, last_scale: float = 0.1) -> Layers:
    """A network whose outputs start small.

    Args:
        key: the chances.
        sizes: inputs, hidden widths, outputs.
        last_scale: how much smaller than usual the last layer starts.
    """
    layers: Layers = {}
    for place, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        scale = math.sqrt(2.0 / inputs) * (last_scale if place == len(sizes) - 2 else 1.0)
        layers[f"w{place}"] = scale * jax.random.normal(jax.random.fold_in(key, place), (inputs, outputs))
        layers[f"b{place}"] = jnp.zeros(outputs)
    return layers


def forward(layers: Mapping[str, Any], inputs: Any) -> Any:
    """Outputs of a network for rows of inputs; NumPy in, NumPy out."""
    values = inputs
    depth = len(layers) // 2
    for place in range(depth):
        values = values @ layers[f"w{place}"] + layers[f"b{place}"]
        if place < depth - 1:
            values = values * (values > 0)
    return values


def scan_features(scan: Any, reach: float, library: Any = jnp) -> Any:
    """Ranges as nearness: 1 at the robot, 0 at the reach or without return."""
    return 1.0 - library.minimum(scan, reach) / reach


def goal_features(offset: Any, heading: Any, library: Any = jnp) -> Any:
    """Where a goal is, from a robot: direction, and distance on two scales. Shape (…, 4).

    Args:
        offset: goal minus position, (…, 2), metres.
        heading: of the robot, (…), radians.
        library: NumPy or its JAX namesake.
    """
    distance = library.sqrt(offset[..., 0] ** 2 + offset[..., 1] ** 2 + 1e-12)
    cos, sin = library.cos(heading), library.sin(heading)
    ahead = (cos * offset[..., 0] + sin * offset[..., 1]) / distance
    left = (cos * offset[..., 1] - sin * offset[..., 0]) / distance
    return library.stack([ahead, left, library.tanh(distance), library.tanh(distance / 6.0)], axis=-1)


def fit_network(
    layers: Any,
    data: tuple[np.ndarray, ...],
    loss: Callable[..., Array],
    key: Key[Array, ""],
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    told: Callable[[int, float], None] = lambda epoch, value: None,
) -> tuple[Any, list[float]]:
    """Adam with a cosine schedule over shuffled batches; one compiled program an epoch.

    Args:
        layers: weights to start from, any pytree.
        data: arrays with an example a row.
        loss: of weights and a batch (one argument an array).
        key: decides the order.
        epochs: passes over the data.
        batch: examples a step.
        learning_rate: at the start.
        told: called after each epoch with its number from 1 and its mean loss.
    Returns:
        The weights, and the mean loss of each epoch.
    """
    rows = len(data[0])
    batch = min(batch, rows)
    steps = rows // batch
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(learning_rate, epochs * steps))
    )
    on_device = tuple(jnp.asarray(column) for column in data)

    @jax.jit
    def one_epoch(layers: Any, state: Any, key: Array, columns: tuple[Array, ...]) -> tuple[Any, Any, Array]:
        order = jax.random.permutation(key, rows)[: steps * batch].reshape(steps, batch)

        def one_step(carried: tuple[Any, Any], rows: Array) -> tuple[tuple[Any, Any], Array]:
            layers, state = carried
            value, gradient = jax.value_and_grad(loss)(layers, *(column[rows] for column in columns))
            updates, state = optimiser.update(gradient, state)
            return (optax.apply_updates(layers, updates), state), value

        (layers, state), values = jax.lax.scan(one_step, (layers, state), order)
        return layers, state, values.mean()

    state, losses = optimiser.init(layers), []
    for epoch in range(epochs):
        layers, state, value = one_epoch(layers, state, jax.random.fold_in(key, epoch), on_device)
        losses.append(float(value))
        told(epoch + 1, losses[-1])
    return layers, losses


def plain_layers(layers: Any) -> Any:
    """The same weights as NumPy arrays."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), layers)
