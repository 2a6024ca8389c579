"""Removes blocks that the network can do without, one at a time, and verifies every step on examples of their own.

The evaluation examples are cut into two fixed halves. One chooses: which block goes next, and when the budget is used
up. The other only measures, so its figures are not flattered by the choice.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nonet.cka import batches
from nonet.cka.answers import Answers, answers, forward_seconds
from nonet.cka.config import PruneOptions
from nonet.cka.units import Unit, bypassed, find_units, remove
from nonet.foundation import console
from nonet.foundation.errors import DataError, ResourceError
from nonet.foundation.files import atomic_folder

__all__ = ["Pruned", "Step", "prune", "save_model"]

Tune = Callable[[nn.Module, int], None]
"""Trains a model a little more; gets the number of the step."""


@dataclass(frozen=True)
class Step:
    """The network after so many removals.

    Attributes:
        removed: the block that went, or empty for the whole network.
        similarity: CKA of that block's output with its input in the whole network.
        chosen_on: accuracy on the half that chooses, in [0, 1].
        accuracy: accuracy on the half that only measures.
        parameters: how many are left.
        seconds: processor time of a forward pass of one batch.
    """

    removed: str
    similarity: float
    chosen_on: float
    accuracy: float
    parameters: int
    seconds: float = float("nan")


@dataclass(frozen=True)
class Pruned:
    """A smaller model.

    Attributes:
        model: it.
        steps: the way there, the whole network first.
        refused: what the next removal would have cost, which the budget does not allow; None if nothing was left.
        examples: how many measured.
    """

    model: nn.Module
    steps: Sequence[Step]
    refused: Step | None
    examples: int


def prune(
    model: nn.Module, evaluation: Iterable[Any], options: PruneOptions | None = None, *, tune: Tune | None = None
) -> Pruned:
    """Removes blocks greedily while the accuracy stays within the budget.

    Args:
        model: classifies; a copy of it is pruned.
        evaluation: batches with labels, in a fixed order; not the training data.
        options: the budget and how to look.
        tune: fine-tunes after each removal; see `PruneOptions.finetune`.
    Raises:
        DataError: if there is nothing to remove or nothing to measure with.
    """
    options = options or PruneOptions()
    batch = next(iter(evaluation))
    current = copy.deepcopy(model)
    units = {unit.name: unit for unit in find_units(current, batch, options.keep)}
    state = _State(current, evaluation, options)
    steps = [state.step("", float("nan"), state.whole)]
    floor = steps[0].chosen_on - options.budget
    gone: list[Unit] = []
    refused = None
    with console.progress("Removing blocks", len(units)) as bar:
        while units and (not options.most or len(gone) < options.most):
            unit, found = state.cheapest(list(units.values()), gone, options.shortlist)
            before = copy.deepcopy(current.state_dict()) if tune else None
            if tune:
                with bypassed([*gone, unit]):
                    tune(current, len(gone))
                    found = answers(current, evaluation)
            step = state.step(unit.name, unit.similarity, found, gone=[*gone, unit])
            if step.chosen_on < floor:
                refused = step
                if before is not None:
                    current.load_state_dict(before)
                break
            gone.append(unit)
            steps.append(step)
            del units[unit.name]
            bar.advance()
    remove(current, gone)
    steps = _timed(model, current, steps, batch)
    return Pruned(current.eval(), steps, refused, int((~state.choosing).sum()))


class _State:
    """The model on its way, and the two halves of the examples."""

    def __init__(self, model: nn.Module, evaluation: Iterable[Any], options: PruneOptions) -> None:
        self.model, self.evaluation = model, evaluation
        self.whole = answers(model, evaluation)
        count = len(self.whole.labels)
        if count < 4:
            raise DataError(f"{count} examples cannot be cut into halves that measure.", fix="Bring hundreds.")
        order = np.random.default_rng(options.seed).permutation(count)
        self.choosing = np.zeros(count, bool)
        self.choosing[order[: count // 2]] = True

    def cheapest(self, units: list[Unit], gone: list[Unit], shortlist: int) -> tuple[Unit, Answers]:
        """The unit whose removal leaves the least cross-entropy on the half that chooses."""
        if shortlist:
            units = sorted(units, key=lambda unit: -unit.similarity)[:shortlist]
        best: tuple[float, Unit, Answers] | None = None
        for unit in units:
            with bypassed([*gone, unit]):
                found = answers(self.model, self.evaluation)
            loss = float(found.losses[self.choosing].mean())
            if best is None or loss < best[0]:
                best = loss, unit, found
        assert best is not None
        return best[1], best[2]

    def step(self, name: str, similarity: float, found: Answers, gone: Sequence[Unit] = ()) -> Step:
        """What is left after a removal."""
        without = sum(p.numel() for unit in gone for p in unit.module.parameters())
        parameters = sum(p.numel() for p in self.model.parameters()) - without
        right = found.right
        return Step(
            name, similarity, float(right[self.choosing].mean()), float(right[~self.choosing].mean()), parameters
        )


def _timed(whole: nn.Module, pruned: nn.Module, steps: list[Step], batch: Any) -> list[Step]:
    """The first and the last step with the time of a forward pass, measured in turns."""
    seconds = forward_seconds([whole, pruned], batch)
    timed = [Step(**{**asdict(step), "seconds": seconds[0] if not n else float("nan")}) for n, step in enumerate(steps)]
    if len(timed) > 1:
        timed[-1] = Step(**{**asdict(timed[-1]), "seconds": seconds[1]})
    return timed


def save_model(found: Pruned, folder: Path, batch: Any, about: dict[str, Any]) -> list[str]:
    """Writes the smaller model so that it loads without nonet.

    A transformers model as ``save_pretrained`` does; any other as ``model.pt2`` (``torch.export.load(…).module()``, any
    batch size). Beside it ``pruned.json``: what was removed and measured.

    Returns:
        The names of the files.
    Raises:
        ResourceError: if the model cannot be exported; its weights are written all the same.
    """
    problem = None
    with atomic_folder(folder, "pruned.json") as partial:
        text = json.dumps({**about, "steps": [asdict(step) for step in found.steps]}, indent=1, default=str)
        (partial / "pruned.json").write_text(text.replace("NaN", "null"), encoding="utf-8")
        if hasattr(found.model, "save_pretrained"):
            found.model.save_pretrained(partial)  # type: ignore[operator]
        else:
            from safetensors.torch import save_model as save_weights

            save_weights(found.model, str(partial / "model.safetensors"))
            try:
                torch.export.save(_exported(found.model, batch), partial / "model.pt2")
            except Exception as error:  # whatever a user's forward does that cannot be traced
                problem = str(error).splitlines()[0]
    if problem is not None:
        raise ResourceError(
            f"The smaller model cannot be exported by torch: {problem}",
            where=folder,
            fix="Its weights are in model.safetensors; remove the blocks named in pruned.json from your code.",
        )
    return sorted(path.name for path in folder.iterdir())


def _exported(model: nn.Module, batch: Any) -> torch.export.ExportedProgram:
    example = batches.tensor_of(batch)
    # two examples at least: torch takes a size of 1 for fixed
    return torch.export.export(model.eval(), (_two(example),), dynamic_shapes=({0: torch.export.Dim("batch")},))


def _two(example: Tensor) -> Tensor:
    return example[:2] if len(example) > 1 else example.repeat(2, *[1] * (example.ndim - 1))
