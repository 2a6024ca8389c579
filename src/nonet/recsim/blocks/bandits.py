"""Bandit recommenders: each keeps what it knows of every arm and says which arm to pull.

All are populations of independent learners: one row for each context or user. ``begin`` gives the knowledge at the
start, ``pull`` the arm (a distribution where the algorithm randomises), ``learn`` the knowledge after a reward.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

__all__ = ["UCB", "EpsilonGreedy", "LinUCB", "Tally", "Thompson"]


class Tally(eqx.Module):
    """Pulls and rewards of each arm.

    Attributes:
        pulls: how often each arm was pulled.
        rewards: sum of its rewards.
    """

    pulls: Float[Array, "learners arms"]
    rewards: Float[Array, "learners arms"]

    @classmethod
    def empty(cls, learners: int, arms: int) -> Tally:
        """Nothing pulled."""
        nothing = jnp.zeros((learners, arms))
        return cls(nothing, nothing)

    def after(self, arm: Int[Array, " learners"], reward: Float[Array, " learners"]) -> Tally:
        """With one pull more for each learner."""
        hit = jax.nn.one_hot(arm, self.pulls.shape[1])
        return Tally(self.pulls + hit, self.rewards + hit * reward[:, None])

    @property
    def means(self) -> Float[Array, "learners arms"]:
        """Mean rewards; 0 for arms never pulled."""
        return self.rewards / jnp.maximum(self.pulls, 1.0)


class _Counting(eqx.Module):
    """What the algorithms on tallies share.

    Attributes:
        learners: how many.
        arms: how many.
    """

    learners: int
    arms: int

    def begin(self) -> Tally:
        """Nothing known."""
        return Tally.empty(self.learners, self.arms)

    def learn(self, known: Tally, arm: Array, reward: Array) -> Tally:
        """One reward more."""
        return known.after(arm, reward)


class EpsilonGreedy(_Counting):
    """The best arm so far, and any arm with probability epsilon (Sutton and Barto 2018, §2.2).

    Attributes:
        epsilon: share of exploration.
    """

    epsilon: float = 0.1

    def pull(self, known: Tally) -> dist.Distribution:
        """The distribution of the next arm; never-pulled arms come first."""
        value = jnp.where(known.pulls == 0, jnp.inf, known.means)
        best = jax.nn.one_hot(value.argmax(1), self.arms)
        return dist.CategoricalProbs(probs=(1 - self.epsilon) * best + self.epsilon / self.arms)


class UCB(_Counting):
    """``argmax mean + sqrt(2 ln t / pulls)`` (UCB1; Auer, Cesa-Bianchi and Fischer 2002).

    Attributes:
        width: the factor 2 under the root, times the squared range of rewards.
    """

    width: float = 2.0

    def pull(self, known: Tally) -> Int[Array, " learners"]:
        """The next arm; never-pulled arms come first."""
        time = jnp.maximum(known.pulls.sum(1, keepdims=True), 1.0)
        bonus = jnp.sqrt(self.width * jnp.log(time) / jnp.maximum(known.pulls, 1.0))
        return jnp.where(known.pulls == 0, jnp.inf, known.means + bonus).argmax(1).astype(jnp.int32)


class Thompson(_Counting):
    """An arm with the probability that it is the best, for rewards 0 or 1 (Thompson 1933; Beta(1, 1) prior).

    ``pull`` takes the posterior draw that ``imagine`` makes.
    """

    def imagine(self, known: Tally) -> dist.Distribution:
        """The posterior of the arms' means."""
        return dist.Beta(1.0 + known.rewards, 1.0 + known.pulls - known.rewards)

    def pull(self, imagined: Float[Array, "learners arms"]) -> Int[Array, " learners"]:
        """The arm that is best in the draw."""
        return imagined.argmax(1).astype(jnp.int32)


class LinUCB(eqx.Module):
    """``argmax x_a' theta + alpha sqrt(x_a' A^-1 x_a)``, one model for all arms (Li et al., WWW 2010, hybrid-free).

    Attributes:
        features: features of each arm.
        learners: how many independent learners.
        alpha: width of the bonus.
    """

    features: Float[Array, "arms dim"]
    learners: int
    alpha: float = 1.0

    def begin(self) -> dict[str, Any]:
        """The inverse of the Gram matrix and the weighted sum of features."""
        dim = self.features.shape[1]
        return {
            "inverse": jnp.broadcast_to(jnp.eye(dim), (self.learners, dim, dim)),
            "moment": jnp.zeros((self.learners, dim)),
        }

    def pull(self, known: dict[str, Any]) -> Int[Array, " learners"]:
        """The next arm."""
        theta = jnp.einsum("ldk,lk->ld", known["inverse"], known["moment"])
        width = jnp.einsum("ad,ldk,ak->la", self.features, known["inverse"], self.features)
        return (theta @ self.features.T + self.alpha * jnp.sqrt(width)).argmax(1).astype(jnp.int32)

    def learn(self, known: dict[str, Any], arm: Array, reward: Array) -> dict[str, Any]:
        """One reward more; the inverse by Sherman and Morrison."""
        x = self.features[arm]
        ax = jnp.einsum("ldk,lk->ld", known["inverse"], x)
        down = jnp.einsum("ld,lk->ldk", ax, ax) / (1 + jnp.einsum("ld,ld->l", x, ax))[:, None, None]
        return {"inverse": known["inverse"] - down, "moment": known["moment"] + reward[:, None] * x}
