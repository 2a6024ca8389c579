import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from children import exit_status
from nonet.foundation import checkpoint, devices
from nonet.foundation.artifact import load
from nonet.foundation.errors import ArtifactError, DataError, MissingError, UsageError
from nonet.foundation.training import Rows, TrainingConfig, fit

pytestmark = pytest.mark.slow  # each trains, most of them several times


class Regression(nn.Module):
    """A small network that draws from every random generator, and does ``at_call`` when it is called that often."""

    def __init__(self, at_call: int | None = None, action=None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.BatchNorm1d(16), nn.Linear(16, 1))
        self.calls, self.at_call, self.action = 0, at_call, action

    def forward(self, batch):
        if self.training:
            self.calls += 1
            if self.calls == self.at_call:
                self.action()
        noise = random.random() + np.random.rand()
        error = self.layers(batch["x"]) - batch["y"] + 0.01 * noise
        return error.square().mean(), {"absolute": error.abs().mean(), "noise": noise}


class Augmented(torch.utils.data.Dataset):
    """Examples that come out a little different each time."""

    def __init__(self) -> None:
        self.rows = rows()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        return {name: value + 0.01 * torch.randn(()) * np.random.rand() for name, value in self.rows[index].items()}


def rows(count: int = 100) -> Rows:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 8, generator=generator)
    return Rows(x=x, y=x.sum(1, keepdim=True))


CONFIG = TrainingConfig(
    steps=40, batch_size=16, learning_rate=0.01, warmup_steps=5, weight_decay=0.1, device="cpu",
    checkpoint_every=7, evaluate_every=10, log_every=4, seed=3,
)  # fmt: skip


def evaluate(module: nn.Module, step: int) -> dict[str, float]:
    assert not module.training
    assert not torch.is_grad_enabled()
    random.seed(0)  # an evaluation may do with the generators what it likes
    torch.manual_seed(0)
    batch = rows(20).__getitems__(range(20))
    return {"error": float((module.layers(batch["x"]) - batch["y"]).square().mean()), "steps": step}


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def told(folder: Path) -> list[dict]:
    """The log without the clock's part."""
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name != "examples_per_second"} for line in lines]


def alike(first: Path, second: Path) -> None:
    """Two logs tell the same to single precision."""
    one, two = told(first), told(second)
    assert [list(line) for line in one] == [list(line) for line in two]
    for a, b in zip(one, two, strict=True):
        assert [*a.values()][1:] == pytest.approx([*b.values()][1:], rel=1e-4)


def rmsprop(groups):
    return torch.optim.RMSprop(groups, lr=0.01, momentum=0.9)


VARIANTS = {
    "plain": (CONFIG, {}),
    "accumulated": (replace(CONFIG, accumulate=4), {}),
    "averaged": (replace(CONFIG, ema_decay=0.9), {}),
    "bf16": (replace(CONFIG, precision="bf16"), {}),
    "own optimiser": (CONFIG, {"optimizer": rmsprop}),
    "augmented": (CONFIG, {"data": Augmented}),
    "augmented by workers": (replace(CONFIG, workers=2), {"data": Augmented}),
}


def train(folder: Path, config: TrainingConfig, module: Regression, *, data=rows, **options):
    return fit(module, data(), config, folder=folder, evaluate=evaluate, **options)


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


@pytest.mark.slow
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


class Contrastive(nn.Module):
    """A loss over the batches of all processes, gathered with gradients."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = nn.Linear(8, 4, bias=False), nn.Linear(8, 4, bias=False)

    def forward(self, batch):
        left, right = self.left(batch["x"]), self.right(batch["x"] + batch["y"])
        rank, every = 0, right
        if torch.distributed.is_initialized():
            rank = torch.distributed.get_rank()
            every = torch.cat(torch.distributed.nn.functional.all_gather(right))
        targets = torch.arange(len(left)) + rank * len(left)
        return nn.functional.cross_entropy(left @ every.T, targets)


def shared(folder: Path, kind: str, config: TrainingConfig) -> None:
    """One of several processes that train together; run by the test below, also as a program."""
    torch.set_num_threads(1)
    module = Contrastive() if kind == "contrastive" else Squares()
    history = fit(module, rows(), config, folder=folder)
    torch.save(module.state_dict(), folder / f"weights-{os.environ.get('RANK', 0)}.pt")
    assert history.records


class Squares(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 1))

    def forward(self, batch):
        error = self.layers(batch["x"]) - batch["y"]
        return error.square().mean(), {"absolute": error.abs().mean()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def together(folder: Path, kind: str, config: TrainingConfig) -> None:
    """Two gloo processes on this machine."""
    port, children = free_port(), []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            devices.AcceleratorState._reset_state(reset_partial_state=True)
            try:
                shared(folder, kind, config)
                torch.distributed.destroy_process_group()
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]


@pytest.mark.parametrize(
    ("kind", "options"),
    [("squares", {}), ("squares", {"accumulate": 2}), ("squares", {"workers": 1}), ("contrastive", {"ema_decay": 0.9})],
)
def test_two_processes_learn_as_one_with_the_double_batch(tmp_path, kind, options):
    config = replace(CONFIG, **options)
    (tmp_path / "two").mkdir()
    (tmp_path / "one").mkdir()
    together(tmp_path / "two", kind, config)
    shared(tmp_path / "one", kind, config)
    assert len(told(tmp_path / "one")) == 10
    alike(tmp_path / "one", tmp_path / "two")
    weights = [torch.load(path, weights_only=True) for path in sorted(tmp_path.glob("*/weights-*.pt"))]
    assert len(weights) == 3
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], rtol=1e-3, atol=1e-5)
        assert torch.equal(weights[1][name], weights[2][name])


@pytest.mark.slow
def test_torchrun_starts_it(tmp_path):
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d"]
    launcher += [f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--local-addr=127.0.0.1"]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    command = [*launcher, __file__, str(tmp_path / "two")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    shared(tmp_path / "one", "squares", CONFIG)
    alike(tmp_path / "one", tmp_path / "two")


if __name__ == "__main__":
    shared(Path(sys.argv[1]), "squares", CONFIG)
