"""What a long simulation leaves on the disk while it runs, so that an interrupted one goes on where it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from nonet.foundation.arrays import read_arrays
from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import atomic_write, replace_file
from nonet.foundation.reading import made_sense_of, parse_json
from nonet.recsim.language import Story
from nonet.recsim.runtime import State

__all__ = ["Store", "open_store"]


class Store:
    """Finished portions of one simulation, a file each: the state at its end and what was recorded in it.

    Args:
        folder: where they lie; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def save(self, number: int, state: State, kept: dict[str, Any]) -> None:
        """Writes one portion, whole or not at all."""
        if self.folder is None:
            return
        leaves = {f"state/{place}": np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(state))}
        with atomic_write(self._path(number)) as file:
            # no name of ours is `allow_pickle`, which is what the type checker fears
            arrays: dict[str, Any] = leaves | {f"kept/{name}": np.asarray(leaf) for name, leaf in kept.items()}
            np.savez(file, **arrays)

    def load(self, number: int, like: State) -> tuple[State, dict[str, np.ndarray]] | None:
        """Reads one portion back, or None if it is not finished.

        Args:
            number: which.
            like: a state of the same structure.
        Raises:
            ArtifactError: if the file is damaged.
        """
        if self.folder is None or not self._path(number).exists():
            return None
        try:
            stored = read_arrays(self._path(number))
            leaves = [_fitting(stored[f"state/{place}"], leaf) for place, leaf in enumerate(jax.tree.leaves(like))]
            kept = {name.removeprefix("kept/"): stored[name] for name in stored if name.startswith("kept/")}
        except (ValueError, KeyError, OSError) as error:
            raise ArtifactError(
                f"This checkpoint is damaged ({error}).", where=self._path(number), fix="Delete it and run again."
            ) from error
        return jax.tree.unflatten(jax.tree.structure(like), leaves), kept

    def _path(self, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"portion-{number:04d}.npz"


def open_store(folder: Path | None, story: Story, **options: Any) -> Store:
    """The checkpoint folder of one simulation.

    Args:
        folder: made if absent; None for a simulation that keeps nothing.
        story: what is simulated; its actors' values are part of the folder's identity.
        options: the rest of its identity.
    Raises:
        ArtifactError: if the folder is of another simulation.
    """
    if folder is None:
        return Store(None)
    identity = {"story": story.name, "actors": _fingerprint(story), **options}
    note = folder / "simulation.json"
    if note.exists():
        with made_sense_of(note, ArtifactError, what="It does not say what was simulated", fix="Delete the folder."):
            found = dict(parse_json(note.read_text(encoding="utf-8")))
        differing = [name for name in identity if found.get(name) != identity[name]]
        if differing:
            raise ArtifactError(
                f"The folder holds another simulation: {', '.join(differing)} differ.",
                where=folder,
                fix="Choose another folder, or delete this one to start again.",
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(note, json.dumps(identity, indent=2) + "\n")
    return Store(folder)


def _fitting(array: np.ndarray, like: Any) -> jax.Array:
    if (array.shape, array.dtype) != (np.shape(like), np.asarray(like).dtype):
        raise ValueError(f"a state of shape {array.shape} where {np.shape(like)} is expected")
    return jnp.asarray(array)


def _fingerprint(story: Story) -> str:
    arrays, rest = eqx.partition(story.actors, eqx.is_array)
    digest = hashlib.sha256(repr(jax.tree.structure(arrays)).encode())
    digest.update(repr(jax.tree.leaves(rest)).encode())
    for leaf in jax.tree.leaves(arrays):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()[:16]
