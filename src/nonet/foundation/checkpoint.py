"""Checkpoints of a training: artifacts whose tensors are the states of model, optimiser and scaler.

A state is any tree of dictionaries, lists and tensors. Its tensors go to safetensors, the rest to JSON; nothing is
pickled.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nonet.foundation import artifact
from nonet.foundation.errors import ArtifactError
from nonet.foundation.settings import plain

__all__ = ["Checkpoint", "latest", "prune", "read", "remove_all", "write"]

KIND = "training-checkpoint"
_FOLDER, _PREFIX, _REMOVED = "checkpoints", "step-", ".removed"


@dataclass(frozen=True)
class Checkpoint:
    """A training at the end of a step.

    Attributes:
        step: steps done.
        identity: what decides the result (options, shapes of the model, size of the data).
        state: a tree of dictionaries, lists, tensors and plain values.
    """

    step: int
    identity: Mapping[str, Any]
    state: Any


def write(run: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint into the folder of a run, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    tree = flatten(checkpoint.state, tensors)
    config = {"step": checkpoint.step, "identity": checkpoint.identity, "state": tree}
    card = artifact.Card(
        title=f"Checkpoint after step {checkpoint.step:,}",
        description="The state of a training, from which the same command goes on.",
    )
    folder = run / _FOLDER / f"{_PREFIX}{checkpoint.step:09d}"
    artifact.save(folder, kind=KIND, config=config, tensors=tensors, card=card)


def latest(run: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """The newest checkpoint of a run, or None if it has none.

    Args:
        run: the folder of the run.
        identity: what decides the result now.
    Raises:
        ArtifactError: if the checkpoint is damaged or of another training.
    """
    folders = _folders(run)
    return read(folders[-1], identity) if folders else None


def read(folder: Path, identity: Mapping[str, Any]) -> Checkpoint:
    """Reads one checkpoint and compares what decides the result."""
    fix = f"Delete the folder {folder} to go on from the checkpoint before it."
    try:
        stored = artifact.load(folder, kind=KIND)
    except ArtifactError as error:
        raise ArtifactError(error.what, where=error.where, fix=fix) from error
    told = stored.config.get("identity")
    found = told if isinstance(told, dict) else {}
    wanted = plain(identity)
    differences = _differences(found, wanted)
    if differences:
        raise ArtifactError(
            "The checkpoint is of another training: " + "; ".join(differences[:4]) + ".",
            where=folder,
            fix="Use the options it was made with, or train into another folder, or delete this one to start afresh.",
        )
    try:
        return Checkpoint(int(stored.config["step"]), found, unflatten(stored.config["state"], stored.tensors))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArtifactError("The checkpoint lacks a part of its state.", where=folder, fix=fix) from error


def prune(run: Path, keep: int) -> None:
    """Removes all but the ``keep`` newest checkpoints."""
    for folder in _folders(run)[:-keep]:
        _discard(folder)
    for doomed in (run / _FOLDER).glob(f".*{_REMOVED}"):
        shutil.rmtree(doomed)


def remove_all(run: Path) -> None:
    """Removes every checkpoint of a run."""
    for folder in reversed(_folders(run)):
        _discard(folder)


def flatten(tree: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """The tree with each tensor moved to ``tensors`` under its path, in JSON's types."""
    if isinstance(tree, Tensor):
        tensors[path] = tree
        return {"tensor": path}
    if isinstance(tree, Mapping):  # as pairs: the keys of an optimiser's state are numbers
        return {"map": [[key, flatten(value, tensors, f"{path}/{key}")] for key, value in tree.items()]}
    if isinstance(tree, (list, tuple)):
        name = "tuple" if isinstance(tree, tuple) else "list"
        return {name: [flatten(value, tensors, f"{path}/{index}") for index, value in enumerate(tree)]}
    if isinstance(tree, float) and not math.isfinite(tree):  # JSON has no word for it
        return {"float": repr(tree)}
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    raise TypeError(f"a checkpoint cannot hold {type(tree).__name__} (at {path})")


def unflatten(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `flatten`."""
    if not isinstance(tree, dict):
        return tree
    [(name, value)] = tree.items()
    if name == "tensor":
        return tensors[value]
    if name == "map":
        return {key: unflatten(item, tensors) for key, item in value}
    if name == "float":
        return float(value)
    items = [unflatten(item, tensors) for item in value]
    return tuple(items) if name == "tuple" else items


def signature(module: torch.nn.Module) -> dict[str, str]:
    """Name, type and shape of everything in a module's state."""
    return {
        name: f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
        for name, value in module.state_dict().items()
        if isinstance(value, Tensor)
    }


def _differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    """What differs between two trees of options, a sentence for each."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return [
            line
            for key in {**found, **wanted}
            for line in _differences(found.get(key), wanted.get(key), f"{name} {key}".lstrip())
        ]
    return [] if found == wanted else [f"{name} was {_shown(found)} and is now {_shown(wanted)}"]


def _shown(value: Any) -> str:
    return "absent" if value is None else str(value)


def _folders(run: Path) -> list[Path]:
    return sorted((run / _FOLDER).glob(f"{_PREFIX}*"))


def _discard(folder: Path) -> None:
    """Takes a folder out of the row in one step; `prune` clears it away if we are killed before it is gone."""
    doomed = folder.with_name(f".{folder.name}{_REMOVED}")
    folder.rename(doomed)
    shutil.rmtree(doomed)
