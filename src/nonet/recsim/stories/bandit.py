"""A bandit: arms with unknown click rates and an algorithm that learns them."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from nonet.recsim import metrics
from nonet.recsim.language import Population, Variable, story, variables

__all__ = ["Arms", "bandit"]


class Arms(eqx.Module):
    """Arms that pay 1 or 0.

    Attributes:
        rates: probability of a reward, for every learner's own problem.
    """

    rates: Float[Array, "learners arms"]

    def pay(self, arm: Array) -> dist.Distribution:
        """The reward of the pulled arms."""
        return dist.Bernoulli(probs=jnp.take_along_axis(self.rates, arm[:, None], 1)[:, 0])

    def regret(self, arm: Array) -> Float[Array, " learners"]:
        """What the best arm would have paid more, on average."""
        return metrics.regret(self.rates, arm)


@story
def bandit(arms: Arms, algorithm: Any) -> list[Variable]:
    """Pull, be paid, learn."""
    learners = Population("learners", arms.rates.shape[0])
    known, arm, reward, regret = variables("known", "arm", "reward", "regret", over=learners)
    declared = [known, arm, reward, regret]
    known.starts(algorithm.begin)
    known.becomes(
        lambda before, pulled, paid: algorithm.learn(before, pulled, paid.astype(float)),
        known.previous,
        arm.previous,
        reward.previous,
    )
    if hasattr(algorithm, "imagine"):  # algorithms that act on a posterior draw
        imagined = Variable("imagined", learners).always(algorithm.imagine, known)
        arm.always(algorithm.pull, imagined)
        declared.insert(1, imagined)
    else:
        arm.always(algorithm.pull, known)
    reward.always(arms.pay, arm)
    regret.always(arms.regret, arm)
    return declared
