"""A short, always equal run of the fuzzer over every loader; `bench/fuzz_loaders.py` goes on as long as you like."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from reliability.case import attempt
from reliability.damage import plans, to_json
from reliability.loaders import WINGS, loaders_of

pytestmark = pytest.mark.slow

COSTLY = {"felix/encoder", "felix/graphs", "felix/graphs-int8", "align/candidates", "rendezvous/team", "recsim/agent"}


@pytest.mark.parametrize("wing", WINGS)
def test_what_is_damaged_is_read_or_refused_in_words(wing: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NONET_CACHE", str(tmp_path / "cache"))
    home = tmp_path / "samples"
    for name, loader in loaders_of(wing).items():
        if name in COSTLY:
            continue
        sound = attempt(loader, (), home, tmp_path / "scratch")
        assert sound.kind == "ok", (name, sound)

        @settings(
            max_examples=8,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(plan=plans())
        def damaged(plan, loader=loader) -> None:
            outcome = attempt(loader, plan, home, tmp_path / "scratch")
            assert outcome.kind != "fault", (loader.name, outcome, to_json(plan))

        damaged()


def test_every_room_that_reads_files_has_a_loader() -> None:
    named = {name.partition("/")[0] for wing in WINGS for name in loaders_of(wing)}
    assert named == {*WINGS, "optim", "eigen"} - {"numerics"}
    assert sum(len(loaders_of(wing)) for wing in WINGS) >= 80
