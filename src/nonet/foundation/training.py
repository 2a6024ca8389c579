"""The one training loop: device, mixed precision, several processes, accumulation, checkpoints and exact resume.

A step is a function of the state before it and of (seed, step): the order of the data, dropout and augmentation are
seeded with them anew. So a training that was killed and taken up at its last checkpoint ends with the same weights,
bit for bit on the same machine, as one that was never interrupted.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from nonet.foundation import checkpoint, console, training_log
from nonet.foundation.checkpoint import Checkpoint
from nonet.foundation.errors import DataError, MissingError
from nonet.foundation.optimisation import Average, adamw, parameter_groups, rate_factor, restore
from nonet.foundation.sampling import Plan, Rows, Seeded, collation, kept_randomness, seed_all
from nonet.foundation.training_config import TrainingConfig
from nonet.foundation.training_log import History, Log, Record

__all__ = ["History", "Rows", "TrainingConfig", "fit"]

# What may differ between a run and its resumption: it changes where and when, not what.
_FREE = {"device", "workers", "checkpoint_every", "keep_checkpoints", "evaluate_every", "log_every"}


def fit(
    module: nn.Module,
    data: Dataset,
    config: TrainingConfig,
    *,
    folder: Path,
    collate: Callable | None = None,
    optimizer: Callable[[list[dict]], Optimizer] | None = None,
    evaluate: Callable[[nn.Module, int], Mapping[str, float]] | None = None,
    resume: bool = True,
) -> History:
    """Trains a module in place and keeps log and checkpoints in a folder.

    Started by ``torchrun``, every process calls it alike and takes its share of each batch. Ctrl-C writes a checkpoint
    at the end of the step; the same call goes on from there.

    Args:
        module: ``module(batch)`` returns the loss (a scalar), or the loss and a mapping of scalar metrics. A loss over
            the batches of all processes gathers them itself with ``torch.distributed``.
        data: a dataset with a length; `Rows` for tensors in memory.
        config: the options.
        folder: of this run: ``log.jsonl`` and ``checkpoints/``.
        collate: makes a batch of a list of examples.
        optimizer: makes the optimiser from parameter groups that hold their weight decay; AdamW if None.
        evaluate: measures the module after so many steps, on the main process, in evaluation mode, without gradients.
        resume: whether to go on from the newest checkpoint in the folder; otherwise they are removed.
    Returns:
        What was measured. With ``ema_decay`` the module has the averaged weights then.
    Raises:
        DataError: if there are too few examples or the loss is not finite.
        ArtifactError: if the checkpoint is damaged or of another training.
        KeyboardInterrupt: after Ctrl-C, when the checkpoint is written.
    """
    with kept_randomness():
        run = _Run(module, data, config, folder, optimizer, evaluate)
        start = run.begin(resume)
        with _stop_requested() as stop:
            run.train(start, collate, stop)
        run.finish()
    return History(training_log.read(folder), folder, start)


class _Run:
    """One training: the objects whose states make a checkpoint, and the steps that change them."""

    def __init__(
        self,
        module: nn.Module,
        data: Dataset,
        config: TrainingConfig,
        folder: Path,
        optimizer: Callable[[list[dict]], Optimizer] | None,
        evaluate: Callable[[nn.Module, int], Mapping[str, float]] | None,
    ) -> None:
        self.module, self.data, self.config, self.folder, self.evaluate = module, data, config, folder, evaluate
        self.accelerator = _accelerator(config)
        module.to(self.accelerator.device).train()
        groups = parameter_groups(module, config.weight_decay)
        made = optimizer(groups) if optimizer else adamw(groups, config)
        self.parameters = [p for group in groups for p in group["params"]]
        self.peaks = [group["lr"] for group in made.param_groups]
        # accelerate marks and patches what it prepares; the caller's module stays as it is inside a shell
        self.network, self.optimizer = self.accelerator.prepare(_Shell(module), made)
        self.average = None if config.ema_decay is None else Average(module, config.ema_decay)
        self.pending: list[dict[str, Tensor]] = []
        self.window = _Window()
        self.log: Log | None = None

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def identity(self) -> dict[str, Any]:
        """What decides the result of the training."""
        options = {name: value for name, value in dataclasses.asdict(self.config).items() if name not in _FREE}
        return {
            "options": options,
            "examples": len(cast(Sized, self.data)),
            "optimizer": type(self.optimizer.optimizer).__name__,
            "model": checkpoint.signature(self.module),
        }

    def begin(self, resume: bool) -> int:
        """Takes up the newest checkpoint and opens the log; the number of steps that are done."""
        if self.accelerator.is_main_process:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not resume:
                checkpoint.remove_all(self.folder)
        self.accelerator.wait_for_everyone()
        stored = checkpoint.latest(self.folder, self.identity())
        step = 0
        if stored is not None:
            step = stored.step
            self._load(stored.state)
        if self.accelerator.is_main_process:
            self.log = Log(self.folder, step)
        return step

    def _state(self) -> dict[str, Any]:
        scaler = self.accelerator.scaler
        return {
            "module": dict(self.module.state_dict()),
            "optimizer": self.optimizer.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "average": self.average.state() if self.average else None,
            "window": dataclasses.asdict(self.window),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        restore(self.optimizer.optimizer, state["optimizer"])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        if self.average:
            self.average.load(state["average"])
        self.window = _Window(**state["window"])

    def save(self, step: int) -> None:
        """Writes a checkpoint after ``step`` steps and removes old ones."""
        if self.accelerator.is_main_process:
            checkpoint.write(self.folder, Checkpoint(step, self.identity(), self._state()))
            checkpoint.prune(self.folder, self.config.keep_checkpoints)
        self.accelerator.wait_for_everyone()

    # -- steps ---------------------------------------------------------------------------------------------------

    def train(self, start: int, collate: Callable | None, stop: threading.Event) -> None:
        """Makes the steps from ``start`` to the end."""
        config = self.config
        plan = Plan(
            len(cast(Sized, self.data)),
            config.batch_size,
            config.steps,
            start=start,
            accumulate=config.accumulate,
            process=self.accelerator.process_index,
            processes=self.accelerator.num_processes,
            seed=config.seed,
        )
        batches = iter(_loader(self.data, plan, collate, config.workers))
        with console.progress("Training", config.steps, done=start) as bar:
            for step in range(start, config.steps):
                self._step(step, batches)
                bar.advance()
                if self._after(step + 1, plan.steps_per_epoch, stop):
                    raise KeyboardInterrupt

    def _step(self, step: int, batches: Iterator[Any]) -> None:
        config, accelerator = self.config, self.accelerator
        factor = rate_factor(step, config)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        values: dict[str, Tensor] = {}
        for part in range(config.accumulate):
            batch = send_to_device(next(batches), accelerator.device)
            seed_all("step", config.seed, step, part, accelerator.process_index)
            last = part == config.accumulate - 1
            with nullcontext() if last else accelerator.no_sync(self.network):
                loss, metrics = self.network(batch)
                accelerator.backward(loss)
            for name, value in {"loss": loss, **metrics}.items():
                share = torch.as_tensor(value, dtype=torch.float32).detach() / config.accumulate
                values[name] = values[name] + share if name in values else share
        limit = math.inf if config.clip_norm is None else config.clip_norm
        values["gradient_norm"] = cast(Tensor, accelerator.clip_grad_norm_(self.parameters, limit)).detach()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update()
        self.pending.append(values)

    def _after(self, step: int, steps_per_epoch: int, stop: threading.Event) -> bool:
        """What is due after ``step`` steps; whether to stop here."""
        config = self.config
        end = step == config.steps
        log = end or step % config.log_every == 0
        save = end or _due(step, config.checkpoint_every)
        evaluate = self.evaluate is not None and (end or _due(step, config.evaluate_every))
        alone = self.accelerator.num_processes == 1
        stopping = alone and stop.is_set()
        if log or save or evaluate or stopping:
            stopping = self._collect(step, stop)
        if log and self.log:
            rate = self.optimizer.param_groups[0]["lr"]
            self.log.write(Record("train", step, {"epoch": step / steps_per_epoch, "rate": rate, **self.window.take()}))
        if evaluate:
            self._evaluate(step)
        if save or stopping:
            self.save(step)
        return stopping and not end

    def _collect(self, step: int, stop: threading.Event) -> bool:
        """Moves what was measured since the last time into the window; whether some process was asked to stop."""
        names = list(self.pending[0]) if self.pending else []
        rows = [[values[name].to(self.accelerator.device) for name in names] for values in self.pending]
        table = torch.stack([torch.stack(row) for row in rows]) if rows else torch.zeros(0, 0)
        asked = torch.tensor(float(stop.is_set()), device=self.accelerator.device)
        if self.accelerator.num_processes > 1:
            table = cast(Tensor, self.accelerator.reduce(table, "mean"))
            asked = cast(Tensor, self.accelerator.reduce(asked, "sum"))
        first = step - len(self.pending) + 1
        self.pending = []
        for offset, row in enumerate(table.tolist()):
            measured = dict(zip(names, row, strict=True))
            if not math.isfinite(measured["loss"]):
                raise DataError(
                    f"The loss became {measured['loss']} at step {first + offset:,}. The last good checkpoint is kept.",
                    where=self.folder,
                    fix="Try a lower learning rate, a longer warm-up or a smaller clip norm, in another folder;"
                    " or look for broken values in the data.",
                )
            self.window.add(measured)
        return bool(asked.item())

    def _evaluate(self, step: int) -> None:
        if self.accelerator.is_main_process and self.evaluate and self.log:
            self.module.eval()
            with self.average.in_place() if self.average else nullcontext(), torch.no_grad():
                values = self.evaluate(self.module, step)
            self.module.train()
            self.log.write(Record("evaluate", step, {name: float(value) for name, value in values.items()}))
        self.accelerator.wait_for_everyone()

    def finish(self) -> None:
        """Leaves the module with the weights to use, in evaluation mode."""
        if self.average:
            self.average.swap()
        self.module.eval()
        if self.log:
            self.log.close()
        self.accelerator.wait_for_everyone()


@dataclasses.dataclass
class _Window:
    """Sums of what was measured since the last line of the log."""

    steps: int = 0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)

    def add(self, values: Mapping[str, float]) -> None:
        self.steps += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        means = {name: total / self.steps for name, total in self.sums.items()}
        self.steps, self.sums = 0, {}
        return means


class _Shell(nn.Module):
    """Calls a module and brings its answer into one form."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: Any) -> tuple[Tensor, Mapping[str, Any]]:
        answer = self.module(batch)
        return answer if isinstance(answer, tuple) else (answer, {})


def _accelerator(config: TrainingConfig) -> Accelerator:
    available = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[config.device]:
        raise MissingError(f"There is no {config.device} device here.", where="device", fix="Choose auto or cpu.")
    alone = not torch.distributed.is_initialized()
    AcceleratorState._reset_state(reset_partial_state=alone)  # accelerate keeps the options of an earlier training
    return Accelerator(
        cpu=config.device == "cpu",
        mixed_precision=config.precision,
        gradient_accumulation_steps=config.accumulate,
    )


def _loader(data: Dataset, plan: Plan, collate: Callable | None, workers: int) -> DataLoader:
    return DataLoader(
        Seeded(data),
        batch_sampler=plan,
        collate_fn=collation(data, collate),
        num_workers=workers,
        worker_init_fn=_ignore_interrupts if workers else None,
        generator=torch.Generator(),
    )


def _ignore_interrupts(_: int) -> None:
    """Ctrl-C reaches every process of the terminal; the training decides when its workers end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


@contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets; the second one interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def request(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, former[number])

    for number in former:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
