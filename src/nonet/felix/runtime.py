"""An editor's networks on ONNX Runtime, from the graphs that `nonet.felix.export` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nonet.felix.backend import Filled
from nonet.felix.config import EditorConfig
from nonet.felix.editor import KIND, Editor, read_words
from nonet.felix.export import DESCRIPTION, FOLDERS, GRAPHS
from nonet.felix.run import AnyEditor, open_any
from nonet.foundation import artifact
from nonet.foundation.errors import ArtifactError, MissingError, UsageError
from nonet.foundation.packaged import sha256

__all__ = ["OnnxBackend", "open_editor"]

_AGAIN = "Run `nonet felix export` again."


class OnnxBackend:
    """Graphs as an editor's networks.

    Args:
        folder: of the graphs.
        threads: that ONNX Runtime may use; 0 for as many as there are.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise MissingError("onnxruntime is not installed.", fix="Run: pip install 'nonet[felix]'.") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3

        def session(name: str) -> Any:
            path = folder / f"{name}.onnx"
            if not path.exists():
                return None
            try:
                return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            except Exception as error:  # the library raises kinds of its own for each defect
                raise ArtifactError("This is no graph that can be used.", where=path, fix=_AGAIN) from error

        self.tagger, self.pointer, self.inserter = session("tagger"), session("pointer"), session("inserter")
        if self.tagger is None or self.inserter is None:
            raise ArtifactError("A graph is missing.", where=folder, fix=_AGAIN)

    def tag(self, ids: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """States and scores of the tags."""
        states, scores = self.tagger.run(["states", "scores"], {"ids": ids, "mask": mask})
        return states, scores

    def point(self, states: np.ndarray, tags: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Scores of the pointer."""
        return self.pointer.run(["points"], {"states": states, "tags": tags, "mask": mask})[0]

    def fill(
        self, ids: np.ndarray, mask: np.ndarray, segments: np.ndarray, rows: np.ndarray, places: np.ndarray
    ) -> Filled:
        """What belongs at masks."""
        given = {"ids": ids, "mask": mask, "segments": segments, "rows": rows, "places": places}
        used = {one.name for one in self.inserter.get_inputs()}  # an encoder without segments has no such input
        best, log = self.inserter.run(["best", "log"], {name: a for name, a in given.items() if name in used})
        return Filled(best.astype(np.int64), log)  # ONNX Runtime counts in long long, which NumPy calls another type


def open_editor(folder: Path, backend: Literal["torch", "onnx", "int8"] = "torch", *, threads: int = 0) -> AnyEditor:
    """Loads an editor.

    Args:
        folder: made by `nonet felix train`.
        backend: torch, or the graphs in 32-bit or 8-bit numbers.
        threads: of ONNX Runtime; 0 for as many as there are.
    Raises:
        ArtifactError: if the graphs are missing, damaged, or of another editor.
        UsageError: if the editor is a baseline, which has no graphs.
    """
    if backend == "torch":
        return open_any(folder)
    loaded = artifact.load(folder, kind=KIND)
    config = loaded.configured(EditorConfig)
    if config.method != "felix":
        raise UsageError("A baseline runs on torch only.", where=folder)
    graphs = folder / FOLDERS[backend]
    described = graphs / DESCRIPTION
    if not described.is_file():
        option = "--onnx" if backend == "onnx" else "--int8"
        raise ArtifactError(
            "This editor has no such graphs.", where=graphs, fix=f"Write them: nonet felix export {folder} {option}"
        )
    try:
        told = json.loads(described.read_text(encoding="utf-8"))
        weights, checksums = str(told["weights"]), {str(name): str(value) for name, value in told["graphs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError("The description of the graphs is damaged.", where=described, fix=_AGAIN) from error
    if weights != sha256(folder / "model.safetensors"):
        raise ArtifactError("The graphs are of another editor.", where=graphs, fix=_AGAIN)
    for name in GRAPHS:
        path = graphs / f"{name}.onnx"
        if path.exists() != (name in checksums):
            raise ArtifactError("A graph is missing, or there is one too many.", where=path, fix=_AGAIN)
        if path.exists() and sha256(path) != checksums[name]:
            raise ArtifactError("This graph is not the one that was exported.", where=path, fix=_AGAIN)
    vocabulary, casing = read_words(loaded)
    return Editor(config, vocabulary, casing, OnnxBackend(graphs, threads=threads))
