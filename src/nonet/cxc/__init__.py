"""Judges any embedding against graded human similarity, within and across modalities.

After Parekh, Baldridge, Cer, Waters and Yang, "Crisscrossed Captions: Extended Intramodal and Intermodal Semantic
Similarity Judgments for MS-COCO", EACL 2021 (arXiv 2004.15020). The release has the ratings and no evaluation code;
here are all seven tasks with every undocumented choice as an option, the article's indirect sampling and its models,
and a page to collect ratings of your own pictures.
"""

from __future__ import annotations

import importlib
from typing import Any

from nonet.cxc.config import CorrelationRules, RetrievalRules, SelectConfig, TrainConfig

_ROOMS = {
    "Collection": "data",
    "CxcModel": "model",
    "Evaluation": "evaluate",
    "Material": "evaluate",
    "RatingSet": "ratings",
    "Ratings": "ratings",
    "correlate": "correlation",
    "judge": "evaluate",
    "material": "evaluate",
    "read_collection": "data",
    "read_embeddings": "embeddings",
    "read_ratings": "ratings",
    "select_pairs": "selection",
}

__all__ = ["CorrelationRules", "RetrievalRules", "SelectConfig", "TrainConfig", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.cxc' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.cxc.{_ROOMS[name]}"), name)
