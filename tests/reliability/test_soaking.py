"""Visitors at the same time get what they deserve; `bench/soak.py` lets eight of them go on for half an hour."""

from pathlib import Path

import numpy as np
import pytest

from nonet.wings import WINGS
from reliability.soaking import Sample, Soak, rows, soak, trend


@pytest.mark.slow
def test_visitors_of_all_wings_get_what_they_deserve(sources: dict[str, Path], tmp_path: Path) -> None:
    found = soak(sources, tmp_path / "server.log", seconds=600, clients=4, most=80, pause=0.02, every=0.5)
    assert found.surprises == []
    assert found.code == 130  # Ctrl-C
    assert len(found.asked) >= 4 * 80
    assert {wing.name for wing in WINGS} <= {one.wing for one in found.asked}
    assert {200, 404, 422} <= {one.status for one in found.asked}


@pytest.mark.parametrize("growth", [0.0, 240.0])
def test_growth_is_found_under_noise_and_the_warm_up_is_left_out(growth: float) -> None:
    noise = np.random.default_rng(0).normal(0, 2, 361)
    samples = [
        Sample(at, (400 if at >= 600 else 100) + growth * at / 3600 + wobble, 30, 9)
        for at, wobble in zip(np.arange(0.0, 1805, 5), noise, strict=True)
    ]
    found = Soak(0.0, samples, [], [], 0)
    slope = trend(found, 600)
    assert slope.low < growth < slope.high
    assert slope.high - slope.low < 30
    assert rows(found, 10) == []  # nobody asked anything
