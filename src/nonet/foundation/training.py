"""The one training loop: device, mixed precision, several processes, accumulation, checkpoints and exact resume.

A step is a function of the state before it and of (seed, step): the order of the data, dropout and augmentation are
seeded with them anew. So a training that was killed and taken up at its last checkpoint ends with the same weights,
bit for bit on the same machine, as one that was never interrupted.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from nonet.foundation import checkpoint, console, devices, training_log
from nonet.foundation.checkpoint import Checkpoint
from nonet.foundation.interruption import stop_requested
from nonet.foundation.meter import Meter, Window
from nonet.foundation.optimisation import Average, adamw, parameter_groups, rate_factor, restore
from nonet.foundation.sampling import Plan, Rows, Seeded, batches, kept_randomness, seed_all
from nonet.foundation.training_config import TrainingConfig
from nonet.foundation.training_log import History, Log, Record

__all__ = ["History", "Rows", "TrainingConfig", "fit"]

# What may differ between a run and its resumption: it changes where and when, not what.
_FREE = {"device", "workers", "checkpoint_every", "keep_checkpoints", "evaluate_every", "log_every"}

Evaluate = Callable[[nn.Module, int], Mapping[str, float]]


def fit(
    module: nn.Module,
    data: Dataset,
    config: TrainingConfig,
    *,
    folder: Path,
    collate: Callable[[Any], Any] | None = None,
    optimizer: Callable[[list[dict]], Optimizer] | None = None,
    evaluate: Evaluate | None = None,
    resume: bool = True,
    fingerprint: str = "",
) -> History:
    """Trains a module in place and keeps log and checkpoints in a folder.

    Started by ``torchrun``, every process calls it alike and takes its share of each batch. Ctrl-C writes a checkpoint
    at the end of the step; the same call goes on from there. What ``module`` must remember between steps is in its
    ``state_dict``; what it draws at random, it draws from the global generators.

    Args:
        module: ``module(batch)`` returns the loss (a scalar), or the loss and a mapping of scalar metrics. A loss over
            the batches of all processes gathers them itself with ``torch.distributed``.
        data: a dataset with a length; `Rows` for tensors in memory. Where it has a method ``epoch_order(seed, epoch)``,
            that says in which order an epoch reads it.
        config: the options.
        folder: of this run: ``log.jsonl`` and ``checkpoints/``.
        collate: makes a batch of a list of examples.
        optimizer: makes the optimiser from parameter groups that hold their weight decay; AdamW if None.
        evaluate: measures the module after so many steps, on the main process, in evaluation mode, without gradients.
        resume: whether to go on from the newest checkpoint in the folder; otherwise they are removed.
        fingerprint: of the data, and of whatever else decides the result; another one refuses the checkpoint.
    Returns:
        What was measured. The module is in evaluation mode then and, with ``ema_decay``, has the averaged weights.
    Raises:
        DataError: if there are too few examples or the loss is not finite.
        ArtifactError: if the checkpoint is damaged or of another training.
        KeyboardInterrupt: after Ctrl-C, when the checkpoint is written.
    """
    with kept_randomness(), stop_requested() as stop:
        run = _Run(module, data, config, folder, optimizer, evaluate, fingerprint)
        start = run.begin(resume)
        try:
            run.train(start, Seeded(data, collate), stop)
        finally:
            run.close()
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
        evaluate: Evaluate | None,
        fingerprint: str,
    ) -> None:
        self.module, self.config, self.folder, self.evaluate = module, config, folder, evaluate
        self.fingerprint = fingerprint
        self.accelerator = devices.accelerator(config.device, config.precision, config.accumulate)
        self.alone = self.accelerator.num_processes == 1
        self.plan = Plan(
            len(cast(Sized, data)),
            config.batch_size,
            config.steps,
            accumulate=config.accumulate,
            process=self.accelerator.process_index,
            processes=self.accelerator.num_processes,
            seed=config.seed,
            order=getattr(data, "epoch_order", None),
        )
        module.to(self.accelerator.device).train()
        groups = parameter_groups(module, config.weight_decay)
        made = optimizer(groups) if optimizer else adamw(groups, config)
        self.parameters = [p for group in groups for p in group["params"]]
        self.peaks = [group["lr"] for group in made.param_groups]
        # accelerate marks and patches what it prepares: a shell takes that, the caller's module stays as it is
        self.network, self.optimizer = self.accelerator.prepare(_Shell(module), made)
        self.average = None if config.ema_decay is None else Average(module, config.ema_decay)
        self.meter = Meter(self.accelerator, folder)
        self.log: Log | None = None  # on the main process
        self.clock = (0, 0.0)  # steps done and time at the last line of the log

    def begin(self, resume: bool) -> int:
        """Takes up the newest checkpoint and opens the log; the number of steps that are done."""
        if self.accelerator.is_main_process:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not resume:
                checkpoint.remove_all(self.folder)
        self.accelerator.wait_for_everyone()
        stored = checkpoint.latest(self.folder, self.identity())
        if stored is not None:
            self.plan.start = stored.step
            self.restore(stored.state)
        if self.accelerator.is_main_process:
            self.log = Log(self.folder, self.plan.start)
        return self.plan.start

    def identity(self) -> dict[str, Any]:
        """What decides the result of the training."""
        options = dataclasses.asdict(self.config).items()
        return {
            "option": {name: value for name, value in options if name not in _FREE},
            "number of examples": self.plan.examples,
            "fingerprint of the data": self.fingerprint,
            "optimizer": type(self.optimizer.optimizer).__name__,
            "model tensor": checkpoint.signature(self.module),
        }

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""
        scaler = self.accelerator.scaler
        return {
            "module": dict(self.module.state_dict()),
            "optimizer": self.optimizer.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "average": self.average.state() if self.average else None,
            "window": dataclasses.asdict(self.meter.window),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes up a `state`."""
        self.module.load_state_dict(state["module"])
        restore(self.optimizer.optimizer, state["optimizer"])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        if self.average:
            self.average.load(state["average"])
        self.meter.window = Window(**state["window"])

    def train(self, start: int, data: Seeded, stop: threading.Event) -> None:
        """Makes the steps from ``start`` to the end.

        Raises:
            KeyboardInterrupt: if asked to stop, at the end of a step and with a checkpoint.
        """
        steps = self.config.steps
        self.clock = (start, time.perf_counter())
        source = batches(data, self.plan, workers=self.config.workers, pin=self.accelerator.device.type == "cuda")
        with console.progress("Training", steps, done=start) as bar:
            for step in range(start, steps):
                self.step(step, source)
                bar.advance()
                if self.after(step + 1, stop, bar):
                    raise KeyboardInterrupt

    def step(self, step: int, source: Iterator[Any]) -> None:
        """Makes one optimiser step; what it measured stays on the device."""
        config, accelerator = self.config, self.accelerator
        factor = rate_factor(step, config)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        values: dict[str, Tensor] = {}
        for part in range(config.accumulate):
            batch = send_to_device(next(source), accelerator.device, non_blocking=True)
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
            self.average.update(step + 1)
        self.meter.add(values)

    def after(self, step: int, stop: threading.Event, bar: console.Task) -> bool:
        """Does what is due after ``step`` steps; whether to stop here."""
        config, end = self.config, step == self.config.steps
        log = end or step % config.log_every == 0
        save = end or _due(step, config.checkpoint_every)
        evaluate = self.evaluate is not None and (end or _due(step, config.evaluate_every))
        stopping = self.alone and stop.is_set()
        if log or save or evaluate or stopping:
            stopping = self.meter.collect(step, stop.is_set())
        if log:
            means = self.meter.window.take()
            bar.describe(f"loss {means['loss']:.4g}")
            if self.log:
                self.log.write(Record("train", step, {**means, **self.pace(step)}))
        if evaluate:
            self.measure(step)
        if save or stopping:
            self.save(step)
        return stopping

    def pace(self, step: int) -> dict[str, float]:
        """Where the training is and how fast it goes."""
        (before, then), now = self.clock, time.perf_counter()
        self.clock = (step, now)
        return {
            "epoch": step / self.plan.steps_per_epoch,
            "rate": self.optimizer.param_groups[0]["lr"],
            "examples_per_second": (step - before) * self.config.batch_size / max(now - then, 1e-9),
        }

    def measure(self, step: int) -> None:
        """Evaluates on the main process, with the averaged weights if there are any; the others wait."""
        if self.evaluate and self.log:
            self.module.eval()
            with self.average.in_place() if self.average else nullcontext(), torch.no_grad():
                values = self.evaluate(self.module, step)
            self.module.train()
            self.log.write(Record("evaluate", step, {name: float(value) for name, value in values.items()}))
        self.accelerator.wait_for_everyone()

    def save(self, step: int) -> None:
        """Writes a checkpoint after ``step`` steps and removes old ones."""
        self.meter.require_finite("norm of the weights", torch.nn.utils.get_total_norm(self.parameters).item(), step)
        if self.accelerator.is_main_process:
            checkpoint.write(self.folder, Checkpoint(step, self.identity(), self.state()))
            checkpoint.prune(self.folder, self.config.keep_checkpoints)
        self.accelerator.wait_for_everyone()

    def close(self) -> None:
        """Closes the log."""
        if self.log:
            self.log.close()

    def finish(self) -> None:
        """Leaves the module with the weights to use."""
        if self.average:
            self.average.swap()
        self.module.eval()
        self.accelerator.wait_for_everyone()


class _Shell(nn.Module):
    """Calls a module and brings its answer into one form."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: Any) -> tuple[Tensor, Mapping[str, Any]]:
        answer = self.module(batch)
        return answer if isinstance(answer, tuple) else (answer, {})


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
