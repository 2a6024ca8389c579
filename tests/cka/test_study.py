import numpy as np
import pytest

from nonet.cka.claims import Looked, more
from nonet.cka.config import NetworkConfig, RecipeConfig
from nonet.cka.family import Member
from nonet.cka.similarity import Similarity
from nonet.cka.study import Scale, kinds, study
from nonet.foundation.errors import UsageError


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


@pytest.mark.slow
def test_every_claim_is_judged_from_trained_networks(tmp_path):
    tiny = Scale(
        side=8,
        pictures=60,
        looked_at=32,
        asked=40,
        kinds=kinds(8, 14, 2, (1, 1, 1, 1), 0.5),
        recipe=RecipeConfig(batch_size=30, learning_rate=0.03, precision="no"),
    )
    report = study(tiny, "mnist", tmp_path, seeds=2, workers=1)
    assert len(report.claims) == 7
    assert report.claims[3].text == "Linear probes are flat inside a block"
    assert report.claims[6].holds is None  # two networks a side are too few for a permutation test
    kept = sorted(path.name for path in (tmp_path / "networks").iterdir())
    assert len(kept) == 8
    assert "resnet14-1x-50pct-seed1" in kept
    with pytest.raises(UsageError, match="One seed"):
        study(tiny, "mnist", tmp_path, seeds=1)
