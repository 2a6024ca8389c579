"""What goes on in users: how a state is distributed at the start, and given the one before.

Each class is an actor, or part of one. ``begin`` gives the state at step 0, ``step`` the next state; both return
distributions where chance plays a part. A state has the population on its first axis.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int
from numpyro.distributions import constraints

from nonet.foundation.errors import UsageError
from nonet.recsim.blocks.distributions import NormalMixture
from nonet.recsim.language import parameter

__all__ = [
    "ControlledLinearGaussian",
    "FiniteMarkov",
    "GaussianProcess",
    "HiddenMarkov",
    "InterestEvolution",
    "LinearGaussian",
    "Mixture",
    "RememberedSatisfaction",
    "Static",
]

States = Float[Array, "users dim"]


class Static(eqx.Module):
    """``x ~ N(mean, scale^2 I)``, once and for all; use it with `Variable.constant`.

    Attributes:
        size: how many users.
        mean: of every user, or of all.
        scale: standard deviation.
    """

    size: int
    mean: Float[Array, "*users dim"] = parameter()
    scale: Float[Array, ""] | float = parameter(constraints.positive)

    def begin(self) -> dist.Distribution:
        """The state."""
        return dist.Normal(jnp.broadcast_to(self.mean, (self.size, self.mean.shape[-1])), self.scale)


class LinearGaussian(eqx.Module):
    """``x_0 ~ N(0, initial^2 I)``, ``x_t ~ N(A x_{t-1}, noise^2 I)``.

    Attributes:
        size: how many users.
        matrix: A.
        noise: standard deviation of a step.
        initial: standard deviation at the start.
    """

    size: int
    matrix: Float[Array, "dim dim"] = parameter()
    noise: Float[Array, ""] | float = parameter(constraints.positive)
    initial: float = 1.0

    def begin(self) -> dist.Distribution:
        """The state at step 0."""
        return dist.Normal(jnp.zeros((self.size, self.matrix.shape[0])), self.initial)

    def step(self, before: States) -> dist.Distribution:
        """The next state."""
        return dist.Normal(before @ self.matrix.T, self.noise)


class ControlledLinearGaussian(eqx.Module):
    """``x_t ~ N(A x_{t-1} + B u_{t-1}, noise^2 I)``: what users met moves them.

    Attributes:
        size: how many users.
        matrix: A.
        control: B.
        noise: standard deviation of a step.
        initial: standard deviation at the start.
    """

    size: int
    matrix: Float[Array, "dim dim"] = parameter()
    control: Float[Array, "dim inputs"] = parameter()
    noise: Float[Array, ""] | float = parameter(constraints.positive)
    initial: float = 1.0

    def begin(self) -> dist.Distribution:
        """The state at step 0."""
        return dist.Normal(jnp.zeros((self.size, self.matrix.shape[0])), self.initial)

    def step(self, before: States, met: Float[Array, "users inputs"]) -> dist.Distribution:
        """The next state."""
        return dist.Normal(before @ self.matrix.T + met @ self.control.T, self.noise)


class Mixture(eqx.Module):
    """``x ~ sum_k weight_k N(mean_k, scale^2 I)``: kinds of users.

    Attributes:
        size: how many users.
        means: centre of each kind.
        weights: share of each kind.
        scale: standard deviation within a kind.
    """

    size: int
    means: Float[Array, "kinds dim"] = parameter()
    weights: Float[Array, " kinds"] = parameter(constraints.simplex)
    scale: Float[Array, ""] | float = parameter(constraints.positive)

    def begin(self) -> dist.Distribution:
        """The state, its kind summed out."""
        scales = jnp.broadcast_to(jnp.asarray(self.scale, float), (self.means.shape[0],))
        return NormalMixture(jnp.log(self.weights), self.means, scales, self.size)


class FiniteMarkov(eqx.Module):
    """``P(z_0 = k) = initial_k``, ``P(z_t = l | z_{t-1} = k) = transition_kl``.

    Attributes:
        size: how many users.
        initial: distribution of the first state.
        transition: a distribution in each row.
    """

    size: int
    initial: Float[Array, " states"] = parameter(constraints.simplex)
    transition: Float[Array, "states states"] = parameter(constraints.simplex)

    def __check_init__(self) -> None:
        for name in ("initial", "transition"):
            _refuse_unnormalised(name, getattr(self, name))

    def begin(self) -> dist.Distribution:
        """The state at step 0."""
        return dist.CategoricalProbs(self.initial).expand((self.size,))

    def step(self, before: Int[Array, " users"]) -> dist.Distribution:
        """The next state."""
        return dist.CategoricalProbs(self.transition[before])


class HiddenMarkov(eqx.Module):
    """A chain of states that only shows in a number: ``y_t ~ N(level_{z_t}, noise^2)`` (Rabiner 1989).

    Attributes:
        chain: of the states.
        levels: what each state shows on average.
        noise: standard deviation of what is shown.
    """

    chain: FiniteMarkov
    levels: Float[Array, " states"] = parameter()
    noise: Float[Array, ""] | float = parameter(constraints.positive)

    def begin(self) -> dist.Distribution:
        """The state at step 0."""
        return self.chain.begin()

    def step(self, before: Int[Array, " users"]) -> dist.Distribution:
        """The next state."""
        return self.chain.step(before)

    def show(self, state: Int[Array, "*users"]) -> dist.Distribution:
        """What is seen of it."""
        return dist.Normal(self.levels[state], self.noise)


class GaussianProcess(eqx.Module):
    """A taste that is a smooth function of items: ``f ~ GP(0, variance exp(-|a - b|^2 / (2 length^2)))``.

    Rasmussen and Williams 2006, §2. Every user has a function of his own, given at the items.

    Attributes:
        items: where the functions are wanted.
        size: how many users.
        length: over which distance tastes change.
        variance: of a taste.
    """

    items: Float[Array, "items dim"]
    size: int
    length: Float[Array, ""] | float = parameter(constraints.positive, default=1.0)
    variance: Float[Array, ""] | float = parameter(constraints.positive, default=1.0)

    def kernel(self, one: Float[Array, "n dim"], other: Float[Array, "m dim"]) -> Float[Array, "n m"]:
        """Covariance of the tastes for two sets of items."""
        apart = jnp.square(one[:, None] - other[None]).sum(-1)
        return self.variance * jnp.exp(-0.5 * apart / self.length**2)

    def begin(self) -> dist.Distribution:
        """The tastes of all users for all items."""
        # float32: without a little on the diagonal near items make the matrix singular
        covariance = self.kernel(self.items, self.items) + 1e-4 * self.variance * jnp.eye(len(self.items))
        triangle = jnp.linalg.cholesky(covariance)
        return dist.MultivariateNormal(jnp.zeros((self.size, len(self.items))), scale_tril=triangle)

    def predict(
        self, seen: Float[Array, "seen dim"], ratings: Float[Array, "users seen"], noise: float
    ) -> tuple[Float[Array, "users items"], Float[Array, " items"]]:
        """Mean and variance of the tastes given noisy ratings (their equations 2.25 and 2.26).

        Args:
            seen: the rated items.
            ratings: of all users.
            noise: standard deviation of a rating.
        """
        gram = self.kernel(seen, seen) + noise**2 * jnp.eye(len(seen))
        cross = self.kernel(seen, self.items)
        weights = jnp.linalg.solve(gram, cross)
        return ratings @ weights, self.variance - (cross * weights).sum(0)


class InterestEvolution(eqx.Module):
    """Interest moves towards a good document and away from a bad one: ``x + rate quality (d - x)`` if it was taken.

    The result is kept within the reach of a soft bound: ``4 bound (sigmoid(x / bound) - 1/2)``.

    Attributes:
        rate: how far one document moves an interest.
        bound: half the side of the box that interests stay in.
    """

    rate: Float[Array, ""] | float = parameter(constraints.positive, default=0.1)
    bound: float = 10.0

    def step(
        self,
        before: States,
        document: Float[Array, "users dim"],
        quality: Float[Array, " users"],
        took: Bool[Array, " users"],
    ) -> States:
        """The next interest."""
        moved = before + (took * self.rate * quality)[:, None] * (document - before)
        return 4 * self.bound * (jax.nn.sigmoid(moved / self.bound) - 0.5)


class RememberedSatisfaction(eqx.Module):
    """``s_t ~ N(memory s_{t-1} + gain_t, noise^2)``.

    Attributes:
        memory: factor of the satisfaction of the step before.
        noise: standard deviation of a step.
    """

    memory: Float[Array, ""] | float = parameter(constraints.unit_interval, default=0.8)
    noise: float = 0.01

    def step(self, before: Float[Array, " users"], gain: Float[Array, " users"]) -> dist.Distribution:
        """The next satisfaction."""
        return dist.Normal(self.memory * before + gain, self.noise)


def _refuse_unnormalised(name: str, shares: Array) -> None:
    """Probabilities that are traced cannot be looked at; those that a person writes down can."""
    if isinstance(shares, Tracer) or not eqx.is_array_like(shares):
        return
    sums = jnp.asarray(shares).sum(-1)
    if bool((jnp.abs(sums - 1) > 1e-4).any()) or bool((jnp.asarray(shares) < 0).any()):
        raise UsageError(
            f"Its probabilities add up to {sums}, or one is negative.", where=name, fix="Divide by the sum."
        )
