"""Which layers of one or two networks compute the same thing, and what to do about it.

After Thao Nguyen, Maithra Raghu and Simon Kornblith, "Do Wide and Deep Networks Learn the Same Things? Uncovering How
Neural Network Representations Vary with Width and Depth" (ICLR 2021), and their "On the Origins of the Block Structure
Phenomenon in Neural Network Representations" (TMLR 2022).

``cka(model, loader)`` is the whole of it for most uses; ``compare`` takes several models at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nonet.cka.accumulator import Accumulator, Layer
    from nonet.cka.blocks import Block, find_blocks, untrained
    from nonet.cka.comparing import accumulate, cka, compare
    from nonet.cka.config import BlockOptions, CompareOptions, NetworkConfig, RecipeConfig
    from nonet.cka.findings import Findings
    from nonet.cka.kernels import linear_cka, rbf_cka
    from nonet.cka.model import ResNet
    from nonet.cka.similarity import Similarity
    from nonet.cka.spectrum import Principal, principal

# loaded at first use: torch is heavy
_ROOMS = {
    "Accumulator": "accumulator",
    "Block": "blocks",
    "BlockOptions": "config",
    "CompareOptions": "config",
    "Findings": "findings",
    "Layer": "accumulator",
    "NetworkConfig": "config",
    "Principal": "spectrum",
    "RecipeConfig": "config",
    "ResNet": "model",
    "Similarity": "similarity",
    "accumulate": "comparing",
    "cka": "comparing",
    "compare": "comparing",
    "find_blocks": "blocks",
    "linear_cka": "kernels",
    "principal": "spectrum",
    "rbf_cka": "kernels",
    "untrained": "blocks",
}

__all__ = [
    "Accumulator",
    "Block",
    "BlockOptions",
    "CompareOptions",
    "Findings",
    "Layer",
    "NetworkConfig",
    "Principal",
    "RecipeConfig",
    "ResNet",
    "Similarity",
    "accumulate",
    "cka",
    "compare",
    "find_blocks",
    "linear_cka",
    "principal",
    "rbf_cka",
    "untrained",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.cka' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.cka.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
