"""Several processes learn as one."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from foundation.regression import CONFIG, rows, told
from nonet.foundation import devices
from nonet.foundation.training import TrainingConfig, fit

pytestmark = pytest.mark.slow  # each trains several times


def alike(first: Path, second: Path) -> None:
    """Two logs tell the same to single precision."""
    one, two = told(first), told(second)
    assert [list(line) for line in one] == [list(line) for line in two]
    for a, b in zip(one, two, strict=True):
        assert [*a.values()][1:] == pytest.approx([*b.values()][1:], rel=1e-4)


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
    module = Contrastive() if kind == "contrastive" else Squares()
    with devices.threads(1):
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
