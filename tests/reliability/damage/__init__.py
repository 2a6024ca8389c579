"""Damages a file or a folder in a way that a plan describes, so that any case can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hypothesis import strategies as st

from reliability.damage import arrays, containers, values
from reliability.damage.plain import Choice, bytes_damaged, json_damaged, lines_damaged, table_damaged

__all__ = ["Damage", "apply", "from_json", "plans", "to_json"]

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
_TEXTS = {".csv", ".tsv", ".txt", ".md", ".yaml", ".yml", ".map", ".html", ".warc", ".xml", ".ascii", ".names", ".item"}


@dataclass(frozen=True)
class Damage:
    """One thing that happens to a sample.

    Attributes:
        folder: whether to the folder (files missing, linked, swapped), not to what is in a file.
        file: which file, counted round.
        choice: what happens, and where.
        sealed: whether the checksums of an artifact are made to fit afterwards, so that the inner readers are reached.
    """

    folder: bool
    file: int
    choice: Choice
    sealed: bool


_CHOICES = st.builds(
    Choice,
    how=st.integers(0, 20_000),
    at=st.floats(0, 1, exclude_max=True),
    size=st.integers(0, 100_000),
    value=st.integers(0, 1000),
)
_DAMAGES = st.builds(
    Damage,
    folder=st.sampled_from([False] * 6 + [True]),
    file=st.integers(0, 1000),
    choice=_CHOICES,
    sealed=st.sampled_from([True, True, False]),
)


def plans() -> st.SearchStrategy[tuple[Damage, ...]]:
    """One thing that goes wrong, seldom two or three."""
    return st.one_of(st.tuples(_DAMAGES), st.tuples(_DAMAGES), st.tuples(_DAMAGES, _DAMAGES)).map(tuple)


_LARGE = 2**24  # what a bomb unpacks to is not taken apart once more


def to_json(plan: Sequence[Damage]) -> str:
    """A plan as one line."""
    return json.dumps([asdict(damage) for damage in plan])


def from_json(line: str) -> tuple[Damage, ...]:
    """The plan of a line."""
    return tuple(Damage(**{**row, "choice": Choice(**row["choice"])}) for row in json.loads(line))


def apply(plan: Sequence[Damage], sample: Path, outside: Path) -> None:
    """Damages a file or folder in place.

    Args:
        plan: what happens.
        sample: the file or folder.
        outside: a file beside it, which links may lead to.
    """
    for damage in plan:
        files = _files(sample)
        if not files:
            return
        path = files[damage.file % len(files)]
        if damage.folder:
            _damage_folder(sample, path, files, damage.choice, outside)
        else:
            data = path.read_bytes()
            path.write_bytes(_damaged(data, damage.choice, path.name))
        if damage.sealed and sample.is_dir():
            _seal(sample)


def _files(sample: Path) -> list[Path]:
    if sample.is_file() and not sample.is_symlink():
        return [sample]
    return sorted(path for path in sample.rglob("*") if path.is_file() and not path.is_symlink())


def _damaged(data: bytes, choice: Choice, name: str) -> bytes:
    """Damage that fits the kind of a file; one time in six it is blind."""
    if len(data) > _LARGE or (choice.value % 6 == 5 and not name.endswith((".json", ".yaml"))):
        return bytes_damaged(data, choice)
    suffix = Path(name).suffix.lower()
    if suffix in {".jsonl", ".ndjson"}:
        return lines_damaged(data, choice)
    if name.endswith((".tar", ".tar.gz", ".tgz")):
        return containers.tar_damaged(data, choice, lambda d, c, n: _damaged(d, c, n))
    if suffix in {".gz", ".simplemap"} and data[:2] == b"\x1f\x8b":
        return containers.gzip_damaged(data, choice, lambda d, c: _damaged(d, c, name.removesuffix(".gz")))
    if suffix == ".bz2":
        return containers.bz2_damaged(data, choice, lambda d, c: _damaged(d, c, name.removesuffix(".bz2")))
    if suffix == ".zip":
        return containers.zip_damaged(data, choice, lambda d, c, n: _damaged(d, c, n))
    if suffix in _PICTURES:
        return containers.picture_damaged(data, choice, suffix)
    by_suffix = {
        ".json": json_damaged,
        ".npy": arrays.npy_damaged,
        ".npz": arrays.npz_damaged,
        ".safetensors": arrays.safetensors_damaged,
        ".parquet": arrays.parquet_damaged,
        ".sqlite": containers.sqlite_damaged,
        ".db3": containers.sqlite_damaged,
        **dict.fromkeys(_TEXTS, table_damaged),
    }
    return by_suffix.get(suffix, bytes_damaged)(data, choice)


def _damage_folder(sample: Path, path: Path, files: list[Path], choice: Choice, outside: Path) -> None:
    other = files[choice.size % len(files)]
    way = choice.how % 11
    if way == 0:
        path.unlink()
    elif way == 1:
        path.write_bytes(b"")
    elif way == 2:
        path.unlink()
        path.mkdir()
    elif way in (3, 4, 5, 6):
        target = (outside, Path("nowhere"), path, path.parent)[way - 3]
        path.unlink()
        path.symlink_to(target)
    elif way == 7:
        content, swapped = path.read_bytes(), other.read_bytes()
        path.write_bytes(swapped)
        other.write_bytes(content)
    elif way == 8:
        name = choice.of([name for name in values.NAMES if "/" not in name and "\0" not in name and len(name) < 250])
        if name not in {".", ".."}:
            (path.parent / f"{name}{path.suffix}").write_bytes(other.read_bytes())
    elif way == 9:
        path.rename(path.with_name(os.fsdecode(b"\xff\xfe") + path.suffix))  # a name that is no UTF-8
    elif sample.is_dir() and path.parent != sample:
        shutil.rmtree(path.parent)
    else:
        path.write_bytes(path.read_bytes() * 2)


def _seal(folder: Path) -> None:
    """Makes the checksums of all artifacts in a folder fit what their files hold now."""
    for path in folder.rglob("config.json"):
        try:
            told = json.loads(path.read_bytes())
            for name in list(told["files"]):
                content = (path.parent / name).read_bytes()
                told["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            path.write_text(json.dumps(told))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
