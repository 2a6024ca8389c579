"""Distributions that `numpyro` draws from at greater cost."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, Int, Key
from numpyro.distributions import constraints
from numpyro.util import is_prng_key

__all__ = ["Draws", "NormalMixture"]


class Draws(dist.Distribution):
    """Many independent draws from one categorical distribution: ``P(i) = exp(s_i) / sum_j exp(s_j)``, ``count`` times.

    Drawn by inversion, one uniform number a draw; a Gumbel maximum would need one for each draw and alternative.

    Args:
        scores: logits; -inf for what cannot be drawn.
        count: how many draws.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}  # -inf is a score too
    pytree_data_fields = ("scores",)
    pytree_aux_fields = ("count",)

    def __init__(self, scores: Float[Array, " alternatives"], count: int, *, validate_args: Any = None) -> None:
        self.scores, self.count = scores, count
        super().__init__((count,), (), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)  # pyright: ignore[reportArgumentType]
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self.scores.shape[-1] - 1)

    def sample(self, key: Key[Array, ""], sample_shape: tuple[int, ...] = ()) -> Int[Array, "..."]:
        assert is_prng_key(key)
        reached = jnp.cumsum(jax.nn.softmax(self.scores))
        level = jax.random.uniform(key, (*sample_shape, self.count)) * reached[-1]
        return (level[..., None] >= reached).sum(-1).astype(jnp.int32)

    def log_prob(self, value: Int[Array, "..."], intermediates: Any = None) -> Float[Array, "..."]:
        return jax.nn.log_softmax(self.scores)[value]


class NormalMixture(dist.Distribution):
    """``size`` independent points of ``sum_k weight_k N(mean_k, scale_k^2 I)``, the kind summed out.

    A kind is drawn and then a point of it; numpyro's mixture draws a point of every kind: many times the memory.

    Args:
        scores: logits of the kinds.
        means: their centres.
        scales: their standard deviations.
        size: how many points.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "means": constraints.independent(constraints.real, 2),
        "scales": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector  # pyright: ignore[reportAssignmentType]
    pytree_data_fields = ("scores", "means", "scales")
    pytree_aux_fields = ("size",)

    def __init__(
        self,
        scores: Float[Array, " kinds"],
        means: Float[Array, "kinds dim"],
        scales: Float[Array, " kinds"],
        size: int,
        *,
        validate_args: Any = None,
    ) -> None:
        self.scores, self.means, self.scales, self.size = scores, means, scales, size
        super().__init__((size,), (means.shape[1],), validate_args=validate_args)

    def sample(self, key: Key[Array, ""], sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        assert is_prng_key(key)
        first, second = jax.random.split(key)
        kind = Draws(self.scores, self.size).sample(first, sample_shape)
        noise = jax.random.normal(second, (*sample_shape, self.size, self.means.shape[1]))
        return self.means[kind] + self.scales[kind][..., None] * noise

    def log_prob(self, value: Float[Array, "..."], intermediates: Any = None) -> Float[Array, "..."]:
        away = sum(
            jnp.square((value[..., None, axis] - self.means[:, axis]) / self.scales)
            for axis in range(self.means.shape[1])
        )
        constant = self.means.shape[1] * (jnp.log(self.scales) + 0.5 * jnp.log(2 * jnp.pi))
        return logsumexp(jax.nn.log_softmax(self.scores) - constant - 0.5 * away, axis=-1)
