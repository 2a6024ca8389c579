import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from foundation.regression import CONFIG, Regression, rows, same, train
from nonet.foundation.errors import DataError, MissingError, UsageError
from nonet.foundation.training import fit

pytestmark = pytest.mark.slow  # each trains


@pytest.mark.parametrize(("value", "what"), [(math.nan, "loss became nan"), (math.inf, "loss became inf")])
def test_a_loss_that_is_not_finite_names_the_step_and_keeps_the_checkpoint(tmp_path, value, what):
    module = Regression()
    module.at_call = 18

    def spoil() -> None:
        with torch.no_grad():
            module.layers[3].bias.fill_(value)

    module.action = spoil
    with pytest.raises(DataError, match=f"{what} at step 18") as caught:
        train(tmp_path, replace(CONFIG, log_every=100), module)
    assert caught.value.where == str(tmp_path)
    [*_, newest] = sorted((tmp_path / "checkpoints").iterdir())
    assert newest.name == "step-000000014"
    healthy, whole = Regression(), Regression()
    assert train(tmp_path, CONFIG, healthy).resumed_at == 14
    train(tmp_path / "whole", CONFIG, whole)
    assert same(healthy, whole)


def test_history_tells_what_was_measured(tmp_path):
    history = train(tmp_path, CONFIG, Regression())
    assert [step for step, _ in history.curve("loss")] == list(range(4, 41, 4))
    assert [step for step, _ in history.curve("error", "evaluate")] == [10, 20, 30, 40]
    assert history.last("steps", "evaluate") == 40
    assert history.last("loss") < history.curve("loss")[0][1]
    assert history.last("epoch") == pytest.approx(40 / 6)
    with pytest.raises(KeyError):
        history.last("accuracy")


def test_the_caller_keeps_module_and_generators(tmp_path):
    module = Regression()
    numpy_before, torch_before = np.random.get_state()[1].tolist(), torch.get_rng_state()
    attributes = set(vars(module))
    autocast = []
    module.at_call, module.action = 2, lambda: autocast.append(torch.is_autocast_enabled("cpu"))
    train(tmp_path, replace(CONFIG, precision="bf16"), module)
    assert autocast == [True]
    assert np.random.get_state()[1].tolist() == numpy_before
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert set(vars(module)) == attributes, "accelerate leaves no patch behind"
    assert not module.training


def test_accumulation_computes_the_whole_batch(tmp_path):
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 1)
            nn.init.zeros_(self.layer.weight)
            nn.init.zeros_(self.layer.bias)

        def forward(self, batch):
            return (self.layer(batch["x"]) - batch["y"]).square().mean()

    whole, parts = Linear(), Linear()
    fit(whole, rows(), CONFIG, folder=tmp_path / "whole")
    fit(parts, rows(), replace(CONFIG, accumulate=8), folder=tmp_path / "parts")
    torch.testing.assert_close(whole.layer.weight, parts.layer.weight, rtol=1e-4, atol=1e-6)


class Broken(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int):
        raise DataError("The picture is cut off.", where=f"picture {index}")


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_the_data_stay_readable(tmp_path, workers):
    with pytest.raises(DataError, match=r"^picture \d+: The picture is cut off\.$"):
        fit(Regression(), Broken(), replace(CONFIG, workers=workers), folder=tmp_path)


def test_what_cannot_be_trained_is_said(tmp_path):
    with pytest.raises(DataError, match="15 examples to train on, fewer than one batch of 16"):
        fit(Regression(), rows(15), CONFIG, folder=tmp_path)
    with pytest.raises(UsageError, match="no parameter to train"):
        fit(Regression().requires_grad_(False), rows(), CONFIG, folder=tmp_path)
    with pytest.raises(UsageError, match="fp16"):
        fit(Regression(), rows(), replace(CONFIG, precision="fp16"), folder=tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(MissingError, match="no cuda device"):
            fit(Regression(), rows(), replace(CONFIG, device="cuda"), folder=tmp_path)
