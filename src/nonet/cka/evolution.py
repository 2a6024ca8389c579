"""How layers become what they are: every checkpoint of a training beside its end (Nguyen et al. 2022, §4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import nn

from nonet.cka import batches
from nonet.cka.blocks import largest_share
from nonet.cka.capture import Call
from nonet.cka.comparing import compare
from nonet.cka.config import CompareOptions
from nonet.cka.selecting import Layers
from nonet.cka.spectrum import principal
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.report import Figure, Report, Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Evolution", "evolution"]

_DOMINANT = 10
_END = "end"


@dataclass(frozen=True)
class Evolution:
    """What became of each layer.

    Attributes:
        checkpoints: their names, the end last.
        layers: names.
        to_end: CKA of each layer with the same layer at the end, (checkpoints, layers).
        share: λ₁ / Σλ, (checkpoints, layers).
        block: the longest run of layers with CKA ≥ 0.9 as a share of all, of each checkpoint.
        kept: share of the examples that dominate the end's first components which dominate this checkpoint's, too.
    """

    checkpoints: tuple[str, ...]
    layers: tuple[str, ...]
    to_end: Float[np.ndarray, "checkpoints layers"]
    share: Float[np.ndarray, "checkpoints layers"]
    block: Float[np.ndarray, " checkpoints"]
    kept: Float[np.ndarray, " checkpoints"]

    def report(self, facts: Mapping[str, object] | None = None) -> Report:
        """Plots and a table, to be saved as one page."""
        rows = zip(self.checkpoints, self.to_end, self.share, self.block, self.kept, strict=True)
        return Report(
            "How the layers became what they are",
            figures=[
                Figure(
                    "Similarity to the end", self._heatmap(self.to_end, "CKA"), "CKA with the same layer at the end."
                ),
                Figure(
                    "First principal component",
                    self._heatmap(self.share, "λ₁ / Σλ"),
                    "Its share of each layer's variance: block structure shows as rows that grow bright together.",
                ),
                Figure("All layers together", self._lines(), "Means over layers, and the longest block."),
            ],
            tables=[
                Table(
                    "Checkpoints",
                    ["checkpoint", "CKA with the end", "PC1 share", "longest block", "dominant examples of the end"],
                    [(name, _mean(end), _mean(share), block, kept) for name, end, share, block, kept in rows],
                    f"Means over layers. Last column: share of the end's {_DOMINANT} dominant examples here, too.",
                )
            ],
            facts=dict(facts or {}),
        )

    def _heatmap(self, values: np.ndarray, what: str) -> go.Figure:
        import plotly.graph_objects as go

        hover = "%{y}, %{x}<br>" + what + " %{z:.3f}<extra></extra>"
        figure = go.Figure(
            go.Heatmap(
                z=values.T,
                x=list(self.checkpoints),
                y=list(self.layers),
                colorscale="Magma",
                zmin=0,
                zmax=1,
                colorbar={"title": what},
                hovertemplate=hover,
            )
        )
        figure.update_layout(height=460, xaxis={"title": "checkpoint", "type": "category"}, yaxis={"title": "layer"})
        return figure

    def _lines(self) -> go.Figure:
        import plotly.graph_objects as go

        lines = {
            "CKA with the end": np.nanmean(self.to_end, 1),
            "share of the first component": np.nanmean(self.share, 1),
            "longest block": self.block,
            "dominant examples of the end": self.kept,
        }
        figure = go.Figure([go.Scatter(x=list(self.checkpoints), y=y, name=name) for name, y in lines.items()])
        figure.update_layout(height=360, xaxis={"title": "checkpoint", "type": "category"}, yaxis={"range": [0, 1.02]})
        return figure


def evolution(
    checkpoints: Mapping[str, nn.Module],
    loader: Iterable[Any],
    *,
    layers: Layers = None,
    options: CompareOptions | None = None,
    call: Call = batches.call,
) -> Evolution:
    """Compares every checkpoint with the last one, layer by layer.

    Args:
        checkpoints: by name, in the order of training.
        loader: batches in the same order at every pass.
        layers: which modules.
        options: how similarity is measured.
        call: how a model is called.
    Raises:
        UsageError: if there are fewer than two checkpoints.
        DataError: if their layers differ.
    """
    if len(checkpoints) < 2:
        raise UsageError(
            "One checkpoint has no evolution.", fix="Train with --snapshots 10, or name several files of weights."
        )
    end = list(checkpoints.values())[-1]
    dominant: list[set[int]] = []
    shares, to_end, blocks = [], [], []
    names: tuple[str, ...] = ()
    for model in console.track(checkpoints.values(), "Checkpoints", len(checkpoints)):
        maps = compare({"now": model, _END: end}, loader, layers=layers, options=options, call=call)
        across, own = maps["now", _END], maps["now", "now"]
        if across.rows != across.columns:
            raise DataError("The checkpoints have different layers.", fix="Name states of one architecture.")
        names = own.rows
        to_end.append(np.diag(across.values))
        blocks.append(largest_share(own.values))
        components = principal(model, loader, layers=layers, options=options, call=call, passes=2)
        shares.append(components.share)
        dominant.append(set(components.dominant(count=_DOMINANT)[0].tolist()))
    kept = [len(one & dominant[-1]) / len(dominant[-1]) for one in dominant]
    return Evolution(tuple(checkpoints), names, np.stack(to_end), np.stack(shares), np.array(blocks), np.array(kept))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values))
