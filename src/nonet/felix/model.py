"""The two networks: a tagger with its pointer, and an inserter that fills masks.

They learn independently (the article's equation 1: p(y|x) = p_ins(y|y^m) p_tag(y^t, π|x)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from nonet.felix.config import LabelConfig
from nonet.felix.encoders import Loaded, copy_weights, network
from nonet.felix.labels import TagSet
from nonet.felix.pointing import Pointer

__all__ = ["Inserter", "MaskHead", "Tagger", "new_tagger", "positions_of"]

_UNSEEN = 0.01  # how often a token counts that was not seen


def positions_of(config: Mapping[str, Any]) -> int:
    """The longest input of an encoder in tokens."""
    longest = int(config.get("max_position_embeddings") or 512)
    # RoBERTa counts positions from behind its padding
    return longest - 2 if config.get("model_type") in {"roberta", "camembert", "xlm-roberta"} else longest


class _Encoder(nn.Module):
    """An encoder of the library, called with segments where it knows two."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = network(config)
        self.hidden = int(self.network.config.hidden_size)
        self.heads = int(self.network.config.num_attention_heads)
        self.segmented = int(getattr(self.network.config, "type_vocab_size", 0) or 0) > 1

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor | None = None) -> Tensor:
        more = {"token_type_ids": segments} if self.segmented and segments is not None else {}
        return self.network(input_ids=ids, attention_mask=mask.long(), **more).last_hidden_state


class Tagger(nn.Module):
    """Tags and points.

    Args:
        config: the encoder's configuration as JSON.
        keeps: for each class whether it keeps a token; there are as many classes.
        pointing: whether there is a pointer.
        prior: what the pointer believes of order before it learns; see `Pointer`.
    """

    def __init__(self, config: Mapping[str, Any], keeps: Sequence[bool], *, pointing: bool, prior: float = 0.0) -> None:
        super().__init__()
        self.encoder = _Encoder(config)
        hidden, heads = self.encoder.hidden, self.encoder.heads
        self.dropout = nn.Dropout(0.1)
        self.tags = nn.Linear(hidden, len(keeps))
        self.pointer = Pointer(hidden, keeps, positions_of(config), heads, prior=prior) if pointing else None

    def states(
        self, ids: Int[Tensor, "batch tokens"], mask: Bool[Tensor, "batch tokens"]
    ) -> tuple[Float[Tensor, "batch tokens hidden"], Float[Tensor, "batch tokens tags"]]:
        """The encoder's states and the scores of the tags."""
        states = self.dropout(self.encoder(ids, mask))
        return states, self.tags(states).float()

    def points(self, states: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """The pointer's scores, given tags."""
        if self.pointer is None:
            raise ValueError("this tagger has no pointer")
        return self.pointer(states, tags, mask)


def new_tagger(labels: LabelConfig, config: Mapping[str, Any], weights: Mapping[str, Tensor] | None = None) -> Tagger:
    """The tagger of a variant.

    Args:
        labels: the variant.
        config: the encoder's configuration as JSON.
        weights: of the encoder to begin with; random ones by default.
    """
    keeps = TagSet.of(labels).keeps
    made = Tagger(config, keeps, pointing=labels.variant != "insert", prior=labels.pointer_prior)
    if weights:
        made.encoder.network.load_state_dict(weights)
    return made


class MaskHead(nn.Module):
    """From states to scores of the vocabulary; the last matrix is that of the encoder's input embeddings."""

    def __init__(self, hidden: int, vocabulary: int, embedded: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, embedded)
        self.norm = nn.LayerNorm(embedded, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(
        self, states: Float[Tensor, "masks hidden"], embeddings: Float[Tensor, "vocabulary embedded"]
    ) -> Float[Tensor, "masks vocabulary"]:
        return F.linear(self.norm(F.gelu(self.dense(states))), embeddings, self.bias)

    @torch.no_grad()
    def expect(self, seen: Int[np.ndarray, "tokens"]) -> None:
        """Begins a head that knows nothing with how frequent tokens are, so that it need not learn that.

        Args:
            seen: token ids of text like that to be filled in.
        """
        counts = np.bincount(seen, minlength=len(self.bias)) + _UNSEEN
        self.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))


class Inserter(nn.Module):
    """Fills masks. The head, as dear as a small encoder, is computed at the masks alone.

    Args:
        config: the encoder's configuration as JSON.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.encoder = _Encoder(config)
        embeddings = self.embeddings
        self.head = MaskHead(self.encoder.hidden, *embeddings.shape)

    @property
    def embeddings(self) -> Tensor:
        """The input embeddings of the vocabulary."""
        return self.encoder.network.get_input_embeddings().weight

    @classmethod
    def start(cls, loaded: Loaded) -> Inserter:
        """An inserter that begins with the weights of an encoder, and of its head where it has one."""
        made = cls(loaded.config)
        if loaded.weights:
            made.encoder.network.load_state_dict(loaded.weights)
        copy_weights(made.head, loaded.head)
        return made

    def forward(
        self,
        ids: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
        segments: Int[Tensor, "batch tokens"],
        rows: Int[Tensor, "masks"],
        places: Int[Tensor, "masks"],
    ) -> Float[Tensor, "masks vocabulary"]:
        """Scores of the vocabulary at some places.

        Args:
            ids: token ids.
            mask: what is no padding.
            segments: 0, or 1 for deleted tokens.
            rows: the row in the batch of each mask to fill.
            places: its place in the row.
        """
        states = self.encoder(ids, mask, segments)[rows, places]
        return self.head(states, self.embeddings).float()
