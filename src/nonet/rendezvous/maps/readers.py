"""Maps that people have: ROS map_server, plain pictures, MovingAI benchmarks, MRPT grids."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Bool
from PIL import Image

from nonet.foundation.errors import DataError
from nonet.foundation.reading import unpack
from nonet.rendezvous.maps.layout import Map, from_grid

__all__ = ["read_map"]

_REQUIRED = ("image", "resolution", "origin")
_KNOWN = {*_REQUIRED, "negate", "occupied_thresh", "free_thresh", "mode"}
_MOVING_AI_FREE = set(".GS")
_MAX_CELLS = 40_000_000


def read_map(path: Path, *, resolution: float | None = None) -> Map:
    """A map by the kind of its file.

    Args:
        path: ``.yaml`` of ROS map_server, ``.png``/``.pgm``/``.bmp`` (dark is occupied), MovingAI ``.map``, or an MRPT
            ``.gridmap``/``.gridmap.gz``.
        resolution: metres a cell, for files that do not say it (0.05 if not given; 1 for MovingAI).
    Raises:
        DataError: if it cannot be read or breaks its format.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("There is no such map.", where=path, fix="Check the spelling of the path.")
    if resolution is not None and not resolution > 0:
        raise DataError(
            f"A resolution of {resolution} m a cell makes no map.", where=path, fix="Give a positive number."
        )
    if path.suffix in {".yaml", ".yml"}:
        return _read_ros(path)
    if path.suffix == ".map":
        return _read_moving_ai(path, resolution or 1.0)
    if ".gridmap" in path.suffixes:
        return _read_mrpt(path)
    return from_grid(path.stem, _picture(path) < 0.5, resolution or 0.05)


def _read_ros(path: Path) -> Map:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise DataError("This is not YAML.", where=path, fix="Give the .yaml file that map_saver wrote.") from error
    if not isinstance(said, dict):
        raise DataError("This is not a map_server file.", where=path, fix=f"It must say: {', '.join(_REQUIRED)}.")
    unknown, missing = sorted(map(str, set(said) - _KNOWN)), [name for name in _REQUIRED if name not in said]
    if unknown:
        raise DataError(f"Unknown key: {', '.join(unknown)}.", where=path, fix=f"Known are: {sorted(_KNOWN)}.")
    if missing:
        raise DataError(f"Missing key: {', '.join(missing)}.", where=path, fix="Add it as map_server documents it.")
    if said.get("mode", "trinary") not in ("trinary", "scale"):
        raise DataError(f"Mode '{said['mode']}' is not read.", where=path, fix="Use trinary or scale.")
    resolution, origin = _number(said, "resolution", path), said["origin"]
    if not (isinstance(origin, list) and len(origin) == 3 and all(map(_is_place, origin))):
        raise DataError("The origin is not [x, y, yaw].", where=path, fix="Give three numbers.")
    shade = _picture(path.parent / str(said["image"]))
    occupancy = shade if said.get("negate", 0) else 1 - shade
    # what is neither surely occupied nor surely free is unknown, and a robot has no business there
    free = occupancy < _number(said, "free_thresh", path, 0.25)
    x, y, yaw = (float(value) for value in origin)
    return from_grid(path.stem.removesuffix(".map"), ~free, resolution, origin=(x, y, yaw))


def _number(said: dict[str, Any], name: str, path: Path, default: float | None = None) -> float:
    value = said.get(name, default)
    if not _is_place(value):
        raise DataError(f"{name} is {value!r}, not a number.", where=path, fix="Give a number.")
    return float(value)


def _is_place(value: Any) -> bool:
    """Whether it is a number that can be a length in metres or an angle."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e6 < value < 1e6


def _picture(path: Path) -> np.ndarray:
    """Brightness in [0, 1], rows going up; what is transparent is white."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MAX_CELLS:
                raise DataError(f"The picture has more than {_MAX_CELLS:,} pixels.", where=path, fix="Scale it down.")
            if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
                layered = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered)
            return np.flipud(np.asarray(picture.convert("L"), np.float32) / 255.0)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError("The picture of the map cannot be read.", where=path, fix="Give a PNG or PGM file.") from error


def _read_moving_ai(path: Path, resolution: float) -> Map:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    try:
        start = lines.index("map")
        said = dict(line.split() for line in lines[:start])
        height, width = int(said["height"]), int(said["width"])
        if min(height, width) < 1 or height * width > _MAX_CELLS:
            raise ValueError(f"a map of {height} by {width} cells")
    except ValueError as error:
        raise DataError("This is not a MovingAI map.", where=path, fix="It has type, height, width and map.") from error
    except KeyError as error:
        raise DataError(f"The header lacks {error}.", where=path, fix="It has type, height, width and map.") from error
    rows = lines[start + 1 : start + 1 + height]
    if len(rows) < height or any(len(row) < width for row in rows):
        raise DataError(f"The map is smaller than {height} by {width}.", where=path, fix="Copy the file again.")
    occupied = np.array([[cell not in _MOVING_AI_FREE for cell in row[:width]] for row in rows])
    return from_grid(path.stem, np.flipud(occupied), resolution)


def _read_mrpt(path: Path) -> Map:
    """An MRPT occupancy grid: class name, version, bits, size, extent, then the log-odds of being free."""
    raw = path.read_bytes()
    try:
        content = unpack(raw, "gzip", 4 * _MAX_CELLS) if raw[:2] == b"\x1f\x8b" else raw
        length = content[0] & 0x7F
        name, rest = content[1 : 1 + length], content[1 + length :]
        if not name.endswith(b"COccupancyGridMap2D"):
            raise DataError("This is not an MRPT occupancy grid.", where=path, fix="Save a COccupancyGridMap2D.")
        bits = rest[1]
        columns, rows, left, _, bottom, _, cell = struct.unpack_from("<IIfffff", rest, 2)
        if not (0 < rows * columns <= _MAX_CELLS and _is_place(left) and _is_place(bottom)):
            raise ValueError(f"a map of {rows} by {columns} cells")
        kind = {8: "<i1", 16: "<i2"}[bits]
        odds = np.frombuffer(rest, kind, columns * rows, 2 + struct.calcsize("<IIfffff")).reshape(rows, columns)
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise DataError("The file is cut or of another version.", where=path, fix="Save the grid again.") from error
    return from_grid(path.name.split(".gridmap")[0], _not_free(odds), float(cell), origin=(left, bottom, 0.0))


def _not_free(odds: np.ndarray) -> Bool[np.ndarray, "rows columns"]:
    """Cells that are not surely free; 0 is unknown."""
    return odds <= 0
