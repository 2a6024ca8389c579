"""The hand-labelled recordings of Andersson, Larsson, Holmqvist, Stridh and Nyström 2017, in their official layout."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from nonet.foundation.errors import DataError
from nonet.foundation.reading import made_sense_of, one_error

__all__ = ["Recording", "read_recordings"]


@dataclass(frozen=True)
class Recording:
    """One observer, one stimulus, labelled by one or two annotators.

    Attributes:
        name: such as ``UL27_trial17``.
        stimulus: `img`, `dots` or `video`.
        rate_hz: samples a second.
        position_deg: visual angles; NaN where the tracker lost the eye.
        labels: by annotator (`RA`, `MN`), one label a sample.
    """

    name: str
    stimulus: str
    rate_hz: float
    position_deg: Float[np.ndarray, "n 2"]
    labels: dict[str, Int[np.ndarray, " n"]]

    @property
    def observer(self) -> str:
        """Who looked."""
        return self.name.split("_")[0]


def read_recordings(source: Path) -> list[Recording]:
    """All recordings in a folder, or in a tar archive, of ``NAME_labelled_ANNOTATOR.mat`` files.

    Raises:
        DataError: if there are none, or one is broken.
    """
    found: dict[str, Recording] = {}
    for path, content in _files(source):
        name, _, annotator = Path(path).stem.partition("_labelled_")
        recording = _read(content, path, name)
        labels = recording.labels["only"]
        if name in found:
            shared = min(len(labels), len(found[name].labels[next(iter(found[name].labels))]))
            known = {who: rows[:shared] for who, rows in found[name].labels.items()}
            known[annotator] = labels[:shared]
            position = found[name].position_deg[:shared]
            found[name] = Recording(name, recording.stimulus, recording.rate_hz, position, known)
        else:
            found[name] = Recording(
                name, recording.stimulus, recording.rate_hz, recording.position_deg, {annotator: labels}
            )
    if not found:
        raise DataError("There are no labelled recordings here.", where=source, fix="Name the official folder.")
    return [found[name] for name in sorted(found)]


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(source.rglob("*_labelled_*.mat")):
            yield str(path), path.read_bytes()
        return
    try:
        with one_error(), tarfile.open(source) as archive:
            for member in sorted(archive.getmembers(), key=lambda member: member.name):
                if member.isfile() and "_labelled_" in member.name and member.name.endswith(".mat"):
                    file = archive.extractfile(member)
                    assert file is not None  # a regular file has content
                    yield member.name, file.read()
    except (OSError, ValueError) as error:
        raise DataError("This is neither a folder nor a readable tar archive.", where=source) from error


def _read(content: bytes, path: str, name: str) -> Recording:
    from scipy.io import loadmat

    with made_sense_of(path, what="This is no labelled recording", fix="Download it again."):
        table = loadmat(BytesIO(content))["ETdata"][0, 0]
        rows = table["pos"].astype(float)
        size, pixels = table["screenDim"].ravel(), table["screenRes"].ravel()
        distance, rate = float(table["viewDist"].item()), float(table["sampFreq"].item())
        px = rows[:, 3:5]
        labels = rows[:, 5].astype(np.int64)
    lost = ((px == 0).all(axis=1)) | ~np.isfinite(px).all(axis=1)
    metres = (px - pixels / 2) * size / pixels
    degrees = np.degrees(np.arctan2(metres, distance))
    degrees[lost] = np.nan
    stimulus = Path(path).parent.name
    return Recording(name, stimulus, rate, degrees, {"only": labels})
