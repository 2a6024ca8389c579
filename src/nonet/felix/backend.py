"""What computes an editor's scores: torch here, ONNX Runtime in `nonet.felix.runtime`. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nonet.felix.model import Inserter, Tagger

__all__ = ["Backend", "Filled", "TorchBackend"]


@dataclass(frozen=True)
class Filled:
    """What belongs at masks.

    Attributes:
        ids: the most probable token of each mask.
        log_probabilities: theirs.
    """

    ids: Int[np.ndarray, "masks"]
    log_probabilities: Float[np.ndarray, "masks"]


@runtime_checkable
class Backend(Protocol):
    """The networks of an editor."""

    def tag(
        self, ids: Int[np.ndarray, "batch tokens"], mask: Bool[np.ndarray, "batch tokens"]
    ) -> tuple[Any, Float[np.ndarray, "batch tokens tags"]]:
        """States, in whatever form `point` takes them, and scores of the tags."""
        ...

    def point(
        self, states: Any, tags: Int[np.ndarray, "batch tokens"], mask: Bool[np.ndarray, "batch tokens"]
    ) -> Float[np.ndarray, "batch tokens tokens"]:
        """Scores of the pointer."""
        ...

    def fill(
        self,
        ids: Int[np.ndarray, "batch tokens"],
        mask: Bool[np.ndarray, "batch tokens"],
        segments: Int[np.ndarray, "batch tokens"],
        rows: Int[np.ndarray, "masks"],
        places: Int[np.ndarray, "masks"],
    ) -> Filled:
        """What belongs at masks."""
        ...


class TorchBackend:
    """The networks in torch.

    Args:
        tagger: tags and points.
        inserter: fills masks; None for an editor that needs none.
        banned: tokens that are never filled in.
    """

    def __init__(self, tagger: Tagger, inserter: Inserter | None, banned: list[int]) -> None:
        self.tagger, self.inserter = tagger.eval(), inserter.eval() if inserter else None
        self.banned = torch.tensor(banned, dtype=torch.long)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.tagger.parameters()).device

    @torch.inference_mode()
    def tag(self, ids: np.ndarray, mask: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """States and scores of the tags."""
        states, scores = self.tagger.states(self._tensor(ids), self._tensor(mask))
        return states, scores.cpu().numpy()

    @torch.inference_mode()
    def point(self, states: Tensor, tags: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Scores of the pointer."""
        return self.tagger.points(states, self._tensor(tags), self._tensor(mask)).cpu().numpy()

    @torch.inference_mode()
    def fill(
        self, ids: np.ndarray, mask: np.ndarray, segments: np.ndarray, rows: np.ndarray, places: np.ndarray
    ) -> Filled:
        """What belongs at masks."""
        if self.inserter is None:
            raise ValueError("this editor has no inserter")
        scores = self.inserter(*map(self._tensor, (ids, mask, segments, rows, places)))
        best, log = best_allowed(scores, self.banned.to(scores.device))
        return Filled(best.cpu().numpy(), log.cpu().numpy())

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def best_allowed(scores: Tensor, banned: Tensor) -> tuple[Tensor, Tensor]:
    """The most probable token of each row that is not banned, and its logarithmic probability among those."""
    allowed = scores.index_fill(1, banned, -1e9)
    log, best = torch.log_softmax(allowed, dim=1).max(dim=1)
    return best, log
