"""Pairs from web pages: the alt text of an image, and the image from disk, from the archive, or over HTTP."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from nonet.align.alttext.extract import Mention
from nonet.align.alttext.fetch import Manners
from nonet.align.alttext.fetchers import Fetchers
from nonet.align.alttext.guard import leads_to_private
from nonet.align.alttext.pages import (
    Page,
    crawl,
    disk_pages,
    is_list,
    is_warc,
    listed_pages,
    warc_pages,
)
from nonet.align.pictures import Limits
from nonet.align.sources.finder import Finder
from nonet.align.sources.found import Picture
from nonet.align.splits import Shares
from nonet.align.writing import Pair, PairsWriter, Tally, prepare_folder, write_pairs
from nonet.foundation import console
from nonet.foundation.errors import UsageError

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
        finder = Finder(source, out, fetchers, config.limits)
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


def _with_pictures(spool: TextIO, finder: Finder) -> Iterator[tuple[Mention, Picture | str]]:
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
