"""ALIGN: image and text embeddings learnt from noisy alt text.

Jia, Yang, Xia, Chen, Parekh, Pham, Le, Sung, Li, Duerig: "Scaling Up Visual and Vision-Language Representation
Learning With Noisy Text Supervision", ICML 2021 (arXiv 2102.05918).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nonet.align.data import Pairs
    from nonet.align.pictures import Limits, open_picture
    from nonet.align.writing import write_pairs

__all__ = ["Limits", "Pairs", "open_picture", "write_pairs"]

# loaded at first use: pyarrow, Pillow and torch are heavy
_ROOMS = {
    "Limits": "pictures",
    "Pairs": "data",
    "open_picture": "pictures",
    "write_pairs": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.align' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.align.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
