"""What a recommender makes of what it sees: beliefs about hidden states, from step to step.

Every estimator has ``begin`` and ``after``; both are deterministic functions of a belief and an observation.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from nonet.recsim.blocks.states import HiddenMarkov

__all__ = ["Belief", "FiniteHistory", "HiddenMarkovFilter", "KalmanFilter", "RecurrentEstimator"]


class FiniteHistory(eqx.Module):
    """The last observations, the newest last; zeros before there were any.

    Attributes:
        users: how many.
        length: observations kept.
        dim: numbers in an observation.
    """

    users: int
    length: int
    dim: int

    def begin(self) -> Float[Array, "users length dim"]:
        """Nothing seen."""
        return jnp.zeros((self.users, self.length, self.dim))

    def after(
        self, before: Float[Array, "users length dim"], seen: Float[Array, "users dim"]
    ) -> Float[Array, "users length dim"]:
        """With one observation more, the oldest dropped."""
        return jnp.concatenate([before[:, 1:], seen[:, None]], axis=1)


class Belief(eqx.Module):
    """A normal belief about a state.

    Attributes:
        mean: of every user.
        covariance: of every user; the same for all, as observations come to all alike.
    """

    mean: Float[Array, "users dim"]
    covariance: Float[Array, "dim dim"]


class KalmanFilter(eqx.Module):
    """The exact belief where ``x_t ~ N(A x_{t-1}, Q)`` and ``y_t ~ N(C x_t, R)`` (Kalman 1960).

    Attributes:
        matrix: A.
        noise: Q.
        emission: C.
        emission_noise: R.
        initial: covariance of the first state, whose mean is 0.
        users: how many.
    """

    matrix: Float[Array, "dim dim"]
    noise: Float[Array, "dim dim"]
    emission: Float[Array, "seen dim"]
    emission_noise: Float[Array, "seen seen"]
    initial: Float[Array, "dim dim"]
    users: int

    def begin(self, seen: Float[Array, "users seen"]) -> Belief:
        """The belief after the first observation."""
        prior = Belief(jnp.zeros((self.users, self.matrix.shape[0])), self.initial)
        return self._corrected(prior, seen)

    def after(self, before: Belief, seen: Float[Array, "users seen"]) -> Belief:
        """The belief a step and an observation later."""
        covariance = self.matrix @ before.covariance @ self.matrix.T + self.noise
        return self._corrected(Belief(before.mean @ self.matrix.T, covariance), seen)

    def _corrected(self, prior: Belief, seen: Float[Array, "users seen"]) -> Belief:
        surprise = seen - prior.mean @ self.emission.T
        spread = self.emission @ prior.covariance @ self.emission.T + self.emission_noise
        gain = jnp.linalg.solve(spread, self.emission @ prior.covariance).T
        # Joseph's form stays symmetric and positive in float32
        rest = jnp.eye(prior.covariance.shape[0]) - gain @ self.emission
        covariance = rest @ prior.covariance @ rest.T + gain @ self.emission_noise @ gain.T
        return Belief(prior.mean + surprise @ gain.T, covariance)


class HiddenMarkovFilter(eqx.Module):
    """``P(z_t | y_0 … y_t)`` of a hidden Markov user, by the forward recursion (Rabiner 1989, §III).

    Attributes:
        user: the user that is believed in.
    """

    user: HiddenMarkov

    def begin(self, seen: Float[Array, " users"]) -> Float[Array, "users states"]:
        """The belief after the first observation."""
        return self._corrected(jnp.broadcast_to(self.user.chain.initial, (seen.shape[0], self.states)), seen)

    def after(self, before: Float[Array, "users states"], seen: Float[Array, " users"]) -> Float[Array, "users states"]:
        """The belief a step and an observation later."""
        return self._corrected(before @ self.user.chain.transition, seen)

    @property
    def states(self) -> int:
        """How many states there are."""
        return self.user.chain.initial.shape[0]

    def _corrected(self, prior: Array, seen: Array) -> Float[Array, "users states"]:
        away = (seen[:, None] - self.user.levels) / self.user.noise
        return jax.nn.softmax(jnp.log(prior) - 0.5 * jnp.square(away), axis=1)


class RecurrentEstimator(eqx.Module):
    """A summary of everything seen by a gated recurrent unit (Cho et al. 2014), to be learnt.

    Attributes:
        cell: the unit.
        users: how many.
    """

    cell: eqx.nn.GRUCell
    users: int

    @classmethod
    def fresh(cls, key: Key[Array, ""], users: int, seen: int, dim: int) -> RecurrentEstimator:
        """Random weights.

        Args:
            key: of the weights.
            users: how many.
            seen: numbers in an observation.
            dim: numbers in the summary.
        """
        return cls(eqx.nn.GRUCell(seen, dim, key=key), users)

    def begin(self) -> Float[Array, "users dim"]:
        """Nothing seen."""
        return jnp.zeros((self.users, self.cell.hidden_size))

    def after(self, before: Float[Array, "users dim"], seen: Float[Array, "users seen"]) -> Float[Array, "users dim"]:
        """With one observation more."""
        return jax.vmap(self.cell)(seen, before)
