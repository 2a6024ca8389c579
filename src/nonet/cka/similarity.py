"""Similarities between layers, with their intervals: what a comparison returns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nonet.cka.accumulator import Accumulator, Layer
from nonet.foundation.arrays import read_arrays
from nonet.foundation.errors import ArtifactError, UsageError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Similarity", "from_sums", "layer_groups", "normalised"]

_CONSTANT = "its features are the same for every example"


@dataclass(frozen=True)
class Similarity:
    """CKA between the layers of two models, or of a model and itself.

    Attributes:
        rows: names of the layers of the first model.
        columns: names of the layers of the second.
        values: (rows, columns), near or below 1; slightly negative values are real and kept. NaN where a layer has
            constant features; `reasons` says so.
        error: standard error of each value by the jackknife over groups of batches; NaN with one group.
        reasons: why layers have NaN, by name.
        row_model: name of the first model.
        column_model: name of the second.
        facts: how it was made: examples, batches, weighting, checksum of the inputs.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    error: np.ndarray
    reasons: Mapping[str, str] = field(default_factory=dict)
    row_model: str = ""
    column_model: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, names: tuple[str, str]) -> float:
        """The similarity of two layers by name."""
        row, column = names
        try:
            return float(self.values[self.rows.index(row), self.columns.index(column)])
        except ValueError:
            known = self.columns if row in self.rows else self.rows
            raise UsageError(f"There is no layer {names!r}.", fix=f"Known are {', '.join(known[:5])}, …") from None

    @property
    def with_itself(self) -> bool:
        """Whether rows and columns are the same layers of the same model."""
        return self.row_model == self.column_model and self.rows == self.columns

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the confidence intervals, by Student's t on the jackknife's groups."""
        from scipy.stats import t

        groups = int(self.facts.get("groups", 2))
        reach = float(t.ppf((1 + level) / 2, max(1, groups - 1))) * self.error
        return self.values - reach, self.values + reach

    def half_width(self, level: float = 0.95) -> float:
        """The widest interval's reach to either side; NaN with one group."""
        low, high = self.interval(level)
        reach = (high - low) / 2
        return float(np.nanmax(reach)) if np.isfinite(reach).any() else float("nan")

    def part(self, rows: Sequence[int], columns: Sequence[int] | None = None) -> Similarity:
        """Some of the layers, by number."""
        chosen = list(rows), list(rows if columns is None else columns)
        return replace(
            self,
            rows=tuple(self.rows[r] for r in chosen[0]),
            columns=tuple(self.columns[c] for c in chosen[1]),
            values=self.values[np.ix_(*chosen)],
            error=self.error[np.ix_(*chosen)],
        )

    def at_proportional_depth(self) -> np.ndarray:
        """For each row, the similarity with the layer of the other model at the same share of its depth."""
        rows, columns = self.values.shape
        places = np.linspace(0, columns - 1, rows).round().astype(int)
        return self.values[np.arange(rows), places]

    def best_match(self) -> np.ndarray:
        """For each row, the number of the most similar layer of the other model (-1 where all are NaN)."""
        filled = np.where(np.isnan(self.values), -np.inf, self.values)
        return np.where(np.isfinite(filled).any(1), filled.argmax(1), -1)

    def heatmap(self) -> go.Figure:
        """An interactive plot, first layers at the bottom left as in the article."""
        import plotly.graph_objects as go

        figure = go.Figure(
            go.Heatmap(
                z=self.values,
                colorscale="Magma",
                zmin=0,
                zmax=1,
                colorbar={"title": "CKA"},
                customdata=np.array([[f"{row} · {column}" for column in self.columns] for row in self.rows]),
                hovertemplate="%{customdata}<br>CKA %{z:.4f}<extra></extra>",
            )
        )
        figure.update_layout(
            xaxis={"title": f"layers of {self.column_model or 'the model'}", "constrain": "domain"},
            yaxis={"title": f"layers of {self.row_model or 'the model'}", "scaleanchor": "x"},
            margin={"t": 24, "l": 60, "r": 20, "b": 50},
            height=560,
        )
        return figure

    def save(self, path: Path) -> None:
        """Writes the map as the ending says: .npz, .csv, .svg or .png.

        Raises:
            UsageError: for another ending.
        """
        ending = path.suffix.lower()
        if ending == ".npz":
            replace_file(path, self._npz())
        elif ending == ".csv":
            replace_file(path, self.csv())
        elif ending in {".svg", ".png", ".pdf"}:
            from nonet.cka.plots import draw

            replace_file(path, draw(self, ending[1:]))
        else:
            raise UsageError(f"No such format: '{ending}'.", where=path, fix="End it in .npz, .csv, .svg or .png.")

    def csv(self) -> str:
        """The values with the names of the layers."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["layer", *self.columns])
        for name, row in zip(self.rows, self.values, strict=True):
            writer.writerow([name, *(f"{value:.8g}" for value in row)])
        return text.getvalue()

    def _npz(self) -> bytes:
        about = {name: getattr(self, name) for name in ("rows", "columns", "row_model", "column_model")}
        about |= {"reasons": dict(self.reasons), "facts": dict(self.facts)}
        file = io.BytesIO()
        encoded = np.frombuffer(json.dumps(about).encode(), np.uint8)
        np.savez_compressed(file, values=self.values, error=self.error, about=encoded)
        return file.getvalue()

    @classmethod
    def load(cls, path: Path) -> Similarity:
        """Reads a map written by `save` as .npz; nothing in the file is executed.

        Raises:
            ArtifactError: if it is not one.
        """
        try:
            stored = read_arrays(path)
            about = parse_json(stored["about"].tobytes())
            found = _from_stored(about, stored["values"], stored["error"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise ArtifactError("This is not a similarity map.", where=path, fix="Name a .npz that nonet wrote.") from (
                problem
            )
        return found


def _from_stored(about: dict[str, Any], values: np.ndarray, error: np.ndarray) -> Similarity:
    """A map from what its file holds; raises TypeError, ValueError or KeyError where that is no map."""
    rows, columns = tuple(about["rows"]), tuple(about["columns"])
    texts = (*rows, *columns, about["row_model"], about["column_model"], *about["reasons"].values())
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a name is no text")
    if not values.shape == error.shape == (len(rows), len(columns)) or {values.dtype.kind, error.dtype.kind} != {"f"}:
        raise ValueError("the values do not fit the names")
    if not isinstance(about["facts"], dict):
        raise TypeError("the facts are no object")
    return Similarity(
        rows, columns, values, error, about["reasons"], about["row_model"], about["column_model"], about["facts"]
    )


def normalised(sums: np.ndarray) -> np.ndarray:
    """CKA from sums of HSIC: each divided by the root of its two self-similarities; NaN where one of those is 0."""
    own = np.sqrt(np.diag(sums))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = sums / np.outer(own, own)
    values[own == 0, :] = values[:, own == 0] = np.nan
    return values


def from_sums(accumulator: Accumulator, facts: Mapping[str, Any] | None = None) -> dict[tuple[str, str], Similarity]:
    """The maps between every two models of an accumulator, in both orders, by the models' names."""
    total = accumulator.total()
    values = normalised(total)
    parts = [normalised(sums) for sums in accumulator.leave_one_out()]
    if parts:
        stacked = np.stack(parts)
        error = np.sqrt((len(parts) - 1) * np.square(stacked - stacked.mean(0)).mean(0))
    else:
        error = np.full_like(values, np.nan)
    made = {
        "examples": accumulator.examples,
        "batches": accumulator.batches,
        "weighting": accumulator.weighting,
        "groups": max(1, len(parts)),
        "inputs": f"{accumulator.digest:016x}",
        **(facts or {}),
    }
    dead = set(np.flatnonzero(np.diag(total) == 0).tolist())
    places = layer_groups(accumulator.layers)
    return {
        (a, b): Similarity(
            tuple(accumulator.layers[i].name for i in rows),
            tuple(accumulator.layers[i].name for i in columns),
            values[np.ix_(rows, columns)],
            error[np.ix_(rows, columns)],
            {accumulator.layers[i].name: _CONSTANT for i in (*rows, *columns) if i in dead},
            a,
            b,
            made,
        )
        for a, rows in places.items()
        for b, columns in places.items()
    }


def layer_groups(layers: Sequence[Layer]) -> dict[str, list[int]]:
    """The numbers of the layers of each model."""
    places: dict[str, list[int]] = {}
    for number, layer in enumerate(layers):
        places.setdefault(layer.model, []).append(number)
    return cast(dict, places)
