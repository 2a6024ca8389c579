"""A story from an agent's chair: some variables are not computed but given, step by step.

``reset`` computes a step as far as it does not depend on the action, ``step`` takes the action, finishes the step
and begins the next. Both are pure functions of arrays, so that environments are vmapped, scanned and compiled.
Chances are those of `runtime.start` and `runtime.advance`: an agent that gives what the story's own actor would have
given meets the trajectory of the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key

from nonet.foundation.errors import UsageError
from nonet.recsim.handlers import Sampler, Slice, first_slice, settle
from nonet.recsim.language import Story
from nonet.recsim.network import Network

__all__ = ["Chair", "Environment", "Moved"]


class Chair(eqx.Module):
    """Where an environment is.

    Attributes:
        key: the run's key.
        step: the step whose action is awaited.
        before: the variables of the step before that this one looks at, and the constants.
        known: what is known of this step before the action.
    """

    key: Key[Array, ""]
    step: Int[Array, ""]
    before: Slice
    known: Slice


class Moved(NamedTuple):
    """What an action led to.

    Attributes:
        chair: where the environment is now.
        observation: what the agent sees there.
        reward: what the step brought.
        truncated: whether the horizon was reached; stories have no end of their own.
    """

    chair: Chair
    observation: Any
    reward: Array
    truncated: Bool[Array, ""]


class Environment(eqx.Module):
    """A story with some variables in an agent's hands.

    Attributes:
        story: the story; the behaviours of the given variables are not used.
        actions: names of the given variables.
        observe: from the variables known before the action (`dict` by name) to what the agent sees.
        reward: from all variables of the step to its reward.
        horizon: steps of an episode.
    """

    story: Story
    actions: tuple[str, ...] = eqx.field(static=True)
    observe: Callable[[Slice], Any] = eqx.field(static=True)
    reward: Callable[[Slice], Any] = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        nodes = self.story.network().nodes
        for name in self.actions:
            if name not in nodes or nodes[name].constant:
                raise UsageError(
                    "It cannot be an action: it is no variable of the story that changes.",
                    where=name,
                    fix=f"Name one of {[n for n, node in nodes.items() if not node.constant]}.",
                )
        if self.horizon < 1:
            raise UsageError(f"An episode needs a step; {self.horizon} were asked for.", where="horizon")

    def reset(self, key: Key[Array, ""]) -> tuple[Chair, Any]:
        """The beginning of an episode.

        Args:
            key: of the episode (`random.key`).
        Returns:
            Where the environment is, and what the agent sees.
        """
        network = self.story.network()
        order = _known_first(network, self.actions)
        known = _compute(network, order.known_first, {}, {}, Sampler(key, 0), first=True)
        # no step came before: zeros in its place, which the first behaviours do not look at
        shapes = jax.eval_shape(lambda: first_slice(network, Sampler(key, 0)))
        before = {name: jax.tree.map(_zeros, shapes[name]) for name in network.remembered}
        constants = {name: known[name] for name in network.constants}
        chair = Chair(key, jnp.zeros((), jnp.int32), before | constants, known)
        return chair, self.observe(known)

    def step(self, chair: Chair, action: Mapping[str, Any] | Any) -> Moved:
        """One action.

        Args:
            chair: where the environment is.
            action: the value of the given variable, or of each by name.
        """
        network = self.story.network()
        order = _known_first(network, self.actions)
        given = dict(action) if isinstance(action, Mapping) else {self.actions[0]: action}
        if set(given) != set(self.actions):
            raise UsageError(f"Actions are {list(self.actions)}; these were given: {list(given)}.", where="step")
        here = chair.known | {name: jax.tree.map(jnp.asarray, value) for name, value in given.items()}

        def finish(first: bool) -> Slice:
            names = order.rest_first if first else order.rest_step
            return _compute(network, names, here, chair.before, Sampler(chair.key, chair.step), first=first)

        if _alike(network, order):
            now = finish(first=False)
        else:
            now = jax.lax.cond(chair.step == 0, lambda: finish(first=True), lambda: finish(first=False))
        constants = {name: chair.before[name] for name in network.constants}
        before = {name: now[name] for name in network.remembered} | constants
        step = chair.step + 1
        known = _compute(network, order.known_step, constants, before, Sampler(chair.key, step), first=False)
        reached = Chair(chair.key, step, before, known)
        return Moved(reached, self.observe(known), self.reward(now), step >= self.horizon)


class _Order(NamedTuple):
    """Variables known before the action, and those computed after it, at step 0 and later."""

    known_first: tuple[str, ...]
    rest_first: tuple[str, ...]
    known_step: tuple[str, ...]
    rest_step: tuple[str, ...]


def _known_first(network: Network, actions: Sequence[str]) -> _Order:
    behind_first = _behind(network, network.first_order, actions, first=True)
    behind_step = _behind(network, network.step_order, actions, first=False)
    for name in network.constants:
        if name in behind_first:
            raise UsageError("It is constant and follows from an action.", where=name, fix="Let it change.")
    behind = behind_first | behind_step  # both kinds of step must hand over the same variables
    rest = behind - set(actions)
    return _Order(
        tuple(name for name in network.first_order if name not in behind),
        tuple(name for name in network.first_order if name in rest),
        tuple(name for name in network.step_order if name not in behind),
        tuple(name for name in network.step_order if name in rest),
    )


def _behind(network: Network, order: Sequence[str], actions: Sequence[str], *, first: bool) -> set[str]:
    """The actions and what follows from them within a step."""
    behind = set(actions)
    for name in order:
        behaviour = network.nodes[name].first if first else network.nodes[name].step
        assert behaviour is not None  # Network.of refuses a variable without one
        if any(edge.name in behind and not edge.previous for edge in behaviour.parents):
            behind.add(name)
    return behind


def _alike(network: Network, order: _Order) -> bool:
    """Whether step 0 is finished like every other."""
    nodes = (network.nodes[name] for name in order.rest_first)
    return order.rest_first == order.rest_step and all(node.first is node.step for node in nodes)


def _compute(
    network: Network, order: Sequence[str], now: Slice, before: Slice, handler: Sampler, *, first: bool
) -> Slice:
    now = dict(now)
    for name in order:
        behaviour = network.nodes[name].first if first else network.nodes[name].step
        assert behaviour is not None
        values = (before[edge.name] if edge.previous else now[edge.name] for edge in behaviour.parents)
        now[name] = settle(name, behaviour.function(*values), handler)
    return now


def _zeros(shape: jax.ShapeDtypeStruct) -> Array:
    return jnp.zeros(shape.shape, shape.dtype)
