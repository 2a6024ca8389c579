"""Who depends on whom: the order in which variables are computed, resolved once and always the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nonet.foundation.errors import UsageError

if TYPE_CHECKING:
    from nonet.recsim.language import Population

__all__ = ["Behaviour", "Edge", "Network", "Node"]


@dataclass(frozen=True)
class Edge:
    """A dependency on a variable.

    Attributes:
        name: the variable's name.
        previous: whether its value one step ago is meant.
    """

    name: str
    previous: bool = False


@dataclass(frozen=True)
class Behaviour:
    """How a value comes about.

    Attributes:
        function: takes the values of ``parents`` and returns a record of arrays and distributions.
        parents: the variables it looks at, in the order of its arguments.
        called: its name, for messages and pictures.
    """

    function: Callable[..., Any]
    parents: tuple[Edge, ...]
    called: str


@dataclass(frozen=True)
class Node:
    """A variable as the network keeps it (see `language.Variable`)."""

    name: str
    first: Behaviour | None
    step: Behaviour | None
    constant: bool
    over: "Population | None"
    spec: Any


@dataclass(frozen=True)
class Network:
    """The variables of a story, in two orders.

    Attributes:
        nodes: by name, in the order of declaration.
        first_order: order of computation at step 0.
        step_order: order of computation at later steps; constants are not in it.
        remembered: variables whose value is carried to the next step.
    """

    nodes: dict[str, Node]
    first_order: tuple[str, ...]
    step_order: tuple[str, ...]
    remembered: tuple[str, ...]

    @staticmethod
    def of(nodes: Sequence[Node]) -> Network:
        """Resolves the dependencies.

        Args:
            nodes: in the order of declaration, which decides between orders that are equally right.
        Raises:
            UsageError: if a name is taken twice or unknown, a behaviour is missing, or there is a cycle.
        """
        if not nodes:
            raise UsageError("The story returns no variables.", fix="Return the variables that it declares.")
        by_name: dict[str, Node] = {}
        for node in nodes:
            if node.name in by_name:
                raise UsageError("Two variables have this name.", where=node.name, fix="Rename one of them.")
            by_name[node.name] = node
        for node in nodes:
            _check(node, by_name)
        changing = {name: node.step for name, node in by_name.items() if node.step and not node.constant}
        read = {edge.name for step in changing.values() for edge in step.parents if edge.previous}
        return Network(
            nodes=by_name,
            first_order=_order({name: node.first for name, node in by_name.items() if node.first}, "at step 0"),
            step_order=_order(changing, "within a step"),
            remembered=tuple(name for name in by_name if name in read and name in changing),
        )

    @property
    def constants(self) -> tuple[str, ...]:
        """The variables that keep their first value."""
        return tuple(name for name, node in self.nodes.items() if node.constant)

    def passes(self, given: Collection[str]) -> int | None:
        """How often all steps must be computed side by side until each knows what it remembers of the step before.

        Args:
            given: variables whose value is known at every step.
        Returns:
            0 where everything remembered is given; None where a variable follows from itself, step after step.
        """
        after = dict.fromkeys((*self.constants, *given), 0)
        free = {name: self.nodes[name].step for name in self.step_order if name not in after}
        after |= dict.fromkeys(free, 1)
        for _ in range(len(free) + 1):  # a longer way than there are variables is a circle
            before = dict(after)
            for name, step in free.items():
                assert step is not None
                ways = (after[edge.name] + (edge.previous and edge.name not in self.constants) for edge in step.parents)
                after[name] = max([1, *ways])
            if after == before:
                return max((after[name] for name in self.remembered), default=0)
        return None

    def edges(self) -> Iterator[tuple[str, str, bool]]:
        """Every dependency as (from, to, whether from the step before), once."""
        seen = set()
        for node in self.nodes.values():
            for behaviour in filter(None, (node.first, node.step)):
                for edge in behaviour.parents:
                    arrow = (edge.name, node.name, edge.previous)
                    if arrow not in seen:
                        seen.add(arrow)
                        yield arrow


def _check(node: Node, nodes: dict[str, Node]) -> None:
    if node.first is None:
        raise UsageError(
            "It has no initial value.", where=node.name, fix="Call `starts`, `always` or `constant` on the variable."
        )
    if node.step is None and not node.constant:
        raise UsageError(
            "It has an initial value but no step.",
            where=node.name,
            fix="Call `becomes` on the variable, or `constant` if it never changes.",
        )
    for edge in node.first.parents:
        if edge.previous:
            raise UsageError(
                f"Its initial value looks at '{edge.name}' one step ago: {node.name} <- {edge.name}.previous.",
                where=node.name,
                fix="Give it an initial value of its own with `starts`.",
            )
    for edge in (*node.first.parents, *(node.step.parents if node.step else ())):
        if edge.name not in nodes:
            raise UsageError(
                f"It depends on '{edge.name}', which the story does not return.",
                where=node.name,
                fix=f"Return it too; the story returns {list(nodes)}.",
            )


def _order(behaviours: dict[str, Behaviour], when: str) -> tuple[str, ...]:
    """Depth first over the dependencies within a slice, without recursion: stories may be long chains."""
    done: dict[str, None] = {}
    for root in behaviours:
        path: list[tuple[str, Iterator[str]]] = []
        on_path: dict[str, None] = {}
        pending: str | None = None if root in done else root
        while pending is not None or path:
            if pending is not None:
                parents = (e.name for e in behaviours[pending].parents if not e.previous and e.name in behaviours)
                path.append((pending, parents))
                on_path[pending] = None
                pending = None
            name, parents = path[-1]
            for parent in parents:
                if parent in on_path:
                    circle = [*list(on_path)[list(on_path).index(parent) :], parent]
                    raise UsageError(
                        f"Variables depend on each other in a circle {when}: {' <- '.join(circle)}.",
                        where=parent,
                        fix="Let one of them look at the other's `.previous` value.",
                    )
                if parent not in done:
                    pending = parent
                    break
            else:
                path.pop()
                del on_path[name]
                done[name] = None
    return tuple(done)
