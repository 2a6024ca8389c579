"""Dual encoders of the Hugging Face library as ours, and ours as theirs.

`AlignModel` (the layout of ``kakaobrain/align-base``) and `CLIPModel` folders load into a `DualEncoder`; a dual encoder
of the article's shape is written as an `AlignModel` folder that `transformers` reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from nonet.align.config import HeadConfig
from nonet.align.encoders import (
    EfficientNetConfig,
    EfficientNetEncoder,
    Preparation,
    TransformerTextEncoder,
    huggingface,
)
from nonet.align.encoders.efficientnet import STAGES
from nonet.align.encoders.image import HuggingFaceImageEncoder
from nonet.align.model import DualEncoder
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_folder
from nonet.foundation.reading import parse_json

__all__ = ["from_transformers", "open_model", "to_transformers"]

_FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # in the order of Pillow's numbers
# of a block: the library's names and ours
_PARTS = {
    "expansion.expand_conv": "expand",
    "expansion.expand_bn": "expand_norm",
    "depthwise_conv.depthwise_conv": "depthwise",
    "depthwise_conv.depthwise_norm": "depthwise_norm",
    "squeeze_excite.reduce": "squeeze.reduce",
    "squeeze_excite.expand": "squeeze.expand",
    "projection.project_conv": "project",
    "projection.project_bn": "project_norm",
}
_STEM = {"embeddings.convolution": "stem", "embeddings.batchnorm": "stem_norm"}


def open_model(folder: Path) -> DualEncoder:
    """A dual encoder from its folder: one of ours, an `AlignModel` or a `CLIPModel`.

    Raises:
        ArtifactError, DataError: if the folder holds none of them.
    """
    kind = _kind(folder)
    return from_transformers(folder) if kind in {"align", "clip"} else DualEncoder.load(folder)


def from_transformers(folder: Path) -> DualEncoder:
    """An `AlignModel` or a `CLIPModel` with its tokenizer and image processor as a dual encoder.

    Args:
        folder: with ``config.json``, ``model.safetensors``, ``tokenizer.json`` and ``preprocessor_config.json``.
    Raises:
        DataError: if it is neither, or a part of it is missing or of a shape that ours cannot have.
    """
    kind = _kind(folder)
    if kind not in {"align", "clip"}:
        raise DataError("This folder holds no AlignModel and no CLIPModel.", where=folder)
    theirs = huggingface.pretrained(str(folder))
    return (_from_align if kind == "align" else _from_clip)(theirs, folder).eval()


def to_transformers(model: DualEncoder, folder: Path) -> None:
    """Writes a dual encoder as an `AlignModel` folder.

    Args:
        model: an EfficientNet without a head convolution and without a projection, a BERT read at its first token, and
            one linear layer behind it (Jia et al. 2021, §4.1).
        folder: new or empty.
    Raises:
        UsageError: if the model has another shape.
    """
    from transformers import AlignModel

    image, text = _paper_shape(model)
    config = _align_config(model, image, text)
    theirs = AlignModel(config)
    theirs.load_state_dict(_their_weights(model, image, text))
    with atomic_folder(folder, "preprocessor_config.json") as home:
        theirs.save_pretrained(home)
        text.tokenizer.save(str(home / "tokenizer.json"))
        (home / "tokenizer_config.json").write_text(_json(_tokenizer_settings(text)), encoding="utf-8")
        (home / "preprocessor_config.json").write_text(_json(_processor_settings(image.preparation)), encoding="utf-8")


def _kind(folder: Path) -> str:
    try:
        found = parse_json((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get("model_type", "")) if isinstance(found, dict) else ""


def _from_align(theirs: Any, folder: Path) -> DualEncoder:
    vision, text = theirs.config.vision_config, theirs.config.text_config
    network = EfficientNetConfig(
        vision.width_coefficient,
        vision.depth_coefficient,
        vision.squeeze_expansion_ratio,
        drop_path=vision.drop_connect_rate,
    )
    if vision.depthwise_padding or vision.hidden_act not in {"swish", "silu"}:
        raise DataError("Its image tower pads or bends in a way that ours does not.", where=folder)
    heads = HeadConfig(
        dim=theirs.config.projection_dim,
        image_projection="none",
        text_projection="linear",
        temperature_kind="plain",
    )
    tokenizer = huggingface.pretrained_tokenizer(str(folder))
    image = EfficientNetEncoder(network, _preparation(huggingface.pretrained_processor(str(folder))))
    limit = min(64, text.max_position_embeddings)
    model = DualEncoder(image, TransformerTextEncoder(_bert(text), tokenizer, "cls", limit), heads)
    model.load_state_dict(_our_weights(theirs.state_dict(), image))
    return model


def _from_clip(theirs: Any, folder: Path) -> DualEncoder:
    config = theirs.config
    image = HuggingFaceImageEncoder(theirs.vision_model, huggingface.pretrained_processor(str(folder)))
    tokenizer = huggingface.pretrained_tokenizer(str(folder))
    text = TransformerTextEncoder(theirs.text_model, tokenizer, "pooler", config.text_config.max_position_embeddings)
    heads = HeadConfig(dim=config.projection_dim, image_projection="linear", text_projection="linear")
    model = DualEncoder(image, text, heads)
    projections: list[tuple[Any, Any]] = [
        (model.heads.image, theirs.visual_projection),
        (model.heads.text, theirs.text_projection),
    ]
    with torch.no_grad():
        for ours, projection in projections:
            ours.weight.copy_(projection.weight)
            ours.bias.zero_()
        model.heads.set_temperature(math.exp(-float(theirs.logit_scale)))
    return model


def _bert(config: Any) -> Any:
    """Their text tower is a BERT under another name."""
    from transformers import BertConfig, BertModel

    values = config.to_dict()
    for name in ("model_type", "transformers_version", "_name_or_path", "architectures"):
        values.pop(name, None)
    return BertModel(BertConfig(**values), add_pooling_layer=False)


def _names(network: EfficientNetConfig) -> dict[str, str]:
    """The library's names of modules in an image tower, and ours."""
    names, number = dict(_STEM), 0
    for stage, row in enumerate(STAGES):
        for repeat in range(network.repeats(row)):
            for theirs, ours in _PARTS.items():
                if row.expansion == 1 and ours.startswith("expand"):
                    continue  # the first blocks have nothing to expand
                names[f"encoder.blocks.{number}.{theirs}"] = f"stages.{stage}.{repeat}.{ours}"
            number += 1
    return names


def _our_weights(theirs: Mapping[str, Tensor], image: EfficientNetEncoder) -> dict[str, Tensor]:
    names = _names(image.network.config)
    ours = {
        "heads.plain_temperature": theirs["temperature"],
        "heads.text.weight": theirs["text_projection.weight"],
        "heads.text.bias": theirs["text_projection.bias"],
    }
    for name, tensor in theirs.items():
        if name.startswith("vision_model."):
            module, _, leaf = name.removeprefix("vision_model.").rpartition(".")
            if module in names:
                squeezed = "squeeze_excite" in module and tensor.ndim == 4  # there a 1×1 convolution
                ours[f"image_encoder.network.{names[module]}.{leaf}"] = tensor.flatten(1) if squeezed else tensor
        elif name.startswith("text_model.") and not name.startswith("text_model.pooler"):
            ours[f"text_encoder.network.{name.removeprefix('text_model.')}"] = tensor
    return ours


def _their_weights(model: DualEncoder, image: EfficientNetEncoder, text: TransformerTextEncoder) -> dict[str, Tensor]:
    names = {ours: theirs for theirs, ours in _names(image.network.config).items()}
    projection: Any = model.heads.text
    weights: dict[str, Tensor] = {
        "temperature": model.heads.temperature.detach().clone(),
        "text_projection.weight": projection.weight,
        "text_projection.bias": projection.bias,
    }
    for name, tensor in image.network.state_dict().items():
        module, _, leaf = name.rpartition(".")
        squeezed = ".squeeze." in name and leaf == "weight"
        weights[f"vision_model.{names[module]}.{leaf}"] = (
            tensor[:, :, None, None] if squeezed else tensor
        ).contiguous()
    weights |= {f"text_model.{name}": tensor for name, tensor in text.network.state_dict().items()}
    width = text.width
    # a layer of theirs that nothing uses
    weights["text_model.pooler.dense.weight"], weights["text_model.pooler.dense.bias"] = (
        torch.eye(width),
        torch.zeros(width),
    )
    return weights


def _paper_shape(model: DualEncoder) -> tuple[EfficientNetEncoder, TransformerTextEncoder]:
    image, text, heads = model.image_encoder, model.text_encoder, model.heads.config
    fits = (
        isinstance(image, EfficientNetEncoder)
        and isinstance(text, TransformerTextEncoder)
        and not image.network.config.head
        and not image.network.config.pool_stages
        and image.network.config.activation == "silu"
        and image.network.config.squeeze > 0
        and text.pooling == "cls"
        and text.network.config.model_type == "bert"
        and (heads.image_projection, heads.text_projection) == ("none", "linear")
    )
    if not fits:
        raise UsageError(
            "AlignModel has no place for this model.",
            fix="It takes an EfficientNet of B0 to L2 with --image-projection none, and a BERT read at its first token"
            " with --text-projection linear.",
        )
    assert isinstance(image, EfficientNetEncoder) and isinstance(text, TransformerTextEncoder)
    return image, text


def _align_config(model: DualEncoder, image: EfficientNetEncoder, text: TransformerTextEncoder) -> Any:
    from transformers import AlignConfig

    network = image.network.config
    vision = {
        "image_size": image.preparation.crop,
        "width_coefficient": network.width,
        "depth_coefficient": network.depth,
        "squeeze_expansion_ratio": network.squeeze,
        "drop_connect_rate": network.drop_path,
        "hidden_dim": image.width,
    }
    words = {name: value for name, value in text.network.config.to_dict().items() if name not in {"model_type"}}
    return AlignConfig(text_config=words, vision_config=vision, projection_dim=model.dim)


def _preparation(processor: Any) -> Preparation:
    """A published preprocessor as one shift and one scale of each channel."""
    settings = huggingface.plain(processor)
    size, crop = settings["size"]["height"], settings.get("crop_size") or {}
    side = crop["height"] if settings.get("do_center_crop") else size
    factor = settings["rescale_factor"] if settings.get("do_rescale", True) else 1.0
    offset = 1.0 if settings.get("rescale_offset") else 0.0
    means = settings["image_mean"] if settings.get("do_normalize") else [0.0] * 3
    scales = settings["image_std"] if settings.get("do_normalize") else [1.0] * 3
    top = settings["image_std"] if settings.get("include_top") else [1.0] * 3
    mean = tuple((offset + m) / (255 * factor) for m in means)
    std = tuple(s * t / (255 * factor) for s, t in zip(scales, top, strict=True))
    mean, std = cast("list[tuple[float, float, float]]", [mean, std])
    return Preparation(size, side, mean, std, _FILTERS[int(settings["resample"])], two_steps=True)


def _processor_settings(preparation: Preparation) -> dict[str, Any]:
    return {
        "image_processor_type": "EfficientNetImageProcessor",
        "do_resize": True,
        "size": {"height": preparation.resize, "width": preparation.resize},
        "resample": _FILTERS.index(preparation.filter),
        "do_center_crop": preparation.crop != preparation.resize,
        "crop_size": {"height": preparation.crop, "width": preparation.crop},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "rescale_offset": False,
        "do_normalize": True,
        "image_mean": list(preparation.mean),
        "image_std": list(preparation.std),
        "include_top": False,
    }


def _tokenizer_settings(text: TransformerTextEncoder) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": text.max_tokens,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2) + "\n"
