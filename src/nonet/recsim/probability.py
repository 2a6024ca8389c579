"""How probable a trajectory is under a story.

Random fields are taken from the data, everything else is computed again from them: a trajectory cannot smuggle in a
derived value that does not follow from its causes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, constraints

from nonet.foundation.errors import DataError, UsageError
from nonet.recsim.handlers import Sampler, Scorer, Slice, first_slice, next_slice
from nonet.recsim.language import Story
from nonet.recsim.network import Network
from nonet.recsim.runtime import Trajectory
from nonet.recsim.spaces import names_of

__all__ = ["Site", "log_prob", "site_log_probs", "sites"]

Given = tuple[Array, dict[str, Array], dict[str, Array]]
"""Numbers of steps, and the values and weights of fields there."""

Step = Callable[[Slice, Any], tuple[Slice, dict[str, Array]]]
"""From what is remembered and a step's `Given` to what is remembered then, and the scores by site."""


class Site:
    """A random field of a story.

    Attributes:
        shape: its shape at one step.
        support: the set of its values.
        constant: whether it is drawn at step 0 only.
    """

    def __init__(self, shape: tuple[int, ...], support: constraints.Constraint, constant: bool) -> None:
        self.shape, self.support, self.constant = shape, support, constant


def sites(story: Story) -> dict[str, Site]:
    """The random fields of a story, by name, in the order in which they are drawn at step 0."""
    network = story.network()
    found: dict[str, Site] = {}

    def note(site: str, distribution: Distribution) -> Array:
        shape = tuple(distribution.batch_shape) + tuple(distribution.event_shape)
        if site not in found:
            support = distribution.support
            assert support is not None  # every distribution that can be drawn has one
            found[site] = Site(shape, support, site.split(".")[0] in network.constants)
        return jnp.asarray(distribution.sample(jax.random.key(0)))

    def both() -> None:
        first = first_slice(network, note)
        next_slice(network, first, note)

    jax.eval_shape(both)
    return found


def log_prob(
    story: Story,
    trajectory: Trajectory | Mapping[str, Array],
    *,
    weights: Mapping[str, Array] | None = None,
    missing: Literal["error", "simulate"] = "error",
    key: Key[Array, ""] | None = None,
) -> Float[Array, ""]:
    """The log-probability of a trajectory, differentiable in the story and in the trajectory.

    Args:
        story: the story.
        trajectory: values of the random fields, by full name. The first axis is the step, from step 0 on without
            gaps; fields of constant variables have none.
        weights: by field, factors of the elements' log-probabilities, in the layout of the values or with fewer
            trailing axes; 0 leaves an element out, as where a session had ended.
        missing: what to do about random fields that the trajectory lacks. "simulate" draws them, so that the result
            is the log-probability of the data given one draw of the rest.
        key: for those draws.
    Raises:
        UsageError: if a random field is missing, with missing="error".
        DataError: if lengths or shapes do not fit.
    """
    parts = site_log_probs(story, trajectory, weights=weights, missing=missing, key=key)
    return sum(parts.values(), start=jnp.zeros(()))


def site_log_probs(
    story: Story,
    trajectory: Trajectory | Mapping[str, Array],
    *,
    weights: Mapping[str, Array] | None = None,
    missing: Literal["error", "simulate"] = "error",
    key: Key[Array, ""] | None = None,
) -> dict[str, Float[Array, ""]]:
    """The terms of `log_prob`, by site.

    Args:
        story: as there.
        trajectory: as there.
        weights: as there.
        missing: as there.
        key: as there.
    """
    network = story.network()
    values = trajectory.fields if isinstance(trajectory, Trajectory) else dict(trajectory)
    fixed, moving, length = _split(network, values)
    fixed_weights, moving_weights, _ = _split(network, dict(weights or {}))
    if missing == "simulate" and key is None:
        raise UsageError("Drawing the missing fields needs a key.", fix="Pass key=recsim.key(seed).")

    def scorer(now: dict[str, Array], now_weights: dict[str, Array], step: Array | int) -> Scorer:
        draw = Sampler(key, step) if missing == "simulate" and key is not None else None
        return Scorer(now | fixed, now_weights | fixed_weights, draw)

    def at(tree: dict[str, Array], step: int) -> dict[str, Array]:
        return {name: leaf[step] for name, leaf in tree.items()}

    handler = scorer(at(moving, 0), at(moving_weights, 0), 0)
    first = first_slice(network, handler)
    scores = dict(handler.scores)

    def step(before: Slice, given: Given) -> tuple[Slice, dict[str, Array]]:
        number, now, now_weights = given
        handler = scorer(now, now_weights, number)
        after = next_slice(network, before | {name: first[name] for name in network.constants}, handler)
        return {name: after[name] for name in network.remembered}, handler.scores

    if length > 1:
        later_values, later_weights = (
            {name: leaf[1:] for name, leaf in tree.items()} for tree in (moving, moving_weights)
        )
        given = (jnp.arange(1, length), later_values, later_weights)
        remembered = {name: first[name] for name in network.remembered}
        later = _at_once(network, step, remembered, given) if missing == "error" else None
        if later is None:
            later = jax.lax.scan(step, remembered, given)[1]
        for site, terms in later.items():
            scores[site] = scores.get(site, jnp.zeros(())) + terms.sum()
    return scores


def _at_once(network: Network, step: Step, first: Slice, given: Given) -> dict[str, Array] | None:
    """The scores of all steps side by side, not one after another: twice as fast where populations are small.

    A step needs what is remembered of the one before. Fields that are drawn are in the data; what follows from them is
    computed in as many passes as there are steps between it and the data. None where a variable follows from itself,
    step after step.
    """
    values = given[1]

    def at_first(name: str, leaf: Array) -> Array:
        """The steps before, as the data have them; anything will do where they do not."""
        if name in values and values[name].shape[1:] == leaf.shape:
            return jnp.concatenate([leaf[None], values[name][:-1].astype(leaf.dtype)])
        return jnp.broadcast_to(leaf, (given[0].shape[0], *leaf.shape))

    names = {variable: [name for name, _ in names_of(variable, value)] for variable, value in first.items()}
    before = {}
    for variable, value in first.items():
        leaves, shape = jax.tree.flatten(value)
        before[variable] = jax.tree.unflatten(shape, map(at_first, names[variable], leaves))
    steps = jax.vmap(step)
    scored = set(jax.eval_shape(steps, before, given)[1])
    passes = network.passes({variable for variable, fields in names.items() if set(fields) <= scored})
    if passes is None:
        return None

    @jax.jit  # one program, where nobody compiles around it
    def all_passes(before: Slice, given: Given) -> dict[str, Array]:
        after, scores = steps(before, given)
        for _ in range(passes):
            before = jax.tree.map(lambda leaf, rest: jnp.concatenate([leaf[None], rest[:-1]]), first, after)
            after, scores = steps(before, given)
        return scores

    return all_passes(before, given)


def _split(network: Network, values: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array], int]:
    """Fields of constants, fields of changing variables, and how many steps there are."""
    values = {name: jnp.asarray(value) for name, value in values.items()}
    known = set(network.nodes)
    for name in values:
        if name.split(".")[0] not in known:
            raise DataError(
                f"The story has no variable '{name.split('.')[0]}'.", where=name, fix=f"It has {sorted(known)}."
            )
    fixed = {name: value for name, value in values.items() if name.split(".")[0] in network.constants}
    moving = {name: value for name, value in values.items() if name not in fixed}
    lengths = {name: value.shape[0] if value.ndim else 0 for name, value in moving.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"Fields differ in their number of steps: {lengths}.")
    if 0 in lengths.values():
        raise DataError("The trajectory has no steps.", fix="Put the step on the first axis.")
    return fixed, moving, next(iter(lengths.values()), 1)
