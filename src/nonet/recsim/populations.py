"""Templates: behaviour written for one individual, populations of it, and groups that differ in their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Num
from numpyro.distributions import Distribution
from numpyro.distributions.batch_util import promote_batch_shape

from nonet.foundation.errors import UsageError

__all__ = ["each", "group", "total"]

_BLOCKS = 64


def each(behaviour: Callable[..., Any], *, shared: tuple[int, ...] = ()) -> Callable[..., Any]:
    """A behaviour written for one individual, applied to every member of a population.

    If it is a method of a module whose arrays have the population as their first axis (see `group`), every member
    meets its own parameters.

    Args:
        behaviour: takes one individual's values; may return distributions.
        shared: positions of arguments that all members see whole.
    """

    def of_all(*values: Any) -> Any:
        axes = tuple(None if place in shared else 0 for place in range(len(values)))
        bound = getattr(behaviour, "__self__", None)
        if isinstance(bound, eqx.Module):
            function = getattr(behaviour, "__func__", None)
            assert function is not None
            own = jax.tree.map(lambda leaf: 0 if eqx.is_array(leaf) and leaf.ndim else None, bound)
            record = jax.vmap(function, in_axes=(own, *axes))(bound, *values)
        else:
            record = jax.vmap(behaviour, in_axes=axes)(*values)
        # a distribution leaves vmap with its old idea of its batch shape
        return jax.tree.map(
            lambda leaf: promote_batch_shape(leaf) if isinstance(leaf, Distribution) else leaf,
            record,
            is_leaf=lambda leaf: isinstance(leaf, Distribution),
        )

    of_all.__qualname__ = f"each({getattr(behaviour, '__qualname__', 'behaviour')})"
    return of_all


def group(template: Callable[..., Any], members: Mapping[str, tuple[int, Mapping[str, Any]]]) -> Any:
    """A population of unlike groups: one module whose parameters have an entry for every member.

    Args:
        template: the class of the actor; called with the parameters of a group.
        members: by the group's name, its size and its parameters.
    Returns:
        The actor with every array parameter of shape (members, …), groups one behind another.
    Raises:
        UsageError: if there is no member.
    """
    if not members or any(size < 1 for size, _ in members.values()):
        raise UsageError("Every group needs a member.", fix="Leave empty groups out.")
    actors = []
    for size, parameters in members.values():
        actor = template(**{name: jnp.asarray(value) for name, value in parameters.items()})
        actors.append(jax.tree.map(lambda leaf, n=size: jnp.broadcast_to(leaf, (n, *jnp.shape(leaf))), actor))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *actors)


def total(values: Num[Array, "population *rest"]) -> Num[Array, "*rest"]:
    """The sum over a population, added up in an order that does not depend on the number of devices.

    Members are summed in 64 fixed blocks, and the blocks one after another. Use it where a run must be bitwise equal
    however it is sharded; ``jnp.sum`` is right too, up to rounding.
    """
    size = values.shape[0]
    if size % _BLOCKS or not jnp.issubdtype(values.dtype, jnp.floating):
        return values.sum(0)
    blocks = values.reshape(_BLOCKS, size // _BLOCKS, *values.shape[1:]).sum(1)
    added, _ = jax.lax.scan(lambda so_far, block: (so_far + block, None), jnp.zeros_like(blocks[0]), blocks)
    return added
