"""Candidate pairs: what the data rules are applied to, from pages, and back to pairs for a training."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa
import pyarrow.parquet as pq

from nonet.align.alttext.extract import Mention
from nonet.align.filtering.schema import CANDIDATES
from nonet.align.pictures import Limits, inspect_picture
from nonet.align.sources.found import Picture
from nonet.align.sources.pages import PagesConfig, finding
from nonet.align.splits import Shares
from nonet.align.words import clean_text
from nonet.align.writing import Pair, Tally, write_pairs
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_write

__all__ = ["PicturesOfCandidates", "candidate_rows", "make_candidates", "pairs_of_candidates"]

TABLE = "candidates.parquet"
_AT_ONCE = 4096
_NOTICE = "The pictures and texts belong to the owners of the pages; ask them before you pass anything on."


def make_candidates(source: str, out: Path, config: PagesConfig) -> Tally:
    """Writes a table of candidate pairs, ``candidates.parquet``, and beside it the pictures that are no files yet.

    Nothing is dropped that has a picture and a text, since frequencies are counted on the raw table.

    Args:
        source: a folder, an HTML file, a WARC file, a text file of addresses, or the address of a site.
        out: the folder to write; an interrupted run goes on there.
        config: what to take.
    Returns:
        What was kept and what was left out.
    Raises:
        DataError: if the source is not there, or no pair is found.
        UsageError: if the folder holds other things.
    """
    foreign = [path.name for path in out.glob("*") if path.name not in {TABLE, "images"} and path.name[0] != "."]
    if foreign:
        raise UsageError("The folder holds other things.", where=out / foreign[0], fix="Name a new folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    with (
        finding(source, out, config, tally) as found,
        atomic_write(out / TABLE) as file,
        pq.ParquetWriter(file, CANDIDATES, compression="zstd") as table,
    ):
        rows: list[dict[str, object]] = []
        for mention, picture in found:
            if isinstance(picture, str):
                tally.skip(picture, f"{mention.page}: {mention.addresses[0][:100]}")
                continue
            rows.append(_row(mention, picture))
            tally.kept += 1
            if len(rows) >= _AT_ONCE:
                table.write_table(pa.Table.from_pylist(rows, schema=CANDIDATES))
                rows.clear()
        table.write_table(pa.Table.from_pylist(rows, schema=CANDIDATES))
        if not tally.kept:
            raise DataError("No candidate pair was found.", where=source, fix="Do its pages have images with alt text?")
    return tally


def _row(mention: Mention, picture: Picture) -> dict[str, object]:
    where = Path(picture.image)
    return {
        "image": picture.facts.sha256,
        "url": where.as_uri() if where.is_absolute() else mention.addresses[0][:4096],
        "alt": mention.text,
        "width": picture.facts.width,
        "height": picture.facts.height,
        "page": mention.page,
        "language": mention.language,
    }


_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PicturesOfCandidates:
    """Where the pictures of candidates lie, by their hash.

    Attributes:
        folder: that `make_candidates` wrote.
    """

    folder: Path

    def find(self, sha256: str | None, url: str | None) -> Path | None:
        """The file of a picture, None if it is not there; pictures that were files before lie at their ``url``."""
        if not sha256 or not _SHA256.fullmatch(sha256):
            return None
        if url and url.startswith("file:"):
            path = Path(url2pathname(urlsplit(url).path))
            return path if path.is_file() else None
        return next(iter((self.folder / "images" / sha256[:2]).glob(f"{sha256[:32]}.*")), None)


def pairs_of_candidates(kept: Path, pictures: Path, out: Path, shares: Shares) -> Tally:
    """Makes a pairs folder of candidate pairs, such as the rules kept.

    Args:
        kept: a Parquet file or a folder of them.
        pictures: the folder that `make_candidates` wrote.
        out: the pairs folder; pictures stay where they are.
        shares: how the pictures are split.
    Raises:
        DataError: if a table cannot be read, or no picture is there.
    """
    home = PicturesOfCandidates(pictures.resolve())
    command = f"nonet align pairs candidates {kept} --pictures {pictures} --out {out}"
    with write_pairs(out, name=kept.resolve().name, source="candidates", command=command, notice=_NOTICE) as writer:
        for row in console.track(candidate_rows(kept), "Finding pictures"):
            place = f"{row['page']}: {row['alt']}"
            if not row["alt"]:
                writer.tally.skip("a picture without text", place)
                continue
            path = home.find(row["image"], row["url"])
            if path is None:
                writer.tally.skip("a picture that is not there", place)
                continue
            try:
                facts = inspect_picture(path, Limits())
            except DataError as error:
                writer.tally.skip(error.what, place)
                continue
            if facts.sha256 != row["image"]:
                writer.tally.skip("a picture that has changed since", place)
                continue
            text, split = clean_text(row["alt"]).text, shares.split(facts.sha256)
            writer.add(
                Pair(str(path), text, facts.sha256, split, row["page"] or "", facts.width, facts.height, facts.sha256)
            )
    return writer.tally


def candidate_rows(kept: Path) -> Iterator[dict]:
    """The rows of a table of candidate pairs, or of a folder of them, a few at a time.

    Raises:
        DataError: if there is none, or it has other columns.
    """
    paths = sorted(kept.rglob("*.parquet")) if kept.is_dir() else [kept]
    if not paths or not paths[0].is_file():
        raise DataError("There is no table of candidate pairs.", where=kept, fix="nonet align filter writes one.")
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=CANDIDATES.names):
                    yield from batch.cast(CANDIDATES).to_pylist()
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise DataError(f"This is not a table of candidate pairs ({error}).", where=path) from error
