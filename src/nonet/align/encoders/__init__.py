"""Encoders of pictures and of texts: what turns either into a vector of features.

`image_encoder` and `text_encoder` make one from a name; every encoder owns its preprocessing and knows its `width`.
Any of them can be judged or used alone, without a dual encoder around it.
"""

from nonet.align.encoders.base import ImageEncoder, TextEncoder, Tokens, fingerprint
from nonet.align.encoders.efficientnet import EfficientNet, EfficientNetConfig
from nonet.align.encoders.image import EfficientNetEncoder, HuggingFaceImageEncoder, Preparation
from nonet.align.encoders.presets import image_encoder, rebuild_image_encoder, rebuild_text_encoder, text_encoder
from nonet.align.encoders.text import TransformerTextEncoder, train_wordpiece

__all__ = [
    "EfficientNet",
    "EfficientNetConfig",
    "EfficientNetEncoder",
    "HuggingFaceImageEncoder",
    "ImageEncoder",
    "Preparation",
    "TextEncoder",
    "Tokens",
    "TransformerTextEncoder",
    "fingerprint",
    "image_encoder",
    "rebuild_image_encoder",
    "rebuild_text_encoder",
    "text_encoder",
    "train_wordpiece",
]
