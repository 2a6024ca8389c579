"""A cascading bandit: readers stop at the first item that attracts them, and a ranker learns from where they stop.

Kveton et al., ICML 2015.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import logit
from jaxtyping import Array, Float, Int

from nonet.recsim.blocks.choice import Cascade
from nonet.recsim.blocks.recommenders import top
from nonet.recsim.language import Population, Variable, story, variables

__all__ = ["Readers", "cascade", "few_good"]


class Readers(eqx.Module):
    """Users of whom each learner meets one at a step.

    Attributes:
        attraction: probability that an item attracts a user who sees it, for every learner's own problem.
    """

    attraction: Float[Array, "learners items"]

    def click(self, slate: Int[Array, "learners positions"]) -> dist.Distribution:
        """The position that is clicked; the number of positions stands for none."""
        return Cascade()(logit(jnp.take_along_axis(self.attraction, slate, 1)))

    def regret(self, slate: Int[Array, "learners positions"]) -> Float[Array, " learners"]:
        """How much sooner the best slate gets a click: ``prod (1 - w(slate)) - prod (1 - w(best))``."""
        best = top(self.attraction, slate.shape[1])
        missed = (jnp.prod(1 - jnp.take_along_axis(self.attraction, shown, 1), 1) for shown in (slate, best))
        return next(missed) - next(missed)


def few_good(
    learners: int, items: int, good: int, *, rate: float = 0.2, gap: float = 0.15
) -> Float[Array, "learners items"]:
    """The synthetic problem of Kveton et al. 2015, §5.1: ``good`` items attract with ``rate``, the others with less.

    Args:
        learners: how many equal problems.
        items: how many items.
        good: how many of them are good, the first ones.
        rate: attraction of a good item.
        gap: by how much less the others attract.
    """
    rates = jnp.where(jnp.arange(items) < good, rate, rate - gap)
    # the last items are the good ones: ties go to the first, and no ranker shall find them by that
    return jnp.broadcast_to(rates[::-1], (learners, items))


@story
def cascade(readers: Readers, ranker: Any) -> list[Variable]:
    """Rank, see where reading stops, learn."""
    learners = Population("learners", readers.attraction.shape[0])
    known, score, slate, click, regret = variables("known", "score", "slate", "click", "regret", over=learners)
    step = Variable("step")
    step.starts(lambda: jnp.int32(1))
    step.becomes(lambda before: before + 1, step.previous)
    known.starts(ranker.begin)
    known.becomes(ranker.learn, known.previous, slate.previous, click.previous)
    score.always(ranker.score, known, step)
    slate.always(ranker.show, score)
    click.always(readers.click, slate)
    regret.always(readers.regret, slate)
    return [step, known, score, slate, click, regret]
