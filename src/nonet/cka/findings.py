"""What a comparison found, as a folder: ``report.json``, one ``.npz`` a map, and one page that needs nothing else."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nonet.cka.blocks import Block
from nonet.cka.similarity import Similarity
from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import atomic_folder
from nonet.foundation.reading import made_sense_of, parse_json
from nonet.foundation.report import machine
from nonet.foundation.settings import typed

__all__ = ["Dominant", "Findings", "Panel", "Spectrum"]

FORMAT = "nonet-cka-report"
_LOW, _HIGH = -1.0, 1.2  # of the numbers that the page gets, in steps of 3e-5


@dataclass(frozen=True)
class Panel:
    """A map to look at.

    Attributes:
        title: what it shows.
        map: the numbers.
        blocks: to be drawn on it; None where none were looked for.
        note: what to see in it.
        top: the value that the brightest colour stands for; the darkest is 0.
    """

    title: str
    map: Similarity
    blocks: Sequence[Block] | None = None
    note: str = ""
    top: float = 1.0


@dataclass(frozen=True)
class Dominant:
    """An example that holds much of the first components.

    Attributes:
        example: its number in the data.
        share: of the components' variance, mean over the layers looked at.
        picture: a PNG as a data address, or empty.
        label: its class, or empty.
    """

    example: int
    share: float
    picture: str = ""
    label: str = ""


@dataclass(frozen=True)
class Spectrum:
    """First principal components of a model's layers.

    Attributes:
        layers: names.
        share: λ₁ / Σλ of each; None where it was read and is not known.
        second: λ₂ / λ₁ of each; likewise.
        dominant: the examples that hold most of them.
    """

    layers: Sequence[str]
    share: Sequence[float | None]
    second: Sequence[float | None]
    dominant: Sequence[Dominant] = ()


@dataclass(frozen=True)
class Findings:
    """Everything in a report.

    Attributes:
        title: the models' names.
        panels: maps, the main one first.
        spectra: by model.
        probes: by model: layers, accuracies, and their role.
        facts: command, data, options, accuracy: what is needed to judge and repeat it.
        notes: what a reader should be told.
        made: the day (ISO).
    """

    title: str
    panels: Sequence[Panel]
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)
    probes: Mapping[str, Sequence[tuple[str, float | None, float | None]]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    made: str = ""

    def save(self, folder: Path) -> Path:
        """Writes the folder and returns its page.

        Raises:
            ArtifactError: if something else is there.
        """
        from nonet.cka.showing import standalone

        _require_free(folder)
        content = self.to_dict()
        with atomic_folder(folder) as partial:
            (partial / "maps").mkdir()
            for number, panel in enumerate(self.panels):
                panel.map.save(partial / "maps" / f"{number}.npz")
            (partial / "report.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
            (partial / "index.html").write_text(standalone(self.for_page()), encoding="utf-8")
        return folder / "index.html"

    def to_dict(self) -> dict[str, Any]:
        """Everything but the maps' numbers, as JSON values."""
        return _json(
            {
                "format": FORMAT,
                "title": self.title,
                "made": self.made,
                "facts": {**self.facts, "machine": machine()},
                "notes": list(self.notes),
                "panels": [
                    {
                        "title": p.title,
                        "note": p.note,
                        "top": p.top,
                        "sought": p.blocks is not None,
                        "blocks": [asdict(block) for block in p.blocks or ()],
                    }
                    for p in self.panels
                ],
                "spectra": {name: asdict(spectrum) for name, spectrum in self.spectra.items()},
                "probes": {name: list(rows) for name, rows in self.probes.items()},
            }
        )

    def for_page(self) -> dict[str, Any]:
        """Everything, the maps' numbers in base64 as the page's script reads them."""
        content = self.to_dict()
        for shown, panel in zip(content["panels"], self.panels, strict=True):
            one = panel.map
            shown |= {
                "rows": list(one.rows),
                "columns": list(one.columns),
                "rowModel": one.row_model,
                "columnModel": one.column_model,
                "values": _coded(one.values),
                "error": _coded(one.error),
                "inputs": one.facts.get("inputs", ""),
                "reasons": dict(one.reasons),
            }
        return content

    @classmethod
    def load(cls, folder: Path) -> Findings:
        """Reads a folder written by `save`.

        Raises:
            ArtifactError: if it is none, or damaged.
        """
        path = folder / "report.json"
        fix = "Name a folder that `nonet cka compare` wrote."
        with made_sense_of(folder, ArtifactError, what="This is no report", fix=fix):
            told = typed(_Stored, parse_json(path.read_bytes()))
            for spectrum in told.spectra.values():
                if not len(spectrum.layers) == len(spectrum.share) == len(spectrum.second):
                    raise ValueError("a spectrum does not fit its layers")
            maps = [Similarity.load(folder / "maps" / f"{number}.npz") for number in range(len(told.panels))]
            panels = [panel.with_map(map) for panel, map in zip(told.panels, maps, strict=True)]
            return cls(told.title, panels, told.spectra, told.probes, told.facts, told.notes, told.made)


@dataclass(frozen=True)
class _StoredPanel:
    """A panel in ``report.json``; its map is a file beside it."""

    title: str
    note: str
    top: float
    sought: bool
    blocks: Sequence[Mapping[str, Any]]

    def with_map(self, map: Similarity) -> Panel:
        found = [typed(Block, {n: math.nan if x is None else x for n, x in one.items()}) for one in self.blocks]
        return Panel(self.title, map, found if self.sought else None, self.note, self.top)


@dataclass(frozen=True)
class _Stored:
    """What stands in ``report.json``; where a number was NaN there is none."""

    format: Literal["nonet-cka-report"]
    title: str
    made: str
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    panels: Sequence[_StoredPanel]
    spectra: Mapping[str, Spectrum]
    probes: Mapping[str, Sequence[tuple[str, float | None, float | None]]]


def _require_free(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / "report.json").exists():
        raise ArtifactError("The folder holds something else.", where=folder, fix="Choose another with --out.")


def _coded(values: np.ndarray) -> str:
    """Numbers as 16-bit steps from -1 to 1.2, 0 for NaN, in base64."""
    scaled = np.clip((values - _LOW) / (_HIGH - _LOW), 0, 1) * 65534 + 1
    steps = np.where(np.isnan(values), 0, np.nan_to_num(scaled).round()).astype("<u2")
    return base64.b64encode(steps.tobytes()).decode("ascii")


def _json(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return _json(value.tolist())
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
