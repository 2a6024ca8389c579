"""Shards: pairs in tar files, in the layout that WebDataset, img2dataset and open_clip read and write.

A sample is the files of one key: ``000012.jpg`` (the picture), ``000012.txt`` (a text) and ``000012.json`` (all texts,
the checksum, the concept). Beside each tar stands its table of contents, so that a sample is read where it lies: a
training taken up in the middle of an epoch goes on with the very sample that was due, and reads nothing again.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from nonet.align.data import SPLITS, Pairs
from nonet.align.pictures import PICTURE_SUFFIXES
from nonet.foundation import console
from nonet.foundation.arrays import read_array
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_write, replace_file
from nonet.foundation.reading import parse_json

__all__ = ["Sample", "ShardTexts", "Shards", "is_shards", "write_shards"]

_LISTING, _FORMAT = "shards.json", 1
_WINDOW = 10_000  # samples among which an epoch's order is mixed, beside the order of the shards
_OPEN = 64  # files held open
_FAR = 2**62  # behind the end of any file
_MAX_BYTES = 256 * 2**20  # of one member


@dataclass(frozen=True)
class Sample:
    """A picture and its texts as they lie in a shard.

    Attributes:
        picture: the bytes of its file.
        texts: its texts, at least one.
        key: where it is, for messages.
        sha256: of the picture's bytes, hexadecimal, or None where the shard does not say.
    """

    picture: bytes
    texts: tuple[str, ...]
    key: str
    sha256: str | None = None


def is_shards(path: Path) -> bool:
    """Whether a folder holds shards rather than a table of pairs."""
    return path.is_dir() and ((path / _LISTING).is_file() or any(path.glob("*.tar")))


def write_shards(pairs: Pairs, out: Path, *, size: int = 1000, seed: int = 0) -> dict[str, int]:
    """Writes pairs as shards, a sample a picture, each split in shards of its own.

    Args:
        pairs: of all splits.
        out: a new or empty folder, or one that an interrupted call has begun; whole shards are not written again.
        size: samples a shard.
        seed: decides which samples share a shard.
    Returns:
        The number of samples of each split.
    Raises:
        UsageError: if the folder holds other things, or `size` is below 1.
    """
    if size < 1:
        raise UsageError(f"A shard of {size} samples holds nothing.", where="--size", fix="Choose 1 or more.")
    foreign = [
        path.name for path in out.glob("*") if path.suffix not in {".tar", ".npy", ".json"} and path.name[0] != "."
    ]
    if foreign:
        raise UsageError("The folder holds other things.", where=out / foreign[0], fix="Name a new folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    texts: list[list[str]] = [[] for _ in pairs.images]
    for text, image in zip(pairs.texts, pairs.image_of.tolist(), strict=True):
        texts[image].append(text)
    plan = []
    for split in SPLITS:
        rows = np.array([row for row, named in enumerate(pairs.splits) if named == split], np.int64)
        rows = np.random.default_rng(seed).permutation(rows)
        plan += [(f"{split}-{n:06d}.tar", rows[s : s + size]) for n, s in enumerate(range(0, len(rows), size))]
    for name, rows in console.track(plan, "Writing shards"):
        if not _contents(out / name).is_file():
            _write_shard(
                out / name, [(pairs.images[row], texts[row], pairs.digests[row], pairs.concepts[row]) for row in rows]
            )
    listing = {"format": _FORMAT, "name": pairs.name, "seed": seed, "size": size, "fingerprint": pairs.fingerprint}
    replace_file(out / _LISTING, json.dumps(listing, indent=2) + "\n")
    return {split: pairs.splits.count(split) for split in SPLITS}


class Shards:
    """Samples of some tar files, read where they lie; safe to share with worker processes.

    Args:
        paths: tar files.
    Raises:
        DataError: if there are none, or one cannot be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        if not paths:
            raise DataError("There are no shards here.", fix="Make some: nonet align shards pairs/ --out shards/")
        self.paths = list(paths)
        counts = [len(_table(path)) for path in console.track(self.paths, "Reading tables of contents")]
        self.first = np.concatenate([[0], np.cumsum(counts)])
        self._tables: OrderedDict[int, np.ndarray] = OrderedDict()
        self._files: OrderedDict[tuple[int, int], int] = OrderedDict()

    @classmethod
    def open(cls, folder: Path, split: str | None = None) -> Shards:
        """The shards of a folder.

        Args:
            folder: with tar files of ours or of other tools.
            split: only the shards named for it; a folder of another tool is all for training.
        """
        paths = sorted(folder.glob("*.tar"))
        if split is not None and (folder / _LISTING).is_file():
            paths = [path for path in paths if path.name.startswith(f"{split}-")]
        elif split not in (None, "train"):
            paths = []
        return cls(paths)

    def __len__(self) -> int:
        return int(self.first[-1])

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: those are of one process."""
        return {**self.__dict__, "_files": OrderedDict(), "_tables": OrderedDict()}

    def epoch_order(self, seed: int, epoch: int) -> Int[np.ndarray, "samples"]:
        """The order of an epoch: the shards shuffled, then each sample moved by less than 10,000 places.

        As a shuffle buffer gives it, but a function of (seed, epoch): any place of it is known without reading what
        comes before. Neighbours lie in few shards, so disks read forward.
        """
        rng = np.random.default_rng([seed, epoch, len(self)])
        runs = [
            np.arange(int(self.first[shard]), int(self.first[shard + 1])) for shard in rng.permutation(len(self.paths))
        ]
        order = np.concatenate(runs)
        return order[np.argsort(np.arange(len(order)) + rng.uniform(0, _WINDOW, len(order)), kind="stable")]

    def read(self, number: int) -> Sample:
        """A sample by its number.

        Raises:
            DataError: if it is damaged, or has no picture or no text.
        """
        shard = int(np.searchsorted(self.first, number, side="right")) - 1
        row = self._table(shard)[number - self.first[shard]]
        key = f"{self.paths[shard].name}: sample {number - self.first[shard]}"
        parts = [self._bytes(shard, int(start), int(size)) for start, size in row.reshape(3, 2)]
        return _sample(parts[0], parts[1], parts[2], key)

    def __iter__(self) -> Iterator[Sample]:
        return map(self.read, range(len(self)))

    def _table(self, shard: int) -> np.ndarray:
        return _held(self._tables, shard, lambda: _table(self.paths[shard]))

    def _bytes(self, shard: int, start: int, size: int) -> bytes:
        if size > _MAX_BYTES:
            return b""
        # a file opened before a fork shares nothing that matters, since every read names its place
        file = _held(self._files, (os.getpid(), shard), lambda: os.open(self.paths[shard], os.O_RDONLY), os.close)
        return os.pread(file, size, min(start, _FAR))


class ShardTexts:
    """All texts of some shards, read again at each pass; samples without a text are passed over."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._shards)):
            try:
                yield from self._shards.read(number).texts
            except DataError:
                continue


def _held(cache: OrderedDict, key: Any, make: Any, drop: Any = lambda value: None) -> Any:
    if key not in cache:
        cache[key] = make()
        if len(cache) > _OPEN:
            drop(cache.popitem(last=False)[1])
    cache.move_to_end(key)
    return cache[key]


def _sample(picture: bytes, described: bytes, text: bytes, key: str) -> Sample:
    texts: tuple[str, ...] = ()
    sha256 = None
    if described:
        try:
            facts = parse_json(described)
        except ValueError as error:
            raise DataError("The description of a sample is damaged.", where=key) from error
        if isinstance(facts, dict):
            named = facts.get("texts", facts.get("caption"))
            texts = tuple(str(t) for t in (named if isinstance(named, list) else [named]) if t)
            sha256 = facts.get("sha256") if isinstance(facts.get("sha256"), str) else None
    if not texts and text.strip():
        texts = (text.decode("utf-8", "replace").strip(),)
    if not picture or not texts:
        raise DataError("A sample has no picture or no text.", where=key)
    return Sample(picture, texts, key, sha256)


def _contents(tar: Path) -> Path:
    return tar.with_suffix(".npy")


def _write_shard(path: Path, samples: Sequence[tuple[Path, list[str], str, str]]) -> None:
    with atomic_write(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, (image, texts, digest, concept) in enumerate(samples):
            facts = {"texts": texts, "sha256": digest, "concept": concept}
            members = {image.suffix.lower(): image.read_bytes(), ".txt": texts[0].encode()}
            for suffix, content in (members | {".json": json.dumps(facts, ensure_ascii=False).encode()}).items():
                entry = tarfile.TarInfo(f"{number:06d}{suffix}")  # its time stays 0: equal samples, equal bytes
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    _table(path)


def _table(tar: Path) -> Int[np.ndarray, "samples 6"]:
    """Start and size of each sample's picture, description and text, from beside the shard or read from it.

    A shard that breaks off gives what is before the break.
    """
    kept = _contents(tar)
    if kept.is_file() and kept.stat().st_mtime_ns >= tar.stat().st_mtime_ns:
        try:
            table = read_array(kept, mapped=True)
            if table.ndim == 2 and table.shape[1] == 6 and table.dtype == np.int64 and (table >= 0).all():
                return table
        except (ValueError, OSError):
            pass  # damaged: made again
    samples: dict[str, list[int]] = {}
    try:
        with tarfile.open(tar, "r:") as opened:
            for member in opened:
                stem, _, suffix = member.name.partition(".")
                column = _column("." + suffix.lower())
                if member.isfile() and column is not None:
                    samples.setdefault(stem, [0] * 6)[column : column + 2] = [member.offset_data, member.size]
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        if not samples:
            raise DataError(f"This is not a tar file ({error}).", where=tar) from error
    table = np.array(list(samples.values()), np.int64).reshape(-1, 6)
    try:
        with atomic_write(kept) as file:
            np.save(file, table)
    except OSError:
        pass  # a read-only folder: read again next time
    return table


def _column(suffix: str) -> int | None:
    if suffix in PICTURE_SUFFIXES:
        return 0
    return {".json": 2, ".txt": 4}.get(suffix)
