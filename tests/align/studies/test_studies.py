"""What a study is made of, on coloured shapes."""

from dataclasses import replace

import numpy as np
import pytest

from nonet.align.config import LearningConfig
from nonet.align.studies import noise
from nonet.align.studies.arithmetic import Question, ask
from nonet.align.studies.trials import HEADS, Setting, estimate, gap, run


def test_a_question_is_answered_by_the_sum_only():
    pictures = np.array([[1, 0, 0], [0.2, 0.98, 0], [0.6, 0.8, 0], [0.95, 0, 0.3]], float)
    words = np.array([[0.0, 1.0, 0.0]])
    shares = ask([Question(0, "of the second kind", 2)], pictures, words)
    assert shares == {"picture + words": 1.0, "words": 0.0, "picture": 0.0}


def test_noise_spares_what_is_held_out_and_the_rules_drop_boilerplate(shapes):
    loud = noise.noisy(shapes, seed=0, share=0.5)
    changed = [row for row, (a, b) in enumerate(zip(shapes.texts, loud.texts, strict=True)) if a != b]
    assert 0.3 < len(changed) / sum(shapes.splits[i] == "train" for i in shapes.image_of) < 0.55
    assert all(shapes.splits[shapes.image_of[row]] == "train" for row in changed)
    small = noise.share_of(shapes, 0.25, seed=0)
    train = shapes.splits.count("train")
    assert small.splits.count("train") == round(0.25 * train)
    assert small.splits.count("validation") == shapes.splits.count("validation")
    assert small.name == f"shapes/{train}"


@pytest.mark.slow
def test_the_rules_drop_texts_of_many_pictures(shapes):
    names = [f"{text} number {row}" for row, text in enumerate(shapes.texts)]
    loud = noise.noisy(replace(shapes, texts=names), seed=0, share=0.5)
    kept = noise.ruled(loud, seed=0)
    boilerplate = [text for text in loud.texts if loud.texts.count(text) > 10]
    assert boilerplate
    assert not set(boilerplate) & set(kept.texts)
    assert kept.splits.count("validation") == shapes.splits.count("validation")


@pytest.mark.slow
def test_trials_have_equal_compute_and_a_range_over_seeds(shapes, tmp_path):
    splits = ["test" if split == "validation" else split for split in shapes.splits]
    pairs = replace(shapes, splits=splits)
    learning = LearningConfig(epochs=2, batch_size=60, learning_rate=2e-3, device="cpu")
    settings = [
        Setting("all", HEADS, learning, lambda seed: pairs),
        Setting("half", HEADS, learning, lambda seed: noise.share_of(pairs, 0.5, seed)),
    ]
    trials = run(settings, range(2), tmp_path, ("efficientnet-lite0", "minilm"), tmp_path / "trials")
    assert [(trial.setting, trial.seed) for trial in trials] == [("all", 0), ("all", 1), ("half", 0), ("half", 1)]
    reached = estimate(trials, "all")
    assert reached.low <= reached.value <= reached.high
    again = run(settings[:1], range(2), tmp_path, ("efficientnet-lite0", "minilm"), tmp_path / "trials")
    assert [trial.retrieval for trial in again] == [trial.retrieval for trial in trials[:2]]  # gone on with, at its end
    assert gap(trials, "all", "half").value == pytest.approx(reached.value - estimate(trials, "half").value)
