"""Stochastic variational inference: the mean-field normal distribution that is nearest to the posterior.

The evidence lower bound is estimated with reparameterised draws (Kingma and Welling 2014; Kucukelbir et al., JMLR
2017): faster than sampling, and without its guarantee: correlations between values are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jax.core import Tracer
from jaxtyping import Array, Float, Key

from nonet.foundation.errors import DataError
from nonet.recsim.infer import Target

__all__ = ["Guide", "variational"]


@dataclass(frozen=True)
class Guide:
    """The approximating distribution.

    Attributes:
        target: what it approximates.
        mean: of each value on the whole line.
        scale: standard deviation of each value on the whole line.
        bounds: evidence lower bound, by step; noisy.
    """

    target: Target
    mean: dict[str, Array]
    scale: dict[str, Array]
    bounds: Float[Array, " steps"]

    def draw(self, key: Key[Array, ""], count: int) -> dict[str, Array]:
        """Draws of the latent values.

        Args:
            key: of the draws.
            count: how many.
        Returns:
            By name, shape (count, …).
        """
        return jax.vmap(lambda key: self.target.constrain(_drawn(self.mean, self.scale, key)))(
            jax.random.split(key, count)
        )


def variational(
    target: Target, *, seed: int = 0, steps: int = 1000, draws: int = 8, learning_rate: float = 0.1
) -> Guide:
    """Fits a mean-field normal distribution by Adam, with a learning rate that falls to a hundredth.

    Args:
        target: made by `infer.target_of`.
        seed: of the start and the draws.
        steps: of Adam.
        draws: for each estimate of the bound.
        learning_rate: at the start.
    Raises:
        DataError: if the bound is not finite at the end.
    """
    begin, rest = jax.random.split(jax.random.key(seed))
    mean = target.start(begin)
    start = (mean, jax.tree.map(lambda leaf: jnp.full(leaf.shape, -2.0), mean))
    optimiser = optax.adam(optax.exponential_decay(learning_rate, steps, 0.01))

    def loss(guide: tuple[dict[str, Array], dict[str, Array]], key: Key[Array, ""]) -> Array:
        mean, log_scale = guide
        scale = jax.tree.map(jnp.exp, log_scale)
        density = jax.vmap(lambda key: target.log_density(_drawn(mean, scale, key)))(jax.random.split(key, draws))
        entropy = sum((leaf.sum() for leaf in log_scale.values()), start=jnp.zeros(()))
        return -density.mean() - entropy

    @jax.jit
    def fit(start: tuple[dict[str, Array], dict[str, Array]], key: Key[Array, ""]):
        def step(carried, key):
            guide, state = carried
            value, slope = jax.value_and_grad(loss)(guide, key)
            changes, state = optimiser.update(slope, state)
            return (optax.apply_updates(guide, changes), state), -value

        return jax.lax.scan(step, (start, optimiser.init(start)), jax.random.split(key, steps))

    ((mean, log_scale), _), bounds = fit(start, rest)
    if not isinstance(bounds, Tracer) and not bool(jnp.isfinite(bounds[-1])):
        raise DataError("The evidence lower bound is not finite.", where="variational", fix="Lower the learning rate.")
    size = sum(leaf.size for leaf in mean.values())
    constant = 0.5 * size * (1 + jnp.log(2 * jnp.pi))
    return Guide(target, mean, jax.tree.map(jnp.exp, log_scale), bounds + constant)


def _drawn(mean: dict[str, Array], scale: dict[str, Array], key: Key[Array, ""]) -> dict[str, Array]:
    keys = dict(zip(mean, jax.random.split(key, len(mean)), strict=True))
    return {name: mean[name] + scale[name] * jax.random.normal(keys[name], mean[name].shape) for name in mean}
