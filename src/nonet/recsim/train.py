"""Fitting a story to trajectories: maximum likelihood of its actors' parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from numpyro.distributions import biject_to

from nonet.foundation.errors import DataError, UsageError
from nonet.recsim.language import Story
from nonet.recsim.probability import log_prob
from nonet.recsim.runtime import Trajectory

__all__ = ["Fit", "fit"]


@dataclass(frozen=True)
class Fit:
    """A fitted story.

    Attributes:
        story: with the fitted parameters.
        estimates: the parameters.
        errors: standard errors from the observed information, in the parameters' own units; NaN where the likelihood
            is flat.
        log_prob: log-probability of the data at the estimates.
        losses: minus the log-probability, by iteration.
    """

    story: Story
    estimates: dict[str, Array]
    errors: dict[str, Array]
    log_prob: float
    losses: np.ndarray


def fit(
    story: Story,
    trajectory: Trajectory | Mapping[str, Array],
    names: Sequence[str] | None = None,
    *,
    method: Literal["lbfgs", "adam"] = "lbfgs",
    steps: int = 100,
    learning_rate: float = 0.05,
    weights: Mapping[str, Array] | None = None,
) -> Fit:
    """Maximum likelihood.

    Parameters are moved on the whole line and mapped to the sets that their actors declare.

    Args:
        story: the story; where it stands now is the start.
        trajectory: values of all its random fields (see `probability.log_prob`).
        names: the parameters to fit, as "actor.field"; None takes all.
        method: L-BFGS, or Adam for noisy or very large problems.
        steps: iterations.
        learning_rate: of Adam.
        weights: as in `probability.log_prob`.
    Raises:
        UsageError: if there is nothing to fit.
        DataError: if the data are impossible under the story where it starts.
    """
    declared = story.parameters()
    chosen = list(declared if names is None else names)
    if not chosen:
        raise UsageError("The story declares no parameters.", where=story.name, fix="Declare fields with `parameter`.")
    story.with_parameters({name: declared.get(name) for name in chosen})  # refuses unknown names
    data = trajectory.fields if isinstance(trajectory, Trajectory) else dict(trajectory)
    maps = {name: biject_to(story.constraints()[name]) for name in chosen}
    start = {name: maps[name].inv(jnp.asarray(declared[name], float)) for name in chosen}
    problem = _Problem(story, data, dict(weights or {}))
    if not np.isfinite(float(_loss(problem, start))):
        raise DataError(
            "The data are impossible under the story where the fit starts: their log-probability is not finite.",
            where=story.name,
            fix="Start from other parameters, or look at `site_log_probs` for the field that does not fit.",
        )
    free, losses = _descend(problem, start, method, steps, learning_rate)
    estimates = problem.values(free)
    return Fit(
        story.with_parameters(estimates),
        estimates,
        _errors(problem, free),
        -float(_loss(problem, free)),
        np.asarray(losses),
    )


class _Problem(eqx.Module):
    """What is fitted to what; a pytree, so that the compiled search serves every story and data of the same shape."""

    story: Story
    data: dict[str, Array]
    weights: dict[str, Array]

    def values(self, free: dict[str, Array]) -> dict[str, Array]:
        """Parameters from free values."""
        sets = self.story.constraints()
        return {name: biject_to(sets[name])(value) for name, value in free.items()}

    def loss(self, free: dict[str, Array]) -> Array:
        """Minus the log-probability of the data."""
        return -log_prob(self.story.with_parameters(self.values(free)), self.data, weights=self.weights)


@eqx.filter_jit
def _loss(problem: _Problem, free: dict[str, Array]) -> Array:
    return problem.loss(free)


@eqx.filter_jit
def _descend(
    problem: _Problem, start: dict[str, Array], method: str, steps: int, learning_rate: float
) -> tuple[dict[str, Array], Array]:
    loss = problem.loss
    solver = optax.lbfgs() if method == "lbfgs" else optax.adam(learning_rate)
    value_and_grad = optax.value_and_grad_from_state(loss) if method == "lbfgs" else None

    def step(carried: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], Array]:
        free, state = carried
        if value_and_grad is not None:
            value, grad = value_and_grad(free, state=state)
            updates, state = solver.update(grad, state, free, value=value, grad=grad, value_fn=loss)
        else:
            value, grad = jax.value_and_grad(loss)(free)
            updates, state = solver.update(grad, state, free)
        return (optax.apply_updates(free, updates), state), jnp.asarray(value)

    (free, _), losses = jax.lax.scan(step, (start, solver.init(start)), None, length=steps)
    return free, losses


@eqx.filter_jit
def _errors(problem: _Problem, free: dict[str, Array]) -> dict[str, Array]:
    """Inverse Hessian at the optimum, carried over to the parameters' units (delta method)."""
    flat, unravel = ravel_pytree(free)
    information = jax.hessian(lambda x: problem.loss(unravel(x)))(flat)
    slope = jax.jacobian(lambda x: ravel_pytree(problem.values(unravel(x)))[0])(flat)
    variance = jnp.diag(slope @ jnp.linalg.pinv(information) @ slope.T)
    return unravel(jnp.where(variance > 0, jnp.sqrt(jnp.abs(variance)), jnp.nan))
