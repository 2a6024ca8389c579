"""What several tests of the gaze wing use."""

from pathlib import Path

import numpy as np
import pytest

import gaze_film
from nonet.gaze.model import save


@pytest.fixture(scope="session")
def acquainted_model(tmp_path_factory) -> Path:
    """The folder of a network that knows the rendered participant's eyes a little."""
    folder = tmp_path_factory.mktemp("acquainted") / "model"
    places = gaze_film.SCREEN.to_cm(np.random.default_rng(0).uniform(0.04, 0.96, (80, 2)) * [900, 650])
    save(gaze_film.acquainted(gaze_film.film(places), places), folder)
    return folder
