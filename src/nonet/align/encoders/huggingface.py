"""Networks, tokenizers and image processors of the Hugging Face library: from a path or hub id, and from JSON.

Nothing here runs code that comes with a checkpoint, and weights are read from safetensors only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from nonet.align.encoders.image import HuggingFaceImageEncoder
from nonet.align.encoders.text import Pooling, TransformerTextEncoder
from nonet.foundation.errors import DataError
from nonet.foundation.hub import named_encoder
from nonet.foundation.reading import parse_json

__all__ = [
    "image_encoder",
    "image_processor",
    "network",
    "plain",
    "pretrained",
    "pretrained_processor",
    "pretrained_tokenizer",
    "text_encoder",
]


def plain(part: Any) -> dict[str, Any]:
    """A configuration or an image processor as plain JSON."""
    return json.loads(part.to_json_string(use_diff=False) if hasattr(part, "model_type") else part.to_json_string())


def network(config: Mapping[str, Any]) -> Any:
    """A network with random weights from its configuration as JSON."""
    from transformers import AutoConfig, AutoModel

    values = dict(config)
    kind = values.pop("model_type", None)
    for transient in ("transformers_version", "auto_map", "_name_or_path"):
        values.pop(transient, None)
    return AutoModel.from_config(AutoConfig.for_model(kind, **values))


def image_processor(settings: Mapping[str, Any]) -> Any:
    """An image processor from its settings as JSON, of the kind that needs no torchvision."""
    import transformers

    kind = str(settings["image_processor_type"]).removesuffix("Fast").removesuffix("Pil")
    found = getattr(transformers, f"{kind}Pil", None)
    if found is None or not kind.endswith("ImageProcessor"):
        raise DataError(f"'{kind}' is not an image processor that works without torchvision.")
    return found.from_dict(dict(settings))


def image_encoder(name: str) -> HuggingFaceImageEncoder:
    """Loads an image network, or the image half of a dual encoder such as CLIP.

    Args:
        name: a folder, or an id on the hub.
    Raises:
        DataError: if there is no such folder, or it is no image network with safetensors weights.
        MissingError: if the hub cannot be reached or has no such id.
    """
    model = pretrained(name)
    model = getattr(model, "vision_model", model)
    if getattr(model, "main_input_name", None) != "pixel_values":
        raise DataError("This is not a network for pictures.", where=name, fix="Was it meant as the text encoder?")
    return HuggingFaceImageEncoder(model, pretrained_processor(name))


def text_encoder(name: str) -> TransformerTextEncoder:
    """Loads a text network, or the text half of a dual encoder such as CLIP.

    Sentence encoders (with a pooling folder beside the weights) are pooled as they say, others by their first token.

    Args:
        name: a folder, or an id on the hub.
    Raises:
        DataError: if there is no such folder, or it is no text network with safetensors weights and a tokenizer.
        MissingError: if the hub cannot be reached or has no such id.
    """
    whole = pretrained(name)
    model = getattr(whole, "text_model", whole)
    if getattr(model, "main_input_name", None) != "input_ids":
        raise DataError("This is not a network for texts.", where=name, fix="Was it meant as the image encoder?")
    pooling: Pooling = "pooler" if model is not whole else _declared_pooling(name)
    return TransformerTextEncoder(model, pretrained_tokenizer(name), pooling)


def pretrained(name: str) -> Any:
    """A network with its weights from a folder or the hub; raises as `image_encoder` does."""
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # the console shows its own
    return _guarded(lambda: AutoModel.from_pretrained(name, use_safetensors=True), name)


def pretrained_processor(name: str) -> Any:
    """The image processor that was saved beside a network, of the kind that needs no torchvision."""
    from transformers import AutoImageProcessor

    return _guarded(lambda: AutoImageProcessor.from_pretrained(name, backend="pil"), name)


def pretrained_tokenizer(name: str) -> Tokenizer:
    """The tokenizer that was saved beside a network."""
    from transformers import AutoTokenizer

    loaded = _guarded(lambda: AutoTokenizer.from_pretrained(name), name)
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise DataError("The tokenizer has no fast form (tokenizer.json).", where=name)
    return backend


def _declared_pooling(name: str) -> Pooling:
    from transformers.utils import cached_file

    try:
        path = cached_file(name, "1_Pooling/config.json", _raise_exceptions_for_missing_entries=False)
    except OSError:
        path = None
    if path is None:
        return "cls"
    return "mean" if parse_json(Path(path).read_text(encoding="utf-8")).get("pooling_mode_mean_tokens") else "cls"


def _guarded(load: Any, name: str) -> Any:
    needs = "config.json, model.safetensors, and tokenizer.json or preprocessor_config.json"
    with named_encoder(name, needs=needs, else_name="a folder or one of the built-in encoders"):
        return load()
