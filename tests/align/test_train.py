import dataclasses

import numpy as np
import pytest
import torch

from align.tiny import tiny
from nonet.align.config import HeadConfig, LearningConfig
from nonet.align.encoders import EfficientNetConfig, EfficientNetEncoder, Preparation, TransformerTextEncoder
from nonet.align.model import DualEncoder
from nonet.align.pictures import open_picture
from nonet.align.train import evaluate_on, train
from nonet.foundation.errors import DataError

pytestmark = pytest.mark.slow  # each trains a model

QUICK = LearningConfig(epochs=30, batch_size=50, learning_rate=3e-3, device="cpu")


def state(model: DualEncoder) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.slow
def test_small_towers_learn_shapes_and_colours_well_enough_for_new_combinations(shapes, tmp_path):
    torch.manual_seed(0)
    model = DualEncoder(
        EfficientNetEncoder(EfficientNetConfig(width=0.5, depth=0.3), Preparation(36, 32)),
        TransformerTextEncoder.small(shapes.split("train").texts, vocabulary=100, layers=2, width=64),
        HeadConfig(dim=64, image_projection="linear", text_projection="linear"),
    )
    config = LearningConfig(15, 25, 3e-3, device="cpu", unfreeze=True, tower_rate=1.0)
    outcome = train(model, shapes, config, folder=tmp_path / "run", cache=tmp_path / "cache")
    assert outcome.history.last("loss") < 0.8 * outcome.history.curve("loss")[0][1]
    # five combinations of colour and shape that no training picture had, six pictures of each; the copies of a
    # combination have the same texts, so each is looked for among one copy of every combination
    held_out = shapes.split("validation")
    assert len(set(held_out.concepts)) == 5
    found = [evaluate_on(model, held_out.take(range(copy, 30, 6))) for copy in range(6)]
    for way in ("image_to_text", "text_to_image"):
        measured = [getattr(one, way) for one in found]
        assert np.mean([one.chance[0] for one in measured]) == pytest.approx(1 / 5)
        assert np.mean([one.recall[0] for one in measured]) > 0.6


@pytest.mark.slow
def test_a_short_training_evaluates_with_the_averages_of_its_last_weights(shapes, tmp_path):
    """Otherwise a network that learnt all there is would be at chance as soon as it is evaluated."""
    model = tiny()
    config = dataclasses.replace(QUICK, epochs=6, unfreeze=True, tower_rate=1.0)
    train(model, shapes, config, folder=tmp_path / "run", cache=tmp_path)
    network = model.image_encoder.network
    pixels = model.image_encoder.preprocess([open_picture(path) for path in shapes.images[::3]])
    seen = []
    network.stem_norm.register_forward_hook(lambda module, given, _: seen.append(given[0]))
    with torch.no_grad():
        network.eval()(pixels)
    variance = seen[0].var((0, 2, 3))
    assert torch.allclose(network.stem_norm.running_var, variance, rtol=0.5, atol=1e-3)


def test_frozen_towers_stay_and_their_features_are_computed_once(shapes, tmp_path, monkeypatch):
    model = tiny()
    before = state(model)
    train(model, shapes, QUICK, folder=tmp_path / "run", cache=tmp_path / "cache")
    after = state(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("heads.") for name in changed)

    def fail(*_):
        raise AssertionError("a feature was computed again")

    again = tiny()
    monkeypatch.setattr(type(again.image_encoder), "forward", fail)
    monkeypatch.setattr(type(again.text_encoder), "forward", fail)
    train(again, shapes, QUICK, folder=tmp_path / "again", cache=tmp_path / "cache")
    assert all(torch.equal(after[name], tensor) for name, tensor in again.state_dict().items())


def test_measure_from_kept_features_is_the_measure_of_the_model(shapes, tmp_path):
    model = tiny()
    outcome = train(model, shapes, QUICK, folder=tmp_path / "run", cache=tmp_path / "cache")
    direct = evaluate_on(model, shapes.split("validation"))
    assert outcome.validation.mean_recall == pytest.approx(direct.mean_recall, abs=0.02)
    assert outcome.validation.text_to_image.chance == direct.text_to_image.chance


@pytest.mark.parametrize("unfreeze", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_interrupted_and_taken_up_again_it_ends_with_the_same_weights(shapes, tmp_path, monkeypatch, unfreeze):
    config = dataclasses.replace(QUICK, epochs=3, unfreeze=unfreeze)
    whole = tiny()
    train(whole, shapes, config, folder=tmp_path / "whole", cache=tmp_path / "cache")
    from nonet.align import train as room

    calls, loss = [], room.contrastive_loss

    def interrupted(*args, **options):
        calls.append(None)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return loss(*args, **options)

    monkeypatch.setattr(room, "contrastive_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), shapes, config, folder=tmp_path / "cut", cache=tmp_path / "cache")
    monkeypatch.setattr(room, "contrastive_loss", loss)
    resumed = tiny()
    outcome = train(resumed, shapes, config, folder=tmp_path / "cut", cache=tmp_path / "cache")
    assert outcome.history.resumed_at > 0
    assert all(torch.equal(whole.state_dict()[name], tensor) for name, tensor in resumed.state_dict().items())


def test_towers_learn_at_their_own_rate(shapes, tmp_path):
    moved = {}
    for rate in (0.01, 1.0):
        model = tiny()
        before = state(model)
        config = dataclasses.replace(QUICK, epochs=1, unfreeze=True, tower_rate=rate, weight_decay=0.0)
        train(model, shapes, config, folder=tmp_path / str(rate), cache=tmp_path)
        name = "text_encoder.network.encoder.layer.0.intermediate.dense.weight"
        moved[rate] = float((model.state_dict()[name] - before[name]).abs().mean())
    assert moved[0.01] < 0.05 * moved[1.0]


def test_too_few_pairs_are_an_error(shapes, tmp_path):
    one = shapes.take([0])
    with pytest.raises(DataError, match="There are 1 pictures"):
        train(tiny(), one, QUICK, folder=tmp_path / "run", cache=tmp_path)
    nothing = shapes.take([])
    with pytest.raises(DataError, match="no pairs"):
        evaluate_on(tiny(), nothing)


def test_two_pictures_and_no_validation_are_enough(shapes, tmp_path):
    two = shapes.take([0, 40])
    assert set(two.splits) == {"train"}
    outcome = train(tiny(), two, QUICK, folder=tmp_path / "run", cache=tmp_path)
    assert outcome.validation is None
    assert np.isfinite(outcome.history.last("loss"))
