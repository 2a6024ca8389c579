"""Maps as pictures for papers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nonet.cka.similarity import Similarity

__all__ = ["draw"]


def draw(similarity: Similarity, form: str) -> bytes:
    """A map as SVG, PNG or PDF, first layers at the bottom left; the same map gives the same bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows, columns = similarity.values.shape
    with rc_context({"svg.hashsalt": "nonet"}):
        figure = Figure(figsize=(6, 6 * rows / columns if columns else 6), layout="constrained")
        axes = figure.subplots()
        shown = axes.imshow(similarity.values, origin="lower", cmap="magma", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xlabel(f"layers of {similarity.column_model or 'the model'}")
        axes.set_ylabel(f"layers of {similarity.row_model or 'the model'}")
        figure.colorbar(shown, ax=axes, label="CKA", shrink=0.8)
        file = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"CreationDate": None} if form == "pdf" else {}
        figure.savefig(file, format=form, dpi=200, metadata=metadata)
    return file.getvalue()
