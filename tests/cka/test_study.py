import numpy as np
import pytest

from nonet.cka.claims import Looked, more
from nonet.cka.config import NetworkConfig
from nonet.cka.family import Member
from nonet.cka.similarity import Similarity
from nonet.cka.study import SCALES


def looked(shares, train_accuracy, tmp_path):
    empty = Similarity((), (), np.zeros((0, 0)), np.zeros((0, 0)))
    return [
        Looked(Member(NetworkConfig(), seed, tmp_path, train_accuracy, 0.5), empty, np.array([share]), 0.3, 0.2)
        for seed, share in enumerate(shares)
    ]


@pytest.mark.parametrize(
    ("deep", "fit", "holds"),
    [
        ([0.5, 0.52, 0.48], 0.9, True),
        ([0.2, 0.35, 0.1], 0.9, False),
        ([0.5, 0.52, 0.48], 0.7, None),  # worse fitted: the difference may be of that
    ],
)
def test_a_claim_on_structure_is_told_at_equal_fit_only(deep, fit, holds, tmp_path):
    sides = {"deep": looked(deep, fit, tmp_path), "shallow": looked([0.2, 0.22, 0.21], 0.95, tmp_path)}
    claim = more(sides, "deep", "shallow", "claim", "figure", "how")
    assert claim.holds is holds
    assert claim.measured.value == pytest.approx(np.mean(deep) - 0.21)
    assert ("not matched" in claim.how) == (holds is None)


@pytest.mark.parametrize("scale", ["minutes", "hours"])
def test_a_study_trains_four_kinds_at_one_rate(scale):
    kinds = SCALES[scale].kinds
    assert list(kinds) == ["shallow", "deep", "wide", "deep, little data"]
    assert kinds["deep"].network.depth > kinds["shallow"].network.depth == kinds["wide"].network.depth
    assert kinds["wide"].network.width > kinds["shallow"].network.width
    few, many = kinds["deep, little data"], kinds["deep"]
    assert few.network == many.network
    assert few.subset < many.subset == 1
