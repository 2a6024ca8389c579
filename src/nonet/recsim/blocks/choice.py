"""What a user does with a slate. Every model turns scores of shape (users, positions) into a distribution."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int, Key
from numpyro.distributions import constraints
from numpyro.util import is_prng_key

from nonet.foundation.errors import UsageError
from nonet.recsim.language import parameter

__all__ = ["Cascade", "MultinomialLogit", "PlackettLuce", "PositionBiased", "chosen"]

Scores = Float[Array, "users positions"]


class MultinomialLogit(eqx.Module):
    """``P(position k) = exp(score_k) / (exp(no_choice) + sum_j exp(score_j))`` (McFadden 1974).

    Attributes:
        no_choice: score of taking nothing, which is then the last alternative; None if users always choose.
    """

    no_choice: Float[Array, ""] | float | None = None

    def __call__(self, scores: Scores) -> dist.Distribution:
        """The distribution of the chosen position; the number of positions stands for no choice."""
        _refuse_empty(scores)
        if self.no_choice is not None:
            nothing = jnp.broadcast_to(jnp.asarray(self.no_choice, scores.dtype), (scores.shape[0], 1))
            scores = jnp.concatenate([scores, nothing], axis=1)
        return _Logit(logits=scores)


class _Logit(dist.CategoricalLogits):
    """A categorical distribution whose log-probability gathers nothing.

    The derivative of a gather is a scatter, which takes a processor longer than to compare with every alternative.
    """

    def log_prob(self, value: Int[Array, "..."], intermediates: Any = None) -> Float[Array, "..."]:
        scores = jnp.asarray(self.logits)
        count = scores.shape[-1]
        logits = jnp.moveaxis(jnp.broadcast_to(scores, (*value.shape, count)), -1, 0)
        taken = jnp.arange(count).reshape(count, *[1] * value.ndim) == value
        picked = jnp.where(taken, logits, 0.0).sum(0) - jax.nn.logsumexp(logits, axis=0)
        return jnp.where((value >= 0) & (value < count), picked, -jnp.inf)


class PlackettLuce(dist.Distribution):
    """Ordered choice of ``count`` alternatives without replacement (Plackett 1975, Luce 1959).

    ``P(a_1 … a_k) = prod_i exp(s_{a_i}) / sum_{j not in a_1 … a_{i-1}} exp(s_j)``. Draws perturb the scores with Gumbel
    noise and take the largest, which has this distribution.

    Args:
        scores: logits, shape (…, alternatives).
        count: how many are chosen.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"scores": constraints.real_vector}
    pytree_data_fields = ("scores",)
    pytree_aux_fields = ("count",)

    def __init__(self, scores: Float[Array, "*batch alternatives"], count: int, *, validate_args: Any = None) -> None:
        if not 1 <= count <= scores.shape[-1]:
            raise UsageError(
                f"A slate of {count} cannot be chosen from {scores.shape[-1]} items.",
                where="PlackettLuce",
                fix="Make the slate shorter or the catalogue larger.",
            )
        self.scores, self.count = scores, count
        super().__init__(scores.shape[:-1], (count,), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)  # pyright: ignore[reportArgumentType]
    def support(self) -> constraints.Constraint:
        return constraints.independent(constraints.integer_interval(0, self.scores.shape[-1] - 1), 1)

    def sample(self, key: Key[Array, ""], sample_shape: tuple[int, ...] = ()) -> Int[Array, "..."]:
        assert is_prng_key(key)
        noise = jax.random.gumbel(key, sample_shape + self.scores.shape)
        return jax.lax.top_k(self.scores + noise, self.count)[1]

    def log_prob(self, value: Int[Array, "..."], intermediates: Any = None) -> Float[Array, "..."]:
        picked = jnp.take_along_axis(
            jnp.broadcast_to(self.scores, (*value.shape[:-1], self.scores.shape[-1])), value, -1
        )
        ranks = jnp.arange(self.scores.shape[-1])
        taken = jnp.zeros((*value.shape[:-1], self.scores.shape[-1]), bool)
        total = jnp.zeros(value.shape[:-1])
        for place in range(self.count):
            left = jnp.where(taken, -jnp.inf, self.scores)
            total = total + picked[..., place] - jax.nn.logsumexp(left, axis=-1)
            again = jnp.take_along_axis(taken, value[..., place : place + 1], -1)[..., 0]
            total = jnp.where(again, -jnp.inf, total)
            taken = taken | (ranks == value[..., place : place + 1])
        return total


class Cascade(eqx.Module):
    """A user reads from the top, clicks an item with ``sigmoid(score)``, and stops at the first click.

    Craswell, Zoeter, Taylor and Ramsey, WSDM 2008.
    """

    def __call__(self, scores: Scores) -> dist.Distribution:
        """The distribution of the clicked position; the number of positions stands for no click."""
        _refuse_empty(scores)
        passed = jnp.cumsum(jax.nn.log_sigmoid(-scores), axis=1)
        reached = jnp.concatenate([jnp.zeros_like(passed[:, :1]), passed[:, :-1]], axis=1)
        return _Logit(logits=jnp.concatenate([reached + jax.nn.log_sigmoid(scores), passed[:, -1:]], axis=1))


class PositionBiased(eqx.Module):
    """``P(click at k) = examined_k sigmoid(score_k)``, every position for itself (Richardson et al. 2007).

    Attributes:
        examined: probability that a user looks at each position.
    """

    examined: Float[Array, " positions"] = parameter(constraints.unit_interval)

    def __call__(self, scores: Scores) -> dist.Distribution:
        """The distribution of clicks, 0 or 1 at each position."""
        _refuse_empty(scores)
        if scores.shape[1] > self.examined.shape[0]:
            raise UsageError(
                f"The slate has {scores.shape[1]} positions, examination is known for {self.examined.shape[0]}.",
                where="PositionBiased",
            )
        return dist.Bernoulli(probs=self.examined[: scores.shape[1]] * jax.nn.sigmoid(scores))


def chosen(
    slate: Int[Array, "users positions"], choice: Int[Array, " users"]
) -> tuple[Int[Array, " users"], Bool[Array, " users"]]:
    """The chosen item of each user, and whether there was one.

    Args:
        slate: items shown.
        choice: position, or the number of positions for no choice.
    """
    took = choice < slate.shape[1]
    safe = jnp.minimum(choice, slate.shape[1] - 1)
    return jnp.take_along_axis(slate, safe[:, None], axis=1)[:, 0], took


def _refuse_empty(scores: Array) -> None:
    if scores.shape[-1] == 0:
        raise UsageError("A slate is empty.", where="choice", fix="Show at least one item.")
