import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonet.foundation.errors import ArtifactError
from nonet.foundation.settings import plain, rebuild


@dataclass(frozen=True)
class Inner:
    size: int = 1
    rate: float | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    mode: Literal["fast", "exact"] = "fast"
    pair: tuple[int, str] = (1, "a")
    sizes: tuple[int, ...] = ()
    parts: list[Inner] = field(default_factory=list)
    table: Mapping[str, float] = field(default_factory=dict)
    where: Path | None = None
    day: date = date(2020, 1, 1)


finite = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, st.integers(), st.none() | finite)
outers = st.builds(
    Outer,
    inners,
    st.sampled_from(["fast", "exact"]),
    st.tuples(st.integers(), st.text()),
    st.lists(st.integers()).map(tuple),
    st.lists(inners),
    st.dictionaries(st.text(), finite),
    st.none() | st.just(Path("a/b")),
    st.dates(),
)


@given(outers)
def test_a_configuration_comes_back_from_json_as_it_was(config):
    assert rebuild(Outer, json.loads(json.dumps(plain(config)))) == config


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"size": "3"}, "'3' is not int"),
        ({"size": True}, "True is not int"),
        ({"width": 3}, "unknown field width"),
        ({"rate": [1]}, r"\[1\] fits none"),
    ],
)
def test_what_does_not_fit_is_said(values, said):
    with pytest.raises(ArtifactError, match=said):
        rebuild(Inner, values)


def test_absent_fields_take_their_defaults():
    assert rebuild(Outer, {"inner": {"size": 4}}) == Outer(Inner(4))
