"""A training that was stopped, killed or damaged goes on to the same bits."""

import os
import random
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

from children import exit_status
from foundation.regression import CONFIG, Augmented, Regression, rmsprop, rows, same, told, train
from nonet.foundation import checkpoint, devices
from nonet.foundation.artifact import load
from nonet.foundation.errors import ArtifactError
from nonet.foundation.training import fit

pytestmark = pytest.mark.slow  # each trains, most of them several times


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


VARIANTS = {
    "plain": (CONFIG, {}),
    "accumulated": (replace(CONFIG, accumulate=4), {}),
    "averaged": (replace(CONFIG, ema_decay=0.9), {}),
    "bf16": (replace(CONFIG, precision="bf16"), {}),
    "own optimiser": (CONFIG, {"optimizer": rmsprop}),
    "augmented": (CONFIG, {"data": Augmented}),
    "augmented by workers": (replace(CONFIG, workers=2), {"data": Augmented}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_killed_anywhere_and_resumed_the_weights_are_the_same_bits(tmp_path, name):
    config, options = VARIANTS[name]
    whole = Regression()
    train(tmp_path / "whole", config, whole, **options)
    chance = random.Random(name)
    for _ in range(2):  # each within so many calls from where it goes on that neither comes to the end
        call = chance.randrange(2, config.steps * config.accumulate // 2)
        assert exit_status(lambda call=call: train(tmp_path / "run", config, Regression(call, kill), **options)) < 0
    resumed = Regression()
    history = train(tmp_path / "run", config, resumed, **options)
    assert history.resumed_at in range(0, 40, 7)
    assert same(whole, resumed)
    assert told(tmp_path / "run") == told(tmp_path / "whole")


def test_killed_from_outside_at_random_moments(tmp_path):
    config = replace(CONFIG, steps=400, checkpoint_every=20, ema_decay=0.9, accumulate=2)
    whole, chance = Regression(), random.Random(5)
    train(tmp_path / "whole", config, whole)
    for _ in range(6):
        child = os.fork()
        if child == 0:
            train(tmp_path / "run", config, Regression())
            os._exit(0)
        signal.sigtimedwait([], chance.uniform(0.1, 0.6))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    resumed = Regression()
    train(tmp_path / "run", config, resumed)
    assert same(whole, resumed)
    assert told(tmp_path / "run") == told(tmp_path / "whole")


def test_the_scaler_is_part_of_the_checkpoint(tmp_path, monkeypatch):
    made = devices.accelerator

    def scaled(*options):
        accelerator = made(*options)
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)
        return accelerator

    monkeypatch.setattr(devices, "accelerator", scaled)
    whole, resumed = Regression(), Regression()
    train(tmp_path / "whole", CONFIG, whole)

    def crash() -> None:
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        train(tmp_path / "run", CONFIG, Regression(25, crash))
    train(tmp_path / "run", CONFIG, resumed)
    assert same(whole, resumed)
    for run in ("whole", "run"):
        stored = load(tmp_path / run / "checkpoints" / "step-000000040", kind=checkpoint.KIND)
        state = checkpoint.unflatten(stored.config["state"], stored.tensors)
        assert state["scaler"]["scale"] == 8.0 * 2 ** (40 // 3)
        assert state["scaler"]["_growth_tracker"] == 40 % 3


def test_ctrl_c_writes_a_checkpoint_and_the_same_call_goes_on(tmp_path):
    whole, resumed = Regression(), Regression()
    handler = signal.getsignal(signal.SIGINT)
    train(tmp_path / "whole", CONFIG, whole)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", CONFIG, Regression(23, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert signal.getsignal(signal.SIGINT) is handler
    history = train(tmp_path / "run", CONFIG, resumed)
    assert history.resumed_at == 23
    assert same(whole, resumed)
    assert told(tmp_path / "run") == told(tmp_path / "whole")


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    train(tmp_path, CONFIG, Regression())
    with pytest.raises(ArtifactError, match=r"option learning_rate was 0\.01 and is now 0\.02"):
        train(tmp_path, replace(CONFIG, learning_rate=0.02), Regression())
    with pytest.raises(ArtifactError, match="number of examples was 100 and is now 99"):
        fit(Regression(), rows(99), CONFIG, folder=tmp_path)
    with pytest.raises(ArtifactError, match="fingerprint of the data was  and is now other"):
        train(tmp_path, CONFIG, Regression(), fingerprint="other")
    wide = Regression()
    wide.layers[3] = nn.Linear(16, 2)
    with pytest.raises(ArtifactError, match=r"layers\.3\.weight was float32\[1, 16\] and is now float32\[2, 16\]"):
        train(tmp_path, CONFIG, wide)
    with pytest.raises(ArtifactError, match="optimizer was AdamW and is now RMSprop"):
        train(tmp_path, CONFIG, Regression(), optimizer=rmsprop)
    fresh, whole = Regression(), Regression()
    other = replace(CONFIG, learning_rate=0.02)
    assert train(tmp_path, other, fresh, resume=False).resumed_at == 0
    train(tmp_path / "whole", other, whole)
    assert same(fresh, whole)


def test_a_damaged_checkpoint_is_refused_and_the_one_before_serves(tmp_path):
    whole, resumed = Regression(), Regression()
    train(tmp_path, CONFIG, whole)
    [former, newest] = sorted((tmp_path / "checkpoints").iterdir())
    content = (newest / "model.safetensors").read_bytes()
    (newest / "model.safetensors").write_bytes(content[:-1])
    with pytest.raises(ArtifactError, match="was cut") as caught:
        train(tmp_path, CONFIG, Regression())
    assert str(newest) in str(caught.value.fix)
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    assert train(tmp_path, CONFIG, resumed).resumed_at == 35
    assert former.name == "step-000000035"
    assert same(whole, resumed)


def test_a_finished_run_is_taken_as_it_is(tmp_path):
    config = replace(CONFIG, ema_decay=0.9)
    first, second = Regression(), Regression()
    history = train(tmp_path, config, first)
    again = train(tmp_path, config, second)
    assert again.resumed_at == config.steps
    assert second.calls == 0
    assert same(first, second)
    assert again.records == history.records
