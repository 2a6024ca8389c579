"""Every loader reads its sample and refuses damaged ones in words; `bench/fuzz_loaders.py` tries many more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.loaders import WINGS, loaders_of

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_what_is_damaged_is_read_or_refused_in_words(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent / "src"), str(TESTS.parent / "bench")])
    done = subprocess.run(
        [sys.executable, "-m", "reliability.short_run"],
        env={**os.environ, "PYTHONPATH": paths, "NONET_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.split()[-2:] == [str(sum(len(loaders_of(wing)) for wing in WINGS) - 6), "loaders"]


def test_every_room_that_reads_files_has_a_loader() -> None:
    named = {name.partition("/")[0] for wing in WINGS for name in loaders_of(wing)}
    assert named == {*WINGS, "optim", "eigen"} - {"numerics"}
