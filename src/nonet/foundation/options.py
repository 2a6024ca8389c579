"""How options look in help where ``tyro`` would show Python's own words.

An option that may be left out shows what it takes, ``PATH`` and not ``{None}|PATH``; where nothing is given by default,
help says "none", and ``--option none`` takes a default away.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Sequence
from typing import Any

from tyro.conf import UseAppendAction
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    UnsupportedTypeAnnotationError,
)

__all__ = ["registry"]

_Spec = PrimitiveConstructorSpec[Any] | UnsupportedTypeAnnotationError | None


def registry() -> ConstructorRegistry:
    """Rules that go before those of ``tyro``."""
    made = ConstructorRegistry()
    made.primitive_rule(_optional)
    made.primitive_rule(_several)
    return made


def _optional(info: PrimitiveTypeInfo) -> _Spec:
    """``T | None`` is read as ``T``."""
    kinds = [each for each in typing.get_args(info.type) if each is not type(None)]
    if info.type_origin not in (typing.Union, types.UnionType) or len(kinds) != 1:
        return None
    return _with_none(ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kinds[0], info.markers)), None)


def _several(info: PrimitiveTypeInfo) -> _Spec:
    """``tuple[T, ...]`` is read as ``tyro`` reads a sequence."""
    kinds = typing.get_args(info.type)
    if info.type_origin is not tuple or kinds[1:] != (Ellipsis,) or UseAppendAction in info.markers:
        return None
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(Sequence[kinds[0]], info.markers))
    if isinstance(spec, UnsupportedTypeAnnotationError):
        return spec
    read, fits = spec.instance_from_str, spec.is_instance
    return _with_none(
        dataclasses.replace(
            spec,
            instance_from_str=lambda words: tuple(read(words)),
            is_instance=lambda value: isinstance(value, tuple) and fits(list(value)),
        ),
        (),
    )


def _with_none(spec: PrimitiveConstructorSpec[Any] | UnsupportedTypeAnnotationError, nothing: object) -> _Spec:
    """Reads "none" as ``nothing``, which is None or no values, and shows it so."""
    if isinstance(spec, UnsupportedTypeAnnotationError):
        return spec
    read, fits, shown = spec.instance_from_str, spec.is_instance, spec.str_from_instance
    return dataclasses.replace(
        spec,
        instance_from_str=lambda words: nothing if [word.lower() for word in words] == ["none"] else read(words),
        is_instance=lambda value: value == nothing or fits(value),
        str_from_instance=lambda value: ["none"] if value == nothing else shown(value),
    )
