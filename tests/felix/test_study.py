import random

import pytest

from nonet.felix import study as study_room
from nonet.felix.config import DecodeConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.evaluate import judge
from nonet.felix.latency import DECODERS
from nonet.felix.sources.prose import Document
from nonet.felix.study import Scale, difference_claim, sample_claim, speed_claim, there
from nonet.felix.trials import Outcome

TEST = [Pair(f"the {n} cat sat . it slept .", (f"the {n} cat sat and slept .",)) for n in ["one", "two", "red", "old"]]


def outcome(texts):
    judged = judge([p.source for p in TEST], texts, [p.targets for p in TEST])
    return Outcome(judged, DecodeConfig(), 1.0, 1.0, tuple(texts))


RIGHT = outcome([pair.targets[0] for pair in TEST])
KEPT = outcome([pair.source for pair in TEST])
MIXED = outcome([TEST[0].targets[0], TEST[1].source, TEST[2].source, "the end"])


@pytest.mark.parametrize(("first", "second", "holds"), [(RIGHT, KEPT, True), (KEPT, RIGHT, False), (MIXED, KEPT, None)])
def test_a_difference_holds_fails_or_cannot_be_told(first, second, holds):
    assert difference_claim("text", "article", first, second, TEST, "how").holds is holds


def test_samples_are_used_best_only_if_both_baselines_are_behind():
    def told(felix, lasertagger, seq2seq):
        found = {"felix": felix, "lasertagger": lasertagger, "seq2seq": seq2seq}
        return sample_claim(found, 100, TEST, "how").holds

    assert told(RIGHT, KEPT, KEPT) is True
    assert told(KEPT, RIGHT, KEPT) is not True
    assert told(KEPT, RIGHT, RIGHT) is False


def test_the_best_back_end_is_measured_against_what_the_article_compared_with():
    slow, cached, greedy = DECODERS
    took = {"torch": 10.0, "onnx": 5.0, slow: 500.0, cached: 250.0, greedy: 100.0}
    found = speed_claim(took, took, 2.0, "how")
    assert found.holds
    assert "100 × (no cache 2.0 × beam 2.5 × token by token 10.0 × back-end 2.0)" in found.measured
    assert not speed_claim(took, {**took, slow: 440.0}, 2.0, "how").holds


def test_a_curve_has_no_more_pairs_than_there_are_and_no_size_twice():
    assert there((100, 1000, 0), 2000) == [100, 1000, 2000]
    assert there((100, 0), 59) == [59]
    assert there((10, 100, 1000), 500) == [10, 100, 500]


@pytest.mark.slow
def test_made_up_sentences_are_turned_from_active_to_passive_and_back():
    pytest.importorskip("lemminflect")
    from nonet.felix.rules.sentences import made_up

    pairs = made_up(200, random.Random(0))
    assert len({pair.source for pair in pairs}) == 200
    passive = [" was " in pair.source for pair in pairs]
    assert 60 < sum(passive) < 140
    for pair, turned in zip(pairs, passive, strict=True):
        assert (" was " in pair.targets[0]) is not turned
        assert " by " in (pair.source if turned else pair.targets[0])


@pytest.mark.slow
def test_a_small_study_runs_to_its_report(monkeypatch, tiny, tmp_path):
    things = ["shop", "bank", "school", "museum", "church", "station", "market", "theatre"]
    pairs = [(a, b) for a in things for b in things if a != b]
    text = " ".join(f"The {a} opened in May, and the {b} closed in June." for a, b in pairs)
    monkeypatch.setattr(study_room, "wikipedia", lambda: iter([Document("town", (text,))]))
    monkeypatch.setattr(study_room, "open_encoder", lambda name, layers: tiny)
    learning = LearningConfig(steps=1, batch_size=4)
    found = study_room.study(Scale("minutes", 2, 1, (10,), 30, 32, (1, 3), learning, (1, 2)))
    assert len(found.claims) == 4
    assert len(found.tables[0].rows) == 6
    assert len(found.tables[1].rows) == 6
    assert found.save(tmp_path).is_file()
