"""The language: variables, and stories that wire actors' behaviours to them.

A variable is a value at every step. Its behaviours say how the value comes about from other variables now
(``mood``) or one step ago (``mood.previous``). A behaviour is a plain function or method; it returns a record (any
pytree: an array, a dict, a frozen dataclass) whose leaves are arrays or ``numpyro`` distributions. What is done with a
distribution is not its business: the runtime draws from it, `log_prob` scores data under it.

A story is a function that takes actors and returns variables. Actors are pytrees (``equinox.Module``), so a story
can be differentiated in its actors' parameters, and one actor can be exchanged for another.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import reduce, update_wrapper
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from numpyro.distributions import constraints

from nonet.foundation.errors import UsageError
from nonet.recsim.network import Behaviour, Edge, Network, Node

__all__ = ["Population", "Story", "StoryTemplate", "Variable", "parameter", "story", "variables"]


@dataclass(frozen=True)
class Population:
    """A set of like individuals: the first axis of the variables declared over it.

    Attributes:
        name: such as "users".
        size: how many.
    """

    name: str
    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError(f"A population needs a member; it has {self.size}.", where=self.name)


@dataclass(eq=False)
class Variable:
    """A value at every step.

    Attributes:
        name: unique within a story.
        over: the population that its first axis runs over, or None.
        spec: a record of `spaces.Space` that its values must match, or None.
    """

    name: str
    over: Population | None = None
    spec: Any = None
    _first: Behaviour | None = field(default=None, repr=False)
    _step: Behaviour | None = field(default=None, repr=False)
    _constant: bool = field(default=False, repr=False)

    @property
    def previous(self) -> Edge:
        """The variable's value one step ago."""
        return Edge(self.name, previous=True)

    def starts(self, behaviour: Callable[..., Any], *parents: Variable) -> Variable:
        """Says how the value comes about at step 0."""
        self._first = self._bind(behaviour, parents)
        return self

    def becomes(self, behaviour: Callable[..., Any], *parents: Variable | Edge) -> Variable:
        """Says how the value comes about at every later step."""
        self._step = self._bind(behaviour, parents)
        return self

    def always(self, behaviour: Callable[..., Any], *parents: Variable) -> Variable:
        """Says how the value comes about at every step, 0 included."""
        self._first = self._step = self._bind(behaviour, parents)
        return self

    def constant(self, behaviour: Callable[..., Any], *parents: Variable) -> Variable:
        """Says how the value comes about at step 0; it then stays."""
        self._first, self._constant = self._bind(behaviour, parents), True
        return self

    def _bind(self, behaviour: Callable[..., Any], parents: Sequence[Variable | Edge]) -> Behaviour:
        try:
            inspect.signature(behaviour).bind(*parents)
        except TypeError as error:
            raise UsageError(
                f"Its behaviour {_called(behaviour)} cannot take {len(parents)} values: {error}.",
                where=self.name,
                fix="Name one variable for each argument.",
            ) from None
        edges = tuple(Edge(parent.name) if isinstance(parent, Variable) else parent for parent in parents)
        return Behaviour(behaviour, edges, _called(behaviour))

    def node(self) -> Node:
        """What the network keeps of the variable."""
        return Node(self.name, self._first, self._step, self._constant, self.over, self.spec)


def variables(*names: str, over: Population | None = None) -> list[Variable]:
    """Several variables over one population.

    Args:
        names: a name each.
        over: their population.
    """
    return [Variable(name, over) for name in names]


class Story(eqx.Module):
    """Actors, wired.

    Attributes:
        actors: the actors by the names that the story gives them; a pytree.
        template: the wiring.
        ties: parameters that are one: the first of each group stands for all of it.
    """

    actors: dict[str, Any]
    template: StoryTemplate = eqx.field(static=True)
    ties: tuple[tuple[str, ...], ...] = eqx.field(static=True, default=())

    @property
    def name(self) -> str:
        """The name of the function that wires the story."""
        return self.template.__name__

    def network(self) -> Network:
        """The variables in the order in which they are computed.

        Raises:
            UsageError: if variables depend on each other in a circle, or one lacks a behaviour.
        """
        wired = self.template.wire(**self.actors)
        wired = (wired,) if isinstance(wired, Variable) else wired
        return Network.of([variable.node() for variable in wired])

    def replace(self, **actors: Any) -> Story:
        """The same story with other actors in some roles.

        Raises:
            UsageError: if the story has no such role.
        """
        unknown = sorted(set(actors) - set(self.actors))
        if unknown:
            raise UsageError(
                f"The story has no role '{unknown[0]}'.", where=self.name, fix=f"It has {sorted(self.actors)}."
            )
        recast = Story({**self.actors, **actors}, self.template)
        return reduce(lambda story, group: story.tie(*group), self.ties, recast)

    def tie(self, first: str, *others: str) -> Story:
        """The story with parameters of several actors made one: the first is set and learned, the others follow.

        Args:
            first: such as "readers.patience".
            others: parameters of the same shape and constraint.
        Raises:
            UsageError: if there is no such parameter, or they are not alike.
        """
        declared = _declared(self.actors)
        for name in (first, *others):
            self._refuse_unknown(name, declared)
            shapes = [jnp.shape(_find(self.actors, declared[one][0])) for one in (first, name)]
            if shapes[0] != shapes[1] or declared[name][1] != declared[first][1]:
                raise UsageError(f"'{first}' and '{name}' differ in shape or constraint.", where=self.name)
        value = _find(self.actors, declared[first][0])
        return Story(self.actors, self.template, (*self.ties, (first, *others))).with_parameters({first: value})

    def parameters(self) -> dict[str, Any]:
        """The values of the fields that actors declare with `parameter`, as "actor.field"; of tied ones the first."""
        return {name: _find(self.actors, path) for name, (path, _) in self._free().items()}

    def constraints(self) -> dict[str, constraints.Constraint]:
        """The set that each parameter lives in."""
        return {name: constraint for name, (_, constraint) in self._free().items()}

    def _free(self) -> dict[str, tuple[tuple[str, ...], constraints.Constraint]]:
        followers = {name for group in self.ties for name in group[1:]}
        return {name: found for name, found in _declared(self.actors).items() if name not in followers}

    def _refuse_unknown(self, name: str, known: Collection[str]) -> None:
        if name not in known:
            raise UsageError(f"There is no parameter '{name}'.", where=self.name, fix=f"There are {list(known)}.")

    def with_parameters(self, values: dict[str, Any]) -> Story:
        """The story with some parameters set.

        Raises:
            UsageError: if there is no such parameter.
        """
        free, declared = self._free(), _declared(self.actors)
        for name in values:
            self._refuse_unknown(name, free)
        if not values:
            return self
        followers = {name: values[group[0]] for group in self.ties for name in group if group[0] in values}
        values = values | followers
        paths = [declared[name][0] for name in values]
        actors = eqx.tree_at(lambda a: [_find(a, path) for path in paths], self.actors, list(values.values()))
        return Story(actors, self.template, self.ties)

    def draw(self) -> str:
        """The story as an SVG picture: arrows within a step are solid, from the step before dashed."""
        from nonet.recsim.drawing import svg

        return svg(self.network(), self.name)

    def _repr_svg_(self) -> str:  # notebooks show the picture
        return self.draw()


class StoryTemplate:
    """What `story` makes of a wiring function: call it with actors to get a `Story`."""

    def __init__(self, wire: Callable[..., Any]) -> None:
        self.wire = wire
        """The wiring function itself; a larger story calls it to take the smaller one's variables in."""
        update_wrapper(self, wire)

    __name__: str

    def __call__(self, *actors: Any, **named: Any) -> Story:
        """Casts the actors.

        Raises:
            UsageError: if a role is missing or unknown.
        """
        try:
            bound = inspect.signature(self.wire).bind(*actors, **named)
        except TypeError as error:
            roles = list(inspect.signature(self.wire).parameters)
            raise UsageError(f"The cast does not fit: {error}.", where=self.__name__, fix=f"Roles: {roles}.") from None
        bound.apply_defaults()
        return Story(dict(bound.arguments), self)


def story(wire: Callable[..., Any]) -> StoryTemplate:
    """Makes a story of a function from actors to variables.

    Args:
        wire: declares variables, says how they come about, and returns them.
    """
    return StoryTemplate(wire)


def parameter(constraint: constraints.Constraint = constraints.real, **options: Any) -> Any:
    """A field of an actor that can be learned.

    Args:
        constraint: the set of its values, of ``numpyro.distributions.constraints``.
        options: as of ``equinox.field``.
    """
    return eqx.field(metadata={"constraint": constraint}, **options)


def _declared(actors: dict[str, Any]) -> dict[str, tuple[tuple[str, ...], constraints.Constraint]]:
    """Name, path and constraint of every declared parameter, in order."""
    found: dict[str, tuple[tuple[str, ...], constraints.Constraint]] = {}

    def visit(value: Any, path: tuple[str, ...]) -> None:
        if not isinstance(value, eqx.Module):
            return
        for item in value.__dataclass_fields__.values():
            here = (*path, item.name)
            if "constraint" in item.metadata:
                found[".".join(here)] = (here, item.metadata["constraint"])
            else:
                visit(getattr(value, item.name, None), here)

    for role, actor in actors.items():
        visit(actor, (role,))
    return found


def _find(actors: dict[str, Any], path: tuple[str, ...]) -> Any:
    value = actors[path[0]]
    for name in path[1:]:
        value = getattr(value, name)
    return value


def _called(behaviour: Callable[..., Any]) -> str:
    return getattr(behaviour, "__qualname__", None) or getattr(
        getattr(behaviour, "__func__", None), "__qualname__", type(behaviour).__name__
    )


# equinox modules hash their static fields; a template is itself
jax.tree_util.register_static(StoryTemplate)
