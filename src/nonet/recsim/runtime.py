"""Running a story: pure functions from a state to the next, compiled as one scan.

``start`` makes a state, ``advance`` moves it on and returns what was recorded. Both are pure and can be vmapped,
differentiated and sharded. Progress, files and errors are the business of `simulation.simulate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, Key
from numpyro.distributions import Distribution

from nonet.foundation.errors import UsageError
from nonet.recsim.handlers import Sampler, Slice, first_slice, next_slice
from nonet.recsim.language import Story
from nonet.recsim.network import Network
from nonet.recsim.spaces import Shaped, check_value, names_of

__all__ = ["AXIS", "Record", "State", "Trajectory", "advance", "check_story", "named", "start"]

AXIS = "population"
"""The name of the mesh axis over which populations are sharded."""


@dataclass(frozen=True)
class Record:
    """What is kept of a run.

    Attributes:
        names: variables ("user") or fields ("user.interest") to keep; None keeps all of them.
        every: keep every so many steps: 0, ``every``, 2 ``every`` …
        reduce: names and functions from a slice (`dict` by variable) to small arrays, computed at every kept step in
            the compiled loop, so that nothing large needs to be stored.
    """

    names: tuple[str, ...] | None = None
    every: int = 1
    reduce: Mapping[str, Callable[[Slice], Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(f"Cannot keep every {self.every} steps.", where="every", fix="Choose 1 or more.")

    def __hash__(self) -> int:  # a compiled scan is kept for each record
        return hash((self.names, self.every, tuple(self.reduce.items())))

    def pick(self, slice_: Slice) -> dict[str, Array]:
        """The kept fields of a slice, by full name."""
        kept = {}
        for variable, value in slice_.items():
            for name, leaf in names_of(variable, value):
                if self.names is None or variable in self.names or name in self.names:
                    kept[name] = leaf
        return kept | {name: reduction(slice_) for name, reduction in self.reduce.items()}


class State(eqx.Module):
    """Where a run is: all that the next step needs.

    Attributes:
        step: the step whose values these are.
        values: the remembered variables and the constants.
    """

    step: Int[Array, "..."]
    values: Slice


class Trajectory(eqx.Module):
    """What was recorded.

    Attributes:
        steps: the recorded steps.
        values: recorded fields by full name; the first axis is the step.
        constants: fields of constant variables by full name, with no step axis.
    """

    steps: Int[Array, "*steps"]
    values: dict[str, Array]
    constants: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        """A field by its full name, such as "user.interest" or "mood"."""
        if name in self.values:
            return self.values[name]
        if name in self.constants:
            return self.constants[name]
        raise UsageError(f"'{name}' was not recorded.", fix=f"Recorded: {sorted({**self.values, **self.constants})}.")

    @property
    def fields(self) -> dict[str, Array]:
        """Every recorded field."""
        return {**self.constants, **self.values}


def named(slice_: Slice) -> dict[str, Array]:
    """All fields of a slice by full name."""
    return {name: leaf for variable, value in slice_.items() for name, leaf in names_of(variable, value)}


def start(story: Story, key: Key[Array, ""], record: Record | None = None, mesh: Mesh | None = None, /) -> Any:
    """Step 0.

    Args:
        story: what to run.
        key: the run's key (`random.key`).
        record: what to keep.
        mesh: devices to spread populations over, with one axis named `AXIS`.
    Returns:
        A `State`, and the kept fields of step 0 by name.
    """
    record = record or Record()
    network = story.network()
    first = _spread(network, first_slice(network, Sampler(key, 0)), mesh)
    return State(jnp.zeros((), jnp.int32), _carried(network, first)), record.pick(first)


def advance(
    story: Story,
    key: Key[Array, ""],
    state: State,
    steps: int,
    record: Record | None = None,
    mesh: Mesh | None = None,
    /,
) -> Any:
    """Some more steps.

    Args:
        story: what to run.
        key: the run's key.
        state: where it is.
        steps: how many steps to go; a multiple of ``record.every``.
        record: what to keep.
        mesh: as in `start`.
    Returns:
        The `State` there, and the kept fields by name with a leading step axis.
    """
    record = record or Record()
    network = story.network()
    fixed = {name: state.values[name] for name in network.constants}

    def step(carried: tuple[Array, Slice]) -> tuple[tuple[Array, Slice], Slice]:
        number, before = carried
        now = next_slice(network, before | fixed, Sampler(key, number + 1))
        now = _spread(network, now, mesh)
        return (number + 1, {name: now[name] for name in network.remembered}), now

    def kept_step(carried: tuple[Array, Slice], _: None) -> tuple[tuple[Array, Slice], dict[str, Array]]:
        if record.every > 1:
            carried = jax.lax.fori_loop(0, record.every - 1, lambda _, inner: step(inner)[0], carried)
        carried, now = step(carried)
        changing = {name: value for name, value in now.items() if name not in fixed}
        kept = record.pick(changing) if not record.reduce else _pick_all(record, now, changing)
        return carried, kept

    remembered = {name: state.values[name] for name in network.remembered}
    (number, last), kept = jax.lax.scan(kept_step, (state.step, remembered), None, length=steps // record.every)
    return State(number, last | fixed), kept


def _pick_all(record: Record, now: Slice, changing: Slice) -> dict[str, Array]:
    """Reductions see the constants; what is kept in full does not repeat them."""
    whole, part = record.pick(now), Record(record.names).pick(changing)
    return part | {name: whole[name] for name in record.reduce}


def _carried(network: Network, slice_: Slice) -> Slice:
    return {name: slice_[name] for name in (*network.constants, *network.remembered)}


def _spread(network: Network, slice_: Slice, mesh: Mesh | None) -> Slice:
    """Lays the first axis of population variables over the devices of the mesh."""
    if mesh is None:
        return slice_

    def place(name: str, value: Any) -> Any:
        over = network.nodes[name].over
        split = over is not None and over.size % mesh.shape[AXIS] == 0
        layout = NamedSharding(mesh, PartitionSpec(AXIS) if split else PartitionSpec())
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, layout), value)

    return {name: place(name, value) for name, value in slice_.items()}


def check_story(story: Story) -> Network:
    """Checks shapes, types and structure of every variable, computing nothing.

    Raises:
        UsageError: naming the variable where a value does not fit its specification or its population, or where the
            step returns something else than the initial value.
    """
    network = story.network()
    supports: dict[str, Any] = {}

    def note(site: str, distribution: Distribution) -> Array:
        supports[site] = distribution.support
        return jnp.asarray(distribution.sample(jax.random.key(0)))

    def both() -> tuple[Slice, Slice]:
        first = first_slice(network, note)
        return first, next_slice(network, _carried(network, first), note)

    first, later = jax.eval_shape(both)
    for slice_ in (first, later):
        for variable, value in slice_.items():
            node = network.nodes[variable]
            names = iter([name for name, _ in names_of(variable, value)])
            shaped = jax.tree.map(
                lambda leaf, names=names: Shaped(leaf.shape, leaf.dtype, supports.get(next(names))), value
            )
            check_value(variable, shaped, node.spec, node.over.size if node.over else None)
    for name in network.step_order:
        _same_shape(name, first[name], later[name])
    return network


def _same_shape(name: str, first: Any, later: Any) -> None:
    before, after = names_of(name, first), names_of(name, later)
    shapes = [[(leaf, value.shape, value.dtype) for leaf, value in side] for side in (before, after)]
    if shapes[0] != shapes[1]:
        differing = next(((a, b) for a, b in zip(*shapes, strict=False) if a != b), (shapes[0], shapes[1]))
        raise UsageError(
            f"Its initial value and its step differ: {differing[0]} and then {differing[1]}.",
            where=name,
            fix="Return the same fields, shapes and types from both.",
        )
