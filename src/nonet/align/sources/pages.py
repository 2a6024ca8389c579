"""Pairs from web pages: the alt text of an image, and the image from disk, from the archive, or over HTTP."""

from __future__ import annotations

import base64
import binascii
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from nonet.align.alttext.extract import Mention
from nonet.align.alttext.fetch import Fetcher, Manners, RefusedError
from nonet.align.alttext.guard import leads_to_private
from nonet.align.alttext.pages import Page, crawl, disk_pages, file_of, is_warc, warc_files, warc_pages
from nonet.align.pictures import Facts, Limits, inspect_picture
from nonet.align.splits import Shares
from nonet.align.writing import Pair, PairsWriter, Tally, prepare_folder, write_pairs
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError

__all__ = ["PagesConfig", "make_pairs"]

_NOTICE = "The pictures and texts belong to the owners of the pages; ask them before you pass anything on."


@dataclass(frozen=True)
class PagesConfig:
    """How pages become pairs.

    Attributes:
        fetch: whether pictures that pages on disk or in an archive name on the web are fetched; those of a site are.
        max_pages: of a site, how many pages are asked for.
        allow_private: whether private addresses may be asked; that of the site itself always may.
        manners: pauses, times and counts of the network.
        shares: how the pictures are split.
        limits: what a picture may be.
    """

    fetch: bool = False
    max_pages: int = 100
    allow_private: bool = False
    manners: Manners = field(default_factory=Manners)
    shares: Shares = field(default_factory=Shares)
    limits: Limits = field(default_factory=lambda: Limits(max_bytes=20 * 2**20, max_pixels=50_000_000, min_side=16))

    def command(self, source: str, out: Path) -> str:
        """The command line that makes these pairs."""
        words = ["nonet", "align", "pairs", "pages", source, "--out", str(out), "--max-pages", str(self.max_pages)]
        words += ["--fetch"] if self.fetch else []
        words += ["--allow-private"] if self.allow_private else []
        words += ["--validation", str(self.shares.validation), "--test", str(self.shares.test)]
        return shlex.join([*words, "--seed", str(self.shares.seed)])


@dataclass(frozen=True)
class Picture:
    """A picture that was found for a mention.

    Attributes:
        image: as the table names it.
        facts: its size and hash.
    """

    image: str
    facts: Facts


def make_pairs(source: str, out: Path, config: PagesConfig) -> Tally:
    """Reads the pages, finds their pictures, and writes the pairs folder.

    Pictures that an interrupted run has fetched are not fetched again.

    Args:
        source: a folder, an HTML file, a WARC file, or the address of a site.
        out: the pairs folder.
        config: what to take.
    Returns:
        What was kept and what was left out; a row is an image element of a page.
    Raises:
        DataError: if the source is not there, or no pair is left.
        UsageError: if an option is out of range.
    """
    site = source.startswith(("http://", "https://"))
    if config.max_pages < 1:
        raise UsageError(f"{config.max_pages} pages are none.", where="--max-pages", fix="Choose 1 or more.")
    if site and not urlsplit(source).hostname:
        raise UsageError("The address names no host.", where=source, fix="For example https://example.org/")
    prepare_folder(out)
    name = urlsplit(source).hostname if site else Path(source).name
    with ExitStack() as stack:
        fetcher = stack.enter_context(_fetcher(source, config)) if site or config.fetch else None
        facts = {"source": "pages", "command": config.command(source, out), "notice": _NOTICE}
        writer = stack.enter_context(write_pairs(out, name=name or "pages", **facts))
        pages = _pages(source, fetcher, config, writer.tally)
        mentions = list(_usable(console.track(pages, "Reading pages"), writer.tally))
        finder = _Finder(source, out, fetcher, config)
        finder.look_in_archive({address for mention in mentions for address in mention.addresses})
        for mention in console.track(mentions, "Finding pictures"):
            _add(writer, mention, finder.find(mention.addresses), config.shares)
    finder.forget()
    return writer.tally


def _fetcher(source: str, config: PagesConfig) -> Fetcher:
    host = (urlsplit(source).hostname or "").lower()
    own = frozenset({host}) if source.startswith("http") and leads_to_private(host) else frozenset()
    return Fetcher(config.manners, None if config.allow_private else own)


def _pages(source: str, fetcher: Fetcher | None, config: PagesConfig, tally: Tally) -> Iterator[Page]:
    if source.startswith(("http://", "https://")):
        assert fetcher is not None  # a site always has one
        return crawl(source, fetcher, config.max_pages, tally.skip)
    if is_warc(Path(source)) and Path(source).is_file():
        return warc_pages(Path(source), tally.skip)
    return disk_pages(Path(source), tally.skip)


def _usable(pages: Iterable[Page], tally: Tally) -> Iterator[Mention]:
    """The mentions that say something of a picture that has an address."""
    for page in pages:
        read = page.read()
        if {"noai", "noimageai"} & read.refuses:
            tally.skip("a page that refuses machine learning (noai)", page.url)
            continue
        for mention in read.mentions:
            place = f"{page.url}: {mention.addresses[0][:100] if mention.addresses else '<img>'}"
            if mention.reason:
                tally.skip(mention.reason, place)
            elif not mention.addresses:
                tally.skip("an image without an address", f"{page.url}: {mention.text}")
            else:
                if mention.cut:
                    tally.change("a long text was cut", place)
                yield mention


def _add(writer: PairsWriter, mention: Mention, found: Picture | str, shares: Shares) -> None:
    if isinstance(found, str):
        writer.tally.skip(found, f"{mention.page}: {mention.addresses[0][:100]}")
        return
    writer.add(
        Pair(
            image=found.image,
            text=mention.text,
            concept=found.facts.sha256,
            split=shares.split(found.facts.sha256),
            source=mention.page,
            width=found.facts.width,
            height=found.facts.height,
            sha256=found.facts.sha256,
        )
    )


class _Finder:
    """Finds the pictures of mentions, each address once.

    Args:
        source: the folder, file, archive or site.
        out: the pairs folder; what is not a file already is stored in its ``images/``.
        fetcher: asks the web, or None where it must not be asked.
        config: limits.
    """

    def __init__(self, source: str, out: Path, fetcher: Fetcher | None, config: PagesConfig) -> None:
        path = Path(source)
        self._archive = path if is_warc(path) and path.is_file() else None
        self._root = (path if path.is_dir() else path.parent).resolve()
        self._out, self._fetcher, self._limits = out, fetcher, config.limits
        self._found: dict[str, Picture | str] = {}
        self._journal = out / ".fetched.jsonl"
        self._recall()

    def find(self, addresses: tuple[str, ...]) -> Picture | str:
        """The picture at the first address that has one, or why the last has none."""
        found: Picture | str = "an image without an address"
        for address in addresses:
            if address not in self._found:
                self._found[address] = self._look(address)
            found = self._found[address]
            if isinstance(found, Picture):
                break
        return found

    def look_in_archive(self, wanted: set[str]) -> None:
        """Stores the wanted pictures of the archive, in one pass over it."""
        if self._archive is None:
            return
        files = warc_files(self._archive, wanted, self._limits.max_bytes + 1)
        for address, data in console.track(files, "Reading pictures"):
            self._found[address] = self._store(data)

    def forget(self) -> None:
        """Drops what was kept for another attempt, now that the pairs are written."""
        self._journal.unlink(missing_ok=True)

    def _look(self, address: str) -> Picture | str:
        if address.startswith("data:"):
            data = _data_of(address, self._limits.max_bytes)
            return self._store(data) if data else "a data address that cannot be read"
        if address.startswith("file:"):
            path = file_of(address, self._root)
            return self._check(path) if path else "a picture that is not on the disk"
        if self._fetcher is None:
            return "a picture on the web (--fetch asks for it)"
        try:
            got = self._fetcher.get(address, self._limits.max_bytes)
        except RefusedError as reason:
            return f"a picture: {reason}"
        if {"noai", "noimageai"} & got.refuses:
            return "a picture that refuses machine learning (noai)"
        found = self._store(got.data)
        self._remember(address, found)
        return found

    def _check(self, path: Path) -> Picture | str:
        facts = _facts(path, self._limits)
        if isinstance(facts, str):
            return facts
        out = self._out.resolve()
        return Picture(path.relative_to(out).as_posix() if path.is_relative_to(out) else str(path), facts)

    def _store(self, data: bytes) -> Picture | str:
        facts = _facts(data, self._limits)
        if isinstance(facts, str):
            return facts
        name = f"images/{facts.sha256[:2]}/{facts.sha256[:32]}{facts.suffix}"
        path = self._out / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            try:
                part.write_bytes(data)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return Picture(name, facts)

    def _remember(self, address: str, found: Picture | str) -> None:
        if isinstance(found, Picture):
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(json.dumps([address, found.image]) + "\n")

    def _recall(self) -> None:
        """Takes up what an interrupted run has fetched."""
        if not self._journal.is_file():
            return
        for line in self._journal.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                address, image = json.loads(line)
                facts = _facts(self._out / image, self._limits)
            except (ValueError, TypeError):  # the line that was being written when the run was cut
                continue
            if isinstance(facts, Facts):
                self._found[address] = Picture(image, facts)


def _facts(source: Path | bytes, limits: Limits) -> Facts | str:
    head = source[:1000] if isinstance(source, bytes) else b""
    if re.match(rb"\s*(?:<\?xml|<svg|<!DOCTYPE svg|<!--)", head, re.IGNORECASE) or _is_svg(source):
        return "an SVG drawing"
    try:
        return inspect_picture(source, limits)
    except DataError as error:
        return re.sub(r" \(.*\)", "", error.what).rstrip(".")


def _is_svg(source: Path | bytes) -> bool:
    return isinstance(source, Path) and source.suffix.lower() in {".svg", ".svgz"}


def _data_of(address: str, max_bytes: int) -> bytes | None:
    """The content of a ``data:`` address, or None if it is none or too long."""
    head, comma, body = address[5:].partition(",")
    if not comma or len(body) > 2 * max_bytes:
        return None
    try:
        content = unquote_to_bytes(body)
        return base64.b64decode(re.sub(rb"\s", b"", content)) if head.lower().endswith(";base64") else content
    except (binascii.Error, ValueError):
        return None
