"""Derivatives of what a simulation is expected to return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from nonet.recsim.handlers import Sampler, Scorer, Slice, first_slice, next_slice
from nonet.recsim.language import Story

__all__ = ["expected_return_gradient"]


class _Both:
    """Draws without a gradient and adds up the log-probability of what was drawn."""

    def __init__(self, key: Key[Array, ""], step: Array | int) -> None:
        self.draw, self.score = Sampler(key, step, pathwise=False), jnp.zeros(())

    def __call__(self, site: str, distribution: object) -> Array:
        value = self.draw(site, distribution)  # type: ignore[arg-type]
        scorer = Scorer({site: value})
        scorer(site, distribution)  # type: ignore[arg-type]
        self.score = self.score + scorer.scores[site]
        return value


def expected_return_gradient(
    story: Story,
    reward: Callable[[Slice], Float[Array, ""]],
    steps: int,
    key: Key[Array, ""],
    *,
    runs: int = 16,
    method: Literal["score-function", "pathwise"] = "score-function",
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """The mean return of a story and its derivative in the story's parameters.

    Args:
        story: the story; its declared parameters are differentiated.
        reward: of one slice; the return is its sum over the steps.
        steps: length of a run.
        key: of the runs.
        runs: how many runs are averaged.
        method: "score-function" (REINFORCE; Williams 1992) is right for every distribution and noisy; the mean return
            of the other runs is its baseline, which leaves it unbiased. "pathwise" follows reparameterised draws:
            exact up to the runs' noise where all draws have a derivative, and wrong through discrete ones.
    Returns:
        The mean return, and the derivative by parameter.
    """

    def one(values: dict[str, Array], key: Key[Array, ""]) -> tuple[Array, Array]:
        network = story.with_parameters(values).network()
        handlers = _Both if method == "score-function" else Sampler

        def score(handler: _Both | Sampler) -> Array:
            return handler.score if isinstance(handler, _Both) else jnp.zeros(())

        handler = handlers(key, 0)
        first = first_slice(network, handler)
        fixed = {name: first[name] for name in network.constants}

        def step(before: Slice, number: Array) -> tuple[Slice, tuple[Array, Array]]:
            handler = handlers(key, number)
            now = next_slice(network, before | fixed, handler)
            return {name: now[name] for name in network.remembered}, (reward(now), score(handler))

        remembered = {name: first[name] for name in network.remembered}
        _, (rewards, scores) = jax.lax.scan(step, remembered, jnp.arange(1, steps))
        return reward(first) + rewards.sum(), score(handler) + scores.sum()

    def surrogate(values: dict[str, Array]) -> tuple[Array, Array]:
        returns, scores = jax.vmap(lambda key: one(values, key))(jax.random.split(key, runs))
        baseline = (returns.sum() - returns) / max(runs - 1, 1) if runs > 1 else jnp.zeros(())
        weight = jax.lax.stop_gradient(returns - baseline)
        objective = returns + (weight * scores if method == "score-function" else 0.0)
        return objective.mean(), returns.mean()

    values = {name: jnp.asarray(value, float) for name, value in story.parameters().items()}
    (_, mean), slope = eqx.filter_value_and_grad(surrogate, has_aux=True)(values)
    return mean, slope
