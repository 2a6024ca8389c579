"""Text towers: any text encoder of the Hugging Face library, and a small BERT to train from nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from nonet.align.encoders.base import TextEncoder, Tokens
from nonet.foundation.errors import ArtifactError, DataError

__all__ = ["MAX_TOKENS", "Pooling", "TransformerTextEncoder", "read_tokenizer", "train_wordpiece"]

MAX_TOKENS = 64  # ALIGN, §5
_MAX_CHARACTERS = 10_000  # no 64 tokens come from further back, and a tokenizer is slow on a text of megabytes
_SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

Pooling = Literal["cls", "mean", "pooler"]


class TransformerTextEncoder(TextEncoder):
    """A text network of `transformers` with a tokenizer of `tokenizers`.

    A text's feature is the last layer's first token (`cls`, as in ALIGN §4.1), the mean over its tokens (`mean`, as
    sentence encoders are trained), or what the network itself calls its pooled output (`pooler`).
    """

    def __init__(self, network: Any, tokenizer: Tokenizer, pooling: Pooling, max_tokens: int = MAX_TOKENS) -> None:
        """Wraps a network.

        Args:
            network: a `transformers` model that takes `input_ids` and `attention_mask`.
            tokenizer: the tokenizer that the network was trained with.
            pooling: see above.
            max_tokens: longer texts are cut.
        """
        super().__init__()
        self.network = network
        self.pooling: Pooling = pooling
        self.max_tokens = max_tokens
        self.width = network.config.hidden_size
        self._description: dict[str, Any] | None = None
        if pooling != "pooler" and getattr(network, "pooler", None) is not None:
            network.pooler = None  # weights that would never learn
        pad = getattr(network.config, "pad_token_id", None) or 0
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())  # a copy: its settings are ours to change
        self.tokenizer.enable_truncation(max_tokens)
        self.tokenizer.enable_padding(pad_id=pad, pad_token=self.tokenizer.id_to_token(pad) or "[PAD]")

    @classmethod
    def small(
        cls, texts: Iterable[str], *, vocabulary: int = 8000, layers: int = 4, width: int = 256
    ) -> TransformerTextEncoder:
        """A BERT of four layers (the paper's "mini") with random weights and a vocabulary learnt from `texts`."""
        return cls.bert(train_wordpiece(texts, vocabulary), layers=layers, width=width)

    @classmethod
    def bert(cls, tokenizer: Tokenizer, *, layers: int, width: int) -> TransformerTextEncoder:
        """A BERT with random weights, read at the first token of its last layer (Jia et al. 2021, §4.1)."""
        from transformers import BertConfig, BertModel

        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=max(1, width // 64),
            intermediate_size=4 * width,
            max_position_embeddings=2 * MAX_TOKENS,
        )
        return cls(BertModel(config, add_pooling_layer=False), tokenizer, "cls")

    @classmethod
    def rebuild(cls, description: Mapping[str, Any]) -> TransformerTextEncoder:
        """The encoder that `describe` described, without its weights."""
        from nonet.align.encoders import huggingface

        encoder = cls(
            huggingface.network(description["network"]),
            Tokenizer.from_str(json.dumps(description["tokenizer"])),
            description["pooling"],
            description["max_tokens"],
        )
        # kept word for word: a later version of the library may write more fields, and the fingerprint would change
        encoder._description = dict(description)
        return encoder

    def describe(self) -> dict[str, Any]:
        from nonet.align.encoders import huggingface

        if self._description is not None:
            return self._description
        return {
            "kind": "huggingface",
            "network": huggingface.plain(self.network.config),
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
            "tokenizer": json.loads(self.tokenizer.to_str()),
        }

    def preprocess(self, texts: Sequence[str]) -> Tokens:
        encoded = _encode(self.tokenizer, [_readable(text) for text in texts])
        ids = np.array([row.ids for row in encoded], dtype=np.int64).reshape(len(texts), -1)
        mask = np.array([row.attention_mask for row in encoded], dtype=bool).reshape(len(texts), -1)
        return Tokens(torch.from_numpy(ids), torch.from_numpy(mask))

    def forward(self, ids: Int[Tensor, "n tokens"], mask: Bool[Tensor, "n tokens"]) -> Float[Tensor, "n features"]:
        output = self.network(input_ids=ids, attention_mask=mask)
        if self.pooling == "pooler":
            return output.pooler_output
        if self.pooling == "cls":
            return output.last_hidden_state[:, 0]
        weight = mask.unsqueeze(-1).to(output.last_hidden_state.dtype)
        return (output.last_hidden_state * weight).sum(1) / weight.sum(1).clamp(min=1)


def _readable(text: str) -> str:
    """The part of a text that can matter, with lone surrogates (which have no UTF-8) as question marks."""
    return text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Encoding]:
    try:
        return tokenizer.encode_batch(texts)
    except BaseException as error:  # not an Exception: the tokenizer's own end, where entries refer to absent ones
        if type(error).__name__ != "PanicException":
            raise
        raise ArtifactError(f"The tokenizer is damaged ({error}).", fix="Make the model again.") from error


def read_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer from its `tokenizer.json`.

    Raises:
        DataError: if there is no such file, or it is none.
    """
    if not path.is_file():
        raise DataError("There is no such tokenizer.", where=path, fix="Make one: nonet align vocabulary --help")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower class
        raise DataError(f"This is not a tokenizer ({error}).", where=path) from error


def train_wordpiece(texts: Iterable[str], size: int) -> Tokenizer:
    """A lower-casing WordPiece vocabulary learnt from texts, framed as BERT frames them.

    The same texts give the same vocabulary: the library's trainer numbers the pieces inside words in an order that
    differs from run to run and breaks ties by number, so these pieces are numbered before it starts.

    Args:
        texts: read twice, so not an iterator.
        size: entries at most, the five special ones among them (the paper has 100,000).
    """
    from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

    normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
    characters = {character for text in texts for character in text}
    inner = sorted(
        {f"##{c}" for raw in characters for c in normalizer.normalize_str(_readable(raw)) if not c.isspace()}
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=max(size, len(_SPECIAL_TOKENS) + len(inner)),
        special_tokens=[*_SPECIAL_TOKENS, *inner],
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(_readable, texts), trainer)
    # only the true special tokens stay special
    final = Tokenizer(models.WordPiece(tokenizer.get_vocab(), unk_token="[UNK]"))
    final.normalizer, final.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
    final.add_special_tokens(_SPECIAL_TOKENS)
    final.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(token, final.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return final
