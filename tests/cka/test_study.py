import json
from dataclasses import replace

import numpy as np
import pytest

from nonet import cli, optim
from nonet.cka import probes, train
from nonet.cka.claims import Looked, more
from nonet.cka.config import NetworkConfig
from nonet.cka.family import Member
from nonet.cka.similarity import Similarity
from nonet.cka.study import SCALES, kinds


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
        ([0.1, 0.12, 0.11], 0.9, False),
        ([0.2, 0.35, 0.1], 0.9, None),  # seeds differ by more than the kinds
        ([0.5, 0.52, 0.48], 0.7, None),  # worse fitted: the difference may be of that
    ],
)
def test_a_claim_on_structure_is_told_at_equal_fit_only(deep, fit, holds, tmp_path):
    sides = {"deep": looked(deep, fit, tmp_path), "shallow": looked([0.2, 0.22, 0.21], 0.95, tmp_path)}
    claim = more(sides, "deep", "shallow", "claim", "figure", "how")
    assert claim.holds is holds
    assert claim.measured.value == pytest.approx(np.mean(deep) - 0.21)
    assert ("not matched" in claim.how) == (fit < 0.85)


@pytest.mark.parametrize("scale", ["minutes", "hours"])
def test_a_study_trains_four_kinds_at_one_rate(scale):
    kinds = SCALES[scale].kinds
    assert list(kinds) == ["shallow", "deep", "wide", "deep, little data"]
    assert kinds["deep"].network.depth > kinds["shallow"].network.depth == kinds["wide"].network.depth
    assert kinds["wide"].network.width > kinds["shallow"].network.width
    few, many = kinds["deep, little data"], kinds["deep"]
    assert few.network == many.network
    assert few.subset < many.subset == 1


@pytest.mark.slow
def test_a_study_that_was_stopped_goes_on_and_judges_every_claim(tmp_path, monkeypatch, capsys):
    few = kinds(8, 14, 2, (1, 1, 1, 2), 0.5)
    small = replace(SCALES["hours"], side=8, pictures=64, looked_at=32, asked=60, kinds=few)
    monkeypatch.setitem(SCALES, "hours", replace(small, easy_epochs=(1, 1, 1, 2), easy_batch=16))
    monkeypatch.setattr(probes, "_BUDGET", optim.Options(max_evaluations=5))
    whole, trained = train.train_one, []

    def stopping(run, *pictures):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(run.folder.name)
        return whole(run, *pictures)

    words = ["cka", "study", "--scale", "hours", "--seeds", "2", "--workers", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(train, "train_one", stopping)
    assert cli.run(words) == 130
    kept = {name: (tmp_path / "networks" / name / "model.safetensors").stat().st_mtime_ns for name in trained}
    monkeypatch.setattr(train, "train_one", whole)
    capsys.readouterr()
    assert cli.run([*words, "--json"]) == 0
    assert all((tmp_path / "networks" / name / "model.safetensors").stat().st_mtime_ns == kept[name] for name in kept)
    found = json.loads(capsys.readouterr().out)
    assert [claim["article"][:9] for claim in found["claims"]] == [
        "Figure 1,",
        "Figure 1,",
        "Figure 2",
        "Section 5",
        "Section 6",
        "Section 5",
        "Section 7",
    ]
    rows = found["tables"][0]["rows"]
    assert len(rows) == 8
    assert sorted({row[1] for row in rows}) == ["resnet14-1x", "resnet8-1x", "resnet8-2x"]
    assert "report.html" in {path.name for path in tmp_path.iterdir()}
