"""ALIGN: image and text embeddings learnt from noisy alt text.

Jia, Yang, Xia, Chen, Parekh, Pham, Le, Sung, Li, Duerig: "Scaling Up Visual and Vision-Language Representation
Learning With Noisy Text Supervision", ICML 2021 (arXiv 2102.05918).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nonet.align.data import Pairs
    from nonet.align.evaluate import retrieval
    from nonet.align.index import Index
    from nonet.align.interchange import open_model, to_transformers
    from nonet.align.loss import contrastive_loss
    from nonet.align.model import DualEncoder
    from nonet.align.pictures import Limits, open_picture
    from nonet.align.search import Searcher
    from nonet.align.writing import write_pairs

__all__ = [
    "DualEncoder",
    "Index",
    "Limits",
    "Pairs",
    "Searcher",
    "contrastive_loss",
    "open_model",
    "open_picture",
    "retrieval",
    "to_transformers",
    "write_pairs",
]

# loaded at first use: pyarrow, Pillow and torch are heavy
_ROOMS = {
    "DualEncoder": "model",
    "Index": "index",
    "Limits": "pictures",
    "Pairs": "data",
    "Searcher": "search",
    "contrastive_loss": "loss",
    "open_model": "interchange",
    "open_picture": "pictures",
    "retrieval": "evaluate",
    "to_transformers": "interchange",
    "write_pairs": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.align' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.align.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
