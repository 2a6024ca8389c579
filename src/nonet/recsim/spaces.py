"""What a value may be: shape, type and range of each field, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution, constraints

from nonet.foundation.errors import UsageError

__all__ = ["Shaped", "Space", "check_value", "counts", "flag", "label", "names_of", "probability", "real"]


@dataclass(frozen=True)
class Shaped:
    """What is known of a value before it is computed.

    Attributes:
        shape: its shape.
        dtype: its type.
        support: the support of the distribution that it is drawn from; None where it is not drawn.
    """

    shape: tuple[int, ...]
    dtype: Any
    support: Any = None


@dataclass(frozen=True)
class Space:
    """The values that a field may take.

    Attributes:
        shape: shape of the field; None stands for any length of an axis.
        kind: "real", "integer" or "boolean".
        low: smallest value allowed.
        high: largest value allowed.
    """

    shape: tuple[int | None, ...]
    kind: str = "real"
    low: float = -np.inf
    high: float = np.inf

    def mismatch(self, value: Shaped) -> str | None:
        """What is wrong with a value of that shape and type, or None."""
        shape, dtype = value.shape, value.dtype
        if len(shape) != len(self.shape) or any(
            want not in (None, have) for want, have in zip(self.shape, shape, strict=True)
        ):
            return f"has shape {_show(shape)} where its space says {_show(self.shape)}"
        kinds = {"real": jnp.floating, "integer": jnp.integer, "boolean": jnp.bool_}
        if not jnp.issubdtype(dtype, kinds[self.kind]):
            return f"is of type {jnp.dtype(dtype).name} where its space says {self.kind}"
        # a distribution on the whole line cannot stay within bounds
        bounded = np.isfinite(self.low) or np.isfinite(self.high)
        if bounded and value.support is not None and value.support in (constraints.real, constraints.real_vector):
            return f"is drawn from the whole line and leaves its space [{self.low:g}, {self.high:g}]"
        return None

    def contains(self, value: Any) -> bool:
        """Whether every element of an array is within the bounds (NaN is not)."""
        array = np.asarray(value)
        return bool(np.all((array >= self.low) & (array <= self.high)))


def real(*shape: int | None, low: float = -np.inf, high: float = np.inf) -> Space:
    """Real numbers, optionally bounded."""
    return Space(shape, "real", low, high)


def probability(*shape: int | None) -> Space:
    """Numbers in [0, 1]."""
    return Space(shape, "real", 0.0, 1.0)


def label(*shape: int | None, of: int) -> Space:
    """One of ``of`` alternatives, 0 … of - 1."""
    return Space(shape, "integer", 0, of - 1)


def counts(*shape: int | None) -> Space:
    """Whole numbers from 0 up."""
    return Space(shape, "integer", 0)


def flag(*shape: int | None) -> Space:
    """True or false."""
    return Space(shape, "boolean", 0, 1)


def names_of(variable: str, value: Any) -> list[tuple[str, Any]]:
    """The leaves of a value with their full names: "user.interest", or "mood" where the value is one leaf."""
    leaves = jax.tree_util.tree_flatten_with_path(value, is_leaf=lambda leaf: isinstance(leaf, Distribution | Space))[0]
    return [(".".join([variable, *filter(None, [_path(path)])]), leaf) for path, leaf in leaves]


def check_value(variable: str, value: Any, spec: Any, population: int | None) -> None:
    """Compares a value's structure, shapes and types with its specification.

    Args:
        variable: the variable's name, for the message.
        value: a record of `Shaped`.
        spec: a record of `Space` with the same fields, or None.
        population: length of the leading axis of every leaf, or None where the variable belongs to no population.
    Raises:
        UsageError: naming the field and both shapes.
    """
    found = names_of(variable, value)
    for name, leaf in found:
        shape = leaf.shape
        if population is not None and (not shape or shape[0] != population):
            raise UsageError(
                f"It has shape {_show(shape)}, but it is a variable over a population of {population:,}.",
                where=name,
                fix="Put the population on the first axis, or declare the variable without `over`.",
            )
    if spec is None:
        return
    expected = dict(names_of(variable, spec))
    if [name for name, _ in found] != list(expected):
        raise UsageError(
            f"Its fields are {[name for name, _ in found]}, its specification says {list(expected)}.",
            where=variable,
            fix="Return the same fields in the initial value and in the step as in the specification.",
        )
    for name, leaf in found:
        wrong = expected[name].mismatch(leaf)
        if wrong:
            raise UsageError(f"It {wrong}.", where=name, fix="Mend the behaviour or the specification.")


def _path(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _show(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
