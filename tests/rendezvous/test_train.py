"""Stages of a training are kept, and read again only for the same options."""

import numpy as np

from nonet.rendezvous.train import _stage


def test_a_kept_stage_is_read_for_the_same_options_only(tmp_path):
    made = []

    def make():
        made.append(1)
        return [{"w0": np.full((2, 3), len(made), np.float32)}, {"b0": np.arange(2.0)}], {"loss": [3.0, 1.0]}

    first, curves = _stage(tmp_path, "policy", (1, 2), make)
    again, kept = _stage(tmp_path, "policy", (1, 2), make)
    assert made == [1] and curves == kept == {"loss": [3.0, 1.0]}
    for one, two in zip(first, again, strict=True):
        assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)
    assert _stage(tmp_path, "policy", (1, 3), make)[0][0]["w0"][0, 0] == 2
    assert len(made) == 2 and len(list(tmp_path.iterdir())) == 2
