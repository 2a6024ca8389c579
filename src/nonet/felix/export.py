"""An editor's networks for ONNX Runtime: three graphs beside the weights of torch, and what they were made from."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from nonet.felix.backend import TorchBackend, best_allowed
from nonet.felix.editor import Editor
from nonet.felix.model import Inserter, Tagger
from nonet.foundation.errors import MissingError, UsageError
from nonet.foundation.files import replace_file
from nonet.foundation.packaged import sha256

__all__ = ["DESCRIPTION", "FOLDERS", "GRAPHS", "export_editor"]

GRAPHS = ("tagger", "pointer", "inserter")
FOLDERS = {"onnx": "onnx", "int8": "onnx-int8"}
DESCRIPTION = "editor.json"
_OPSET = 18


def export_editor(folder: Path, *, fp32: bool = True, int8: bool = False) -> dict[str, int]:
    """Writes graphs into ``onnx/`` and ``onnx-int8/`` of an editor's folder.

    Args:
        folder: of an editor.
        fp32: in 32-bit numbers.
        int8: matrices in 8-bit numbers, activations quantised as they come.
    Returns:
        What was written and how large it is in bytes.
    Raises:
        ArtifactError: if the folder holds no editor.
        MissingError: if ``onnx`` is not installed.
        UsageError: if the editor is a baseline.
    """
    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingError("onnx is not installed.", fix="Run: pip install 'nonet[felix]'.") from error
    editor = Editor.load(folder)
    if editor.config.method != "felix" or not isinstance(editor.backend, TorchBackend):
        raise UsageError("Only FELIX editors are exported.", where=folder)
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        made = _graphs(editor, editor.backend, Path(scratch))
        for wanted, name, convert in ((fp32, "onnx", _as_is), (int8, "int8", _quantised)):
            if not wanted:
                continue
            checksums = {}
            for graph, path in made.items():
                converted = convert(path)
                checksums[graph] = sha256(converted)
                content = converted.read_bytes()
                replace_file(folder / FOLDERS[name] / f"{graph}.onnx", content)
                sizes[f"{FOLDERS[name]}/{graph}.onnx"] = len(content)
            described = {"weights": sha256(folder / "model.safetensors"), "graphs": checksums}
            replace_file(folder / FOLDERS[name] / DESCRIPTION, json.dumps(described) + "\n")
    return sizes


def _graphs(editor: Editor, backend: TorchBackend, scratch: Path) -> dict[str, Path]:
    ids = torch.tensor([[editor.vocabulary.cls, *range(8), editor.vocabulary.sep]] * 2)
    mask = torch.ones_like(ids, dtype=torch.bool)
    hidden = backend.tagger.encoder.hidden
    states = torch.randn(2, ids.shape[1], hidden)
    text, masks = {0: "batch", 1: "tokens"}, {0: "masks"}
    jobs = {
        "tagger": (_Tagger(backend.tagger), (ids, mask), ["ids", "mask"], ["states", "scores"], [text, text]),
        "inserter": (
            _Inserter(backend.inserter, backend.banned),  # type: ignore[arg-type]
            (ids, mask, torch.zeros_like(ids), torch.tensor([0, 1, 1]), torch.tensor([2, 3, 4])),
            ["ids", "mask", "segments", "rows", "places"],
            ["best", "log"],
            [text, text, text, masks, masks],
        ),
    }
    if backend.tagger.pointer is not None:
        inputs = (states, torch.ones_like(ids), mask)
        jobs["pointer"] = (backend.tagger.pointer, inputs, ["states", "tags", "mask"], ["points"], [text, text, text])
    made = {}
    for name, (module, inputs, names, outputs, axes) in jobs.items():
        made[name] = scratch / f"{name}.onnx"
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of branches that no input of these graphs takes
            torch.onnx.export(
                module.eval(),
                inputs,
                str(made[name]),
                input_names=names,
                output_names=outputs,
                dynamic_axes=dict(zip(names, axes, strict=True)),
                opset_version=_OPSET,
                dynamo=False,
            )
    return made


class _Tagger(nn.Module):
    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.tagger.states(ids, mask)


class _Inserter(nn.Module):
    def __init__(self, inserter: Inserter, banned: Tensor) -> None:
        super().__init__()
        self.inserter = inserter
        self.register_buffer("banned", banned)

    def forward(
        self, ids: Tensor, mask: Tensor, segments: Tensor, rows: Tensor, places: Tensor
    ) -> tuple[Tensor, Tensor]:
        return best_allowed(self.inserter(ids, mask, segments, rows, places), self.banned)  # type: ignore[arg-type]


def _as_is(path: Path) -> Path:
    return path


def _quantised(path: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = path.with_suffix(".int8.onnx")
    logging.disable(logging.WARNING)  # advice on graphs that other exporters made
    try:
        quantize_dynamic(path, made, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        logging.disable(logging.NOTSET)
    return made
