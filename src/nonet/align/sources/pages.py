"""Pairs from web pages: the alt text of an image, and the image from disk, from the archive, or over HTTP."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote_to_bytes, urlsplit

from nonet.align.alttext.extract import Mention
from nonet.align.alttext.fetch import Fetched, Manners, RefusedError
from nonet.align.alttext.fetchers import Fetchers
from nonet.align.alttext.guard import leads_to_private
from nonet.align.alttext.pages import (
    Page,
    crawl,
    disk_pages,
    file_of,
    is_list,
    is_warc,
    listed_pages,
    plain_address,
    warc_files,
    warc_pages,
)
from nonet.align.pictures import Facts, Limits, inspect_picture
from nonet.align.sources.found import Found, Picture
from nonet.align.splits import Shares
from nonet.align.writing import Pair, PairsWriter, Tally, prepare_folder, write_pairs
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError

__all__ = ["PagesConfig", "finding", "make_pairs"]

_WINDOW = 1000  # mentions whose pictures are fetched together

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


def make_pairs(source: str, out: Path, config: PagesConfig) -> Tally:
    """Reads the pages, finds their pictures, and writes the pairs folder.

    Pictures that an interrupted run has fetched are not fetched again.

    Args:
        source: a folder, an HTML file, a WARC file, a text file of addresses, or the address of a site.
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
    facts = {"source": "pages", "command": config.command(source, out), "notice": _NOTICE}
    with write_pairs(out, name=name or "pages", **facts) as writer, finding(source, out, config, writer.tally) as found:
        for mention, picture in found:
            _add(writer, mention, picture, config.shares)
    return writer.tally


@contextmanager
def finding(
    source: str, out: Path, config: PagesConfig, tally: Tally
) -> Iterator[Iterator[tuple[Mention, Picture | str]]]:
    """The mentions of pictures on some pages, each with its picture or the reason why it has none.

    Mentions wait on disk until all pages are read, and what is known of an address is on disk too, so memory does not
    grow with the number of pages.

    Args:
        source: a folder, an HTML file, a WARC file, a list of addresses, or the address of a site.
        out: where pictures go that are no files yet, and what an interrupted run needs.
        config: what to take.
        tally: told of pages and images that are left out.
    """
    online = source.startswith(("http://", "https://")) or is_list(Path(source))
    with ExitStack() as stack:
        fetchers = stack.enter_context(_fetchers(source, config)) if online or config.fetch else None
        spool = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", dir=out))
        for mention in _usable(console.track(_pages(source, fetchers, config, tally), "Reading pages"), tally):
            spool.write(json.dumps(asdict(mention)) + "\n")
        finder = _Finder(source, out, fetchers, config)
        finder.look_in_archive(_mentions(spool))
        try:
            yield _with_pictures(spool, finder)
        except BaseException:
            finder.close(forget=False)
            raise
        finder.close(forget=True)


def _mentions(spool: TextIO) -> Iterator[Mention]:
    spool.seek(0)
    for line in spool:
        row = json.loads(line)
        yield Mention(**{**row, "addresses": tuple(row["addresses"])})


def _with_pictures(spool: TextIO, finder: _Finder) -> Iterator[tuple[Mention, Picture | str]]:
    mentions = iter(console.track(_mentions(spool), "Finding pictures"))
    while window := list(islice(mentions, _WINDOW)):
        finder.fetch([mention.addresses for mention in window])
        for mention in window:
            yield mention, finder.find(mention.addresses)


def _fetchers(source: str, config: PagesConfig) -> Fetchers:
    host = (urlsplit(source).hostname or "").lower()
    own = frozenset({host}) if source.startswith("http") and leads_to_private(host) else frozenset()
    return Fetchers(config.manners, None if config.allow_private else own)


def _pages(source: str, fetchers: Fetchers | None, config: PagesConfig, tally: Tally) -> Iterator[Page]:
    if source.startswith(("http://", "https://")):
        assert fetchers is not None  # a site always has some
        return crawl(source, fetchers, config.max_pages, tally.skip)
    if is_list(Path(source)):
        assert fetchers is not None
        return listed_pages(Path(source), fetchers, tally.skip)
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
        source: the folder, file, archive, list or site.
        out: the pairs folder; what is not a file already is stored in its ``images/``.
        fetchers: ask the web, or None where it must not be asked.
        config: limits.
    """

    def __init__(self, source: str, out: Path, fetchers: Fetchers | None, config: PagesConfig) -> None:
        path = Path(source)
        self._archive = path if is_warc(path) and path.is_file() else None
        self._root = (path if path.is_dir() else path.parent).resolve()
        self._out, self._fetchers, self._limits = out, fetchers, config.limits
        self._found = Found(out / ".found.sqlite")

    def find(self, addresses: tuple[str, ...]) -> Picture | str:
        """The picture at the first address that has one, or why the last has none."""
        found: Picture | str = "an image without an address"
        for address in addresses:
            known = self._known(address)
            if known is None:
                known = self._look(address)
                self._found.put(address, known)
            found = known
            if isinstance(found, Picture):
                break
        return found

    def fetch(self, mentions: Sequence[tuple[str, ...]]) -> None:
        """Fetches the first address of each mention that is not known, several hosts at once."""
        if self._fetchers is None:
            return
        wanted = [addresses[0] for addresses in mentions if addresses and addresses[0].startswith("http")]
        unknown = [address for address in dict.fromkeys(wanted) if self._known(address) is None]
        for address, got in self._fetchers.get_many(unknown, self._limits.max_bytes):
            self._found.put(address, self._taken(got))

    def look_in_archive(self, mentions: Iterable[Mention]) -> None:
        """Stores the pictures of the archive that are mentioned, in one pass over it."""
        if self._archive is None:
            return
        wanted = {_short(plain_address(address)) for mention in mentions for address in mention.addresses}
        files = warc_files(self._archive, lambda plain: _short(plain) in wanted, self._limits.max_bytes + 1)
        for plain, data in console.track(files, "Reading pictures"):
            self._found.put(_archived(plain), self._store(data))

    def close(self, *, forget: bool) -> None:
        """Drops what was kept for another attempt, or keeps it."""
        self._found.close(forget=forget)

    def _known(self, address: str) -> Picture | str | None:
        known = self._found.get(address)
        if known is None and self._archive is not None and address.startswith("http"):
            known = self._found.get(_archived(plain_address(address)))
        if isinstance(known, Picture) and not (self._out / known.image).is_file():
            return None  # removed since an interrupted run found it
        return known

    def _look(self, address: str) -> Picture | str:
        if address.startswith("data:"):
            data = _data_of(address, self._limits.max_bytes)
            return self._store(data) if data else "a data address that cannot be read"
        if address.startswith("file:"):
            path = file_of(address, self._root)
            return self._check(path) if path else "a picture that is not on the disk"
        if self._fetchers is None:
            return "a picture on the web (--fetch asks for it)"
        try:
            return self._taken(self._fetchers.get(address, self._limits.max_bytes))
        except RefusedError as reason:
            return self._taken(reason)

    def _taken(self, got: Fetched | RefusedError) -> Picture | str:
        if isinstance(got, RefusedError):
            return f"a picture: {got}"
        if {"noai", "noimageai"} & got.refuses:
            return "a picture that refuses machine learning (noai)"
        return self._store(got.data)

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


def _short(address: str) -> int:
    """Eight bytes for an address, so that those of a large archive fit into memory."""
    return int.from_bytes(hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _archived(plain: str) -> str:
    return f"warc:{plain}"


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
