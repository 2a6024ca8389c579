"""Encoders by name, folder or hub id; with the head that fills masks where the checkpoint has one.

Nothing here runs code that comes with a checkpoint, and weights are read from safetensors only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from nonet.felix.tokens import Vocabulary
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.hub import minilm_folder, named_encoder

__all__ = ["Loaded", "network", "open_encoder", "random_encoder"]

# where the parts of the head that fills masks are in checkpoints of each family
_HEADS = {
    "dense": ("cls.predictions.transform.dense", "lm_head.dense", "vocab_transform"),
    "norm": ("cls.predictions.transform.LayerNorm", "lm_head.layer_norm", "vocab_layer_norm"),
}
_HEAD_BIASES = ("cls.predictions.bias", "lm_head.bias", "vocab_projector.bias")
_SMALL = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}


@dataclass(frozen=True)
class Loaded:
    """An encoder as it was found.

    Attributes:
        config: its configuration in JSON's types.
        weights: of the network, by name; empty for random ones.
        head: of the head that fills masks; empty where the checkpoint has none.
        vocabulary: its pieces.
    """

    config: dict[str, Any]
    weights: dict[str, Tensor]
    head: dict[str, Tensor]
    vocabulary: Vocabulary

    def build(self) -> Any:
        """The network with its weights."""
        made = network(self.config)
        if self.weights:
            made.load_state_dict(self.weights)
        return made


def open_encoder(name: str, *, layers: int | None = None) -> Loaded:
    """Loads an encoder.

    Args:
        name: ``minilm`` (from the data package), ``small`` (a BERT of two layers with random weights and MiniLM's
            vocabulary), a folder, or an id on the model hub.
        layers: how many of its first layers to use; all by default.
    Raises:
        DataError: if there is no such folder or it holds no text encoder in safetensors.
        MissingError: if the hub cannot be reached or has no such id.
        UsageError: if its vocabulary has no MASK token.
    """
    if name == "small":
        return random_encoder(_SMALL)
    place = str(minilm_folder()) if name == "minilm" else name
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    loaded = _guarded(place)
    return loaded if layers is None else _first_layers(loaded, layers)


def random_encoder(sizes: Mapping[str, int], vocabulary: Vocabulary | None = None) -> Loaded:
    """A BERT with random weights.

    Args:
        sizes: the fields of its configuration that differ from BERT's own.
        vocabulary: MiniLM's by default.
    """
    vocabulary = vocabulary or Vocabulary(Tokenizer.from_file(str(minilm_folder() / "tokenizer.json")))
    config = {"model_type": "bert", "vocab_size": len(vocabulary), "type_vocab_size": 2, **sizes}
    return Loaded(plain_config(network(config).config), {}, {}, vocabulary)


def network(config: Mapping[str, Any]) -> Any:
    """A network with random weights from its configuration as JSON."""
    from transformers import AutoConfig, AutoModel

    values = dict(config)
    kind = values.pop("model_type", None)
    for transient in ("transformers_version", "auto_map", "_name_or_path", "architectures", "dtype"):
        values.pop(transient, None)
    if kind == "bert":
        values["attn_implementation"] = "sdpa"
    model = AutoModel.from_config(AutoConfig.for_model(kind, **values), **_without_pooler(kind))
    return model.float()


def plain_config(config: Any) -> dict[str, Any]:
    """A configuration of the library in JSON's types."""
    return json.loads(config.to_json_string(use_diff=False))


def _first_layers(loaded: Loaded, layers: int) -> Loaded:
    """The encoder without its last layers, so that it computes less."""
    has = loaded.config.get("num_hidden_layers")
    if not isinstance(has, int) or not 1 <= layers <= has:
        raise UsageError(f"The encoder has {has} layers, so {layers} cannot be used.", where="--layers")
    config = {**loaded.config, "num_hidden_layers": layers}
    own = network(config).state_dict()
    return Loaded(
        config, {name: t for name, t in loaded.weights.items() if name in own}, loaded.head, loaded.vocabulary
    )


def _without_pooler(kind: str | None) -> dict[str, bool]:
    return {"add_pooling_layer": False} if kind in {"bert", "roberta"} else {}


def _load(name: str) -> Loaded:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    config = AutoConfig.from_pretrained(name)
    if getattr(config, "is_encoder_decoder", False):
        raise DataError("This is an encoder-decoder; an editor needs an encoder alone.", where=name)
    backend = getattr(AutoTokenizer.from_pretrained(name), "backend_tokenizer", None)
    if backend is None:
        raise DataError("The tokenizer has no fast form (tokenizer.json).", where=name)
    vocabulary = Vocabulary(backend)
    model = AutoModel.from_pretrained(name, use_safetensors=True, **_without_pooler(config.model_type)).float()
    if getattr(model, "main_input_name", None) != "input_ids":
        raise DataError("This is not a network for texts.", where=name)
    return Loaded(plain_config(model.config), dict(model.state_dict()), _head(name), vocabulary)


def _head(name: str) -> dict[str, Tensor]:
    """The head that fills masks, if the checkpoint has a whole one that we know."""
    from transformers.utils import cached_file

    path = cached_file(name, "model.safetensors", _raise_exceptions_for_missing_entries=False)
    if path is None:
        return {}
    stored, found = load_file(path), {}
    for part, places in _HEADS.items():
        for place in places:
            for leaf, old in (("weight", "gamma"), ("bias", "beta")):
                tensor = stored.get(f"{place}.{leaf}", stored.get(f"{place}.{old}"))
                if tensor is not None:
                    found[f"{part}.{leaf}"] = tensor.float()
    bias = next((stored[place] for place in _HEAD_BIASES if place in stored), None)
    if bias is not None:
        found["bias"] = bias.float()
    return found if len(found) == 2 * len(_HEADS) + 1 else {}


def _guarded(name: str) -> Loaded:
    needs = "config.json, model.safetensors and tokenizer.json"
    with named_encoder(name, needs=needs, else_name="a folder, or 'minilm'"):
        try:
            return _load(name)
        except UsageError as error:
            raise UsageError(error.what, where=name, fix=error.fix) from error


def copy_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copies stored weights into the parameters of the same names."""
    with torch.no_grad():
        own = dict(module.named_parameters())
        for name, tensor in weights.items():
            own[name].copy_(tensor)
