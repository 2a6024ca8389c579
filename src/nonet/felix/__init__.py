"""Fast text editing by tagging, pointing and insertion.

After Mallinson, Severyn, Malmi and Garrido, "FELIX: Flexible Text Editing Through Tagging and Insertion", Findings of
EMNLP 2020 (arXiv 2003.10687). A tagger says what of a text stays and a pointer in which order; an inserter fills in
what is missing. Neither writes token by token, so an edit is two passes of an encoder, whatever its length.
"""

from __future__ import annotations

import importlib
from typing import Any

from nonet.felix.config import DecodeConfig, EditorConfig, LabelConfig, LearningConfig

_ROOMS = {
    "Edited": "editor",
    "Editor": "editor",
    "Pair": "data",
    "Vocabulary": "tokens",
    "judge": "evaluate",
    "label": "labels",
    "open_any": "run",
    "open_encoder": "encoders",
    "read_pairs": "data",
    "realise": "labels",
    "sari_easse": "sari",
    "sari_t2t": "sari",
    "train_editor": "train",
    "write_pairs": "data",
}

__all__ = ["DecodeConfig", "EditorConfig", "LabelConfig", "LearningConfig", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.felix' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.felix.{_ROOMS[name]}"), name)
