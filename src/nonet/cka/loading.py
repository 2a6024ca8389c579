"""Models and data from the words of a command: ``file.py:function``, ``package.module:function``, or a folder."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nonet.cka import data
from nonet.foundation.errors import ArtifactError, DataError, UsageError
from nonet.foundation.fitting import bounded
from nonet.foundation.reading import made_sense_of, parse_json

__all__ = ["Source", "load_weights", "open_data", "open_model", "open_models"]

_HOW = "Write FILE.py:FUNCTION, MODULE:FUNCTION, or a folder made by `nonet cka family` or save_pretrained."


@dataclass(frozen=True)
class Source:
    """Data to run models on.

    Attributes:
        loader: batches in a fixed order.
        pictures: the same as pictures, where they are; None for a loader of the user's.
    """

    loader: Iterable[Any]
    pictures: data.Pictures | None = None


def open_model(spec: str, weights: Path | None = None) -> nn.Module:
    """A model in evaluation mode.

    Args:
        spec: a function that makes it, as ``file.py:function`` or ``module:function``; or a folder of a network that
            `nonet cka family` or transformers' ``save_pretrained`` wrote.
        weights: a safetensors file to load into it, or a ``.pt`` file of plain tensors.
    Raises:
        UsageError: if there is no such function, or it makes no module.
        ArtifactError: if the weights do not fit.
    """
    model = _from_folder(Path(spec)) if ":" not in spec else _called(spec, "model")
    if not isinstance(model, nn.Module):
        raise UsageError(f"The function returned a {type(model).__name__}, not a torch module.", where=spec)
    if weights is not None:
        load_weights(model, weights)
    return model.eval()


def open_models(specs: Sequence[str], weights: Sequence[Path]) -> dict[str, nn.Module]:
    """One or two models by short names; a second function may be named without its file.

    With one model and two files of weights, it is compared before and after.
    """
    names = [spec if ":" in spec or Path(spec).is_dir() else _same_file(specs[0], spec) for spec in specs]
    if len(weights) > len(names):
        names = names * len(weights) if len(names) == 1 else names
    if len(weights) not in (0, len(names)):
        raise UsageError(
            f"{len(weights)} files of weights for {len(names)} models.", where="--weights", fix="Give one for each."
        )
    files: Sequence[Path | None] = weights or [None] * len(names)
    found: dict[str, nn.Module] = {}
    for name, file in zip(names, files, strict=True):
        short = _short(name, file if len(set(names)) < len(names) else None)
        while short in found:
            short += "'"
        found[short] = open_model(name, file)
    return found


def open_data(
    spec: str,
    *,
    split: data.Split = "test",
    batch_size: int = 256,
    side: int | None = None,
    crop: int | None = None,
    limit: int = 0,
) -> Source:
    """Data by a function that returns a loader, or pictures as `nonet.cka.data.read` takes them."""
    if ":" in spec and not Path(spec).exists():
        loader = _called(spec, "loader")
        if not isinstance(loader, Iterable):
            raise UsageError(f"The function returned a {type(loader).__name__}, which is no loader.", where=spec)
        return Source(loader)
    pictures = data.read(spec, split, side=side, crop=crop, limit=limit)
    return Source(data.loader_of(pictures, batch_size), pictures)


def load_weights(model: nn.Module, path: Path) -> None:
    """Loads a state dict into a model; nothing in the file is executed.

    Raises:
        ArtifactError: if the file is damaged or of another model.
        OSError: if it is not there.
    """
    path.stat()  # the libraries have other words for a file that is not there
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ArtifactError(
            f"The weights cannot be read ({error}).", where=path, fix="Save model.state_dict() with safetensors."
        ) from error
    try:
        model.load_state_dict(state)
    except Exception as error:  # a file of weights may hold anything under any name
        raise ArtifactError(
            f"The weights are of another model: {str(error).strip().splitlines()[-1].strip()}",
            where=path,
            fix=f"Give the weights of a {type(model).__name__}.",
        ) from error


def _from_folder(folder: Path) -> Any:
    try:
        config = parse_json((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError("This names neither a function nor a folder with a model.", where=folder, fix=_HOW) from error
    if isinstance(config, dict) and config.get("format") == "nonet-artifact":
        from nonet.cka.train import load_network

        return load_network(folder)
    from transformers import AutoModel

    with bounded(), made_sense_of(folder, ArtifactError, what="This folder holds no network that can be loaded"):
        return AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)


def _called(spec: str, what: str) -> Any:
    function = _function(spec)
    try:
        return function()
    except TypeError as error:
        raise UsageError(f"The function cannot be called without arguments ({error}).", where=spec) from error


def _function(spec: str) -> Callable[[], Any]:
    place, _, name = spec.rpartition(":")
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except FileNotFoundError as error:
        raise UsageError("There is no such file.", where=place, fix=_HOW) from error
    except ModuleNotFoundError as error:
        if error.name and not place.startswith(error.name):
            raise  # the module is there; something that it imports is not
        raise UsageError("There is no such module.", where=place, fix=_HOW) from error
    except SyntaxError as error:
        raise DataError(f"The file is not Python: {error}.", where=place) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"There is no function '{name}'.", where=place, fix=_HOW)
    return function


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # a .py file has both
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as if it were run: it finds its neighbours
    spec.loader.exec_module(module)
    return module


def _same_file(first: str, spec: str) -> str:
    place, _, _ = first.rpartition(":")
    if not place:
        raise UsageError(f"'{spec}' names neither a function nor a folder with a model.", fix=_HOW)
    return f"{place}:{spec}"


def _short(spec: str, weights: Path | None) -> str:
    name = spec.rpartition(":")[2] if ":" in spec else Path(spec).name
    return f"{name} ({weights.stem})" if weights else name
