"""Configurations, frozen dataclasses, as JSON's own types and back."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from nonet.foundation.errors import ArtifactError, UsageError

__all__ = ["plain", "rebuild", "require", "typed"]

Config = TypeVar("Config")


def require(holds: bool, name: str, what: str) -> None:
    """For the fields of a configuration.

    Args:
        holds: whether the field may be so.
        name: of the field.
        what: it must be, such as "at least 1".
    Raises:
        UsageError: if it may not.
    """
    if not holds:
        raise UsageError(f"It must be {what}.", where=name)


def plain(config: object) -> dict[str, Any]:
    """A configuration as JSON's own types: dataclasses become objects, tuples lists, paths and dates text.

    Raises:
        TypeError: if it is neither a dataclass nor a mapping.
    """
    value = _plain(config)
    if not isinstance(value, dict):
        raise TypeError(f"a configuration is a dataclass or a mapping, not {type(config).__name__}")
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (Path, date)):
        return str(value)
    return value


def rebuild(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """The dataclass that `plain` made ``values`` of.

    Args:
        kind: the dataclass.
        values: its fields; those with a default may be absent.
    Raises:
        ArtifactError: if a field is unknown, missing, or of another type.
    """
    try:
        return typed(kind, values)
    except (TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"The stored configuration is not a {kind.__name__}: {error}.", fix="Make it again with this nonet."
        ) from error


def typed(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """As `rebuild`, for whoever has words of their own for a file that is damaged.

    Raises:
        TypeError: if the values are no object, or a field is missing.
        ValueError: if a field is unknown, or of another type.
        AttributeError: if a part is no object where there must be one.
    """
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}")
    return kind(**{name: _rebuild(hints[name], value) for name, value in values.items()})


def _rebuild(hint: Any, value: Any) -> Any:
    """``value`` as the type ``hint``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return typed(hint, value)
    if origin in (Union, types.UnionType):
        return _first_that_fits(arguments, value)
    if origin is Literal:
        return _require(value, value in arguments, hint)
    if origin is tuple:
        _require(value, isinstance(value, list), hint)
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_rebuild(each, item) for each, item in zip(kinds, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {name: _rebuild(arguments[1], item) for name, item in value.items()}
    if origin is not None:  # lists and sequences
        return [_rebuild(arguments[0], item) for item in _require(value, isinstance(value, list), hint)]
    if hint is date:
        return date.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Path):
        return Path(value)
    if hint is float:
        return float(_require(value, isinstance(value, (int, float)) and not isinstance(value, bool), hint))
    return _require(value, type(value) is hint, hint)


def _first_that_fits(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _rebuild(kind, value)
        except (TypeError, ValueError, AttributeError):
            continue
    raise ValueError(f"{value!r} fits none of {', '.join(map(str, kinds))}")


def _require(value: Any, holds: bool, hint: Any) -> Any:
    if not holds:
        raise ValueError(f"{value!r} is not {getattr(hint, '__name__', hint)}")
    return value
