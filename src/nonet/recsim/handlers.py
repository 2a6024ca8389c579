"""What becomes of a distribution that a behaviour returned: drawn, scored, or replaced by a given value.

A handler is called with the site's name and its distribution and returns the value that the rest of the slice sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution

from nonet.foundation.errors import DataError, UsageError
from nonet.recsim.network import Network
from nonet.recsim.random import of_site

__all__ = ["Handler", "Sampler", "Scorer", "Slice", "first_slice", "next_slice"]

Handler = Callable[[str, Distribution], Array]
Slice = dict[str, Any]
"""The value of every variable at one step, by name."""


class Sampler:
    """Draws.

    Args:
        key: the run's key.
        step: the step being computed.
        pathwise: let gradients flow through the draws where the distribution can (reparameterised draws); otherwise
            drawn values are constants to a gradient.
    """

    def __init__(self, key: Key[Array, ""], step: Array | int, *, pathwise: bool = True) -> None:
        self.key, self.step, self.pathwise = key, step, pathwise

    def __call__(self, site: str, distribution: Distribution) -> Array:
        draw = jnp.asarray(distribution.sample(of_site(self.key, self.step, site)))
        return draw if self.pathwise else jax.lax.stop_gradient(draw)


class Scorer:
    """Replaces sites by given values and adds up their log-probabilities.

    Args:
        values: by site; what is not there goes to ``otherwise``.
        weights: by site, factors of the elements' log-probabilities (0 for what was not observed).
        otherwise: what to do with the other sites; None refuses them.
    """

    def __init__(
        self, values: Mapping[str, Array], weights: Mapping[str, Array] | None = None, otherwise: Handler | None = None
    ) -> None:
        self.values, self.weights, self.otherwise = values, weights or {}, otherwise
        self.scores: dict[str, Float[Array, ""]] = {}

    def __call__(self, site: str, distribution: Distribution) -> Array:
        if site not in self.values:
            if self.otherwise is None:
                raise UsageError(
                    "The trajectory has no value for this random site.",
                    where=site,
                    fix="Give one (as data or as a latent value), or score with missing='simulate'.",
                )
            return self.otherwise(site, distribution)
        value = self.values[site]
        expected = tuple(distribution.batch_shape) + tuple(distribution.event_shape)
        if value.shape != expected:
            raise DataError(f"Its value has shape {value.shape} at a step, the story says {expected}.", where=site)
        score = jnp.asarray(distribution.log_prob(value))
        if site in self.weights:
            # a value that was not observed may lie outside the support: its -inf must not become NaN
            score = jnp.where(self.weights[site] == 0, 0.0, score * self.weights[site])
        self.scores[site] = score.sum()
        return value


def first_slice(network: Network, handler: Handler) -> Slice:
    """Step 0 of every variable."""
    now: Slice = {}
    for name in network.first_order:
        behaviour = network.nodes[name].first
        assert behaviour is not None  # Network.of refuses a variable without one
        now[name] = settle(name, behaviour.function(*(now[edge.name] for edge in behaviour.parents)), handler)
    return now


def next_slice(network: Network, before: Slice, handler: Handler) -> Slice:
    """The step after ``before``, which needs to hold the remembered variables and the constants only."""
    now: Slice = {name: before[name] for name in network.constants}
    for name in network.step_order:
        behaviour = network.nodes[name].step
        assert behaviour is not None
        values = (before[edge.name] if edge.previous else now[edge.name] for edge in behaviour.parents)
        now[name] = settle(name, behaviour.function(*values), handler)
    return now


def settle(variable: str, record: Any, handler: Handler) -> Any:
    """A record with every distribution replaced by what the handler makes of it."""

    def leaf(path: tuple[Any, ...], value: Any) -> Any:
        if not isinstance(value, Distribution):
            return jnp.asarray(value)
        field = jax.tree_util.keystr(path, simple=True, separator=".")
        return handler(f"{variable}.{field}" if field else variable, value)

    return jax.tree_util.tree_map_with_path(leaf, record, is_leaf=lambda value: isinstance(value, Distribution))
