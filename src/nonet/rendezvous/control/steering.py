"""From a wanted direction to wheels: turn towards it, and drive as far as one looks along it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

__all__ = ["steer"]

_TURN_GAIN = 2.5
_BRAKE_M = 0.6
_ARRIVED_M = 0.1


def steer(direction: Any, heading: Any, distance: Any, library: Any = jnp) -> tuple[Any, Any]:
    """Shares in [-1, 1] of the greatest speed and turning rate.

    Args:
        direction: wanted, radians.
        heading: of the robot, radians.
        distance: to the end of the way, metres; the robot brakes before it and rests within 0.1 m.
        library: NumPy or its JAX namesake.
    """
    error = (direction - heading + jnp.pi) % (2 * jnp.pi) - jnp.pi
    ahead = library.maximum(library.cos(error), 0.0) ** 2
    far = distance > _ARRIVED_M
    speed = ahead * library.minimum(distance / _BRAKE_M, 1.0) * far
    return speed, library.clip(_TURN_GAIN * error / 1.5, -1.0, 1.0) * far
