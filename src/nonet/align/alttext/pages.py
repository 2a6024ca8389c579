"""Where pages come from: files on disk, WARC archives, and sites."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from nonet.align.alttext.extract import Extracted, extract
from nonet.align.alttext.fetch import RefusedError
from nonet.align.alttext.fetchers import Fetchers
from nonet.foundation.errors import DataError

__all__ = [
    "MAX_PAGE_BYTES",
    "Page",
    "crawl",
    "disk_pages",
    "file_of",
    "is_list",
    "is_warc",
    "listed_pages",
    "plain_address",
    "warc_files",
    "warc_pages",
]

MAX_PAGE_BYTES = 16 * 2**20
_WINDOW = 500  # pages of a list asked for together
_SUFFIXES = {".html", ".htm", ".xhtml", ".shtml"}
_TYPES = {"text/html", "application/xhtml+xml"}

Skip = Callable[[str, str], None]
"""Called with a reason and a place for each page that is left out."""


@dataclass(frozen=True)
class Page:
    """A page as it came.

    Attributes:
        url: its address; ``file:`` for a file on disk.
        html: its bytes.
        charset: what the server said of the encoding, if anything.
    """

    url: str
    html: bytes
    charset: str | None = None

    def read(self, *, links: bool = False) -> Extracted:
        """The images of the page, and its links if they are asked for."""
        return extract(self.html, self.url, self.charset, links=links)


def is_warc(path: Path) -> bool:
    """Whether the file is named as a WARC archive."""
    return path.name.lower().endswith((".warc", ".warc.gz", ".warc.zst", ".warc.lz4"))


def disk_pages(source: Path, skip: Skip) -> Iterator[Page]:
    """The pages of a folder, with all folders in it, or one file.

    Args:
        source: a folder or an HTML file.
        skip: told of pages that are left out.
    Raises:
        DataError: if there is no such folder or file, or it holds no pages.
    """
    if not source.exists():
        raise DataError("There is no such folder or file.", where=source, fix="Check the spelling of the path.")
    paths = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.suffix.lower() in _SUFFIXES)
    if not paths:
        raise DataError("The folder holds no pages.", where=source, fix=f"Pages end in {', '.join(sorted(_SUFFIXES))}.")
    for path in paths:
        try:
            with path.open("rb") as file:
                html = file.read(MAX_PAGE_BYTES + 1)
        except OSError as error:
            skip(f"a page that cannot be read ({error.strerror})", str(path))
            continue
        if len(html) > MAX_PAGE_BYTES:
            skip("a page that is too large", str(path))
        else:
            yield Page(path.resolve().as_uri(), html)


def file_of(url: str, root: Path) -> Path | None:
    """The file of a ``file:`` address, if it lies below ``root``.

    Pages of a site that was saved to disk write ``/img/cat.png`` for what lies at ``root/img/cat.png``.
    """
    try:
        path = Path(url2pathname(urlsplit(url).path))
        for candidate in (path, root / path.relative_to(path.anchor)):
            actual = candidate.resolve()
            if actual.is_relative_to(root) and actual.is_file():
                return actual
    except (OSError, ValueError):  # a name that no file can have
        pass
    return None


def warc_pages(archive: Path, skip: Skip) -> Iterator[Page]:
    """The HTML pages in a WARC archive; one that breaks off in the middle gives what is before the break."""
    for url, kind, charset, data in _records(archive, skip, lambda kind: kind in _TYPES, MAX_PAGE_BYTES):
        if kind:
            yield Page(url, data, charset)


def warc_files(archive: Path, wanted: Callable[[str], bool], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Address (without its scheme) and content of the files in a WARC archive that are wanted.

    Args:
        archive: a ``.warc`` file, plain or compressed.
        wanted: tells whether an address, without its scheme, is wanted; https and http are not told apart.
        max_bytes: longer files are cut there, and are then no whole pictures.
    """
    for url, _, _, data in _records(archive, lambda *_: None, lambda kind: kind not in _TYPES, max_bytes):
        if wanted(plain := plain_address(url)):
            yield plain, data


def _records(
    archive: Path, skip: Skip, is_meant: Callable[[str], bool], max_bytes: int
) -> Iterator[tuple[str, str, str | None, bytes]]:
    """Address, media type, encoding and content of the successful responses in an archive."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    kinds = WarcRecordType.response | WarcRecordType.resource
    with archive.open("rb") as file:
        records = iter(ArchiveIterator(file, record_types=kinds, parse_http=True, auto_decode="all"))
        while True:
            try:
                record = next(records)
                url = (record.headers.get("WARC-Target-URI") or "").strip("<>")
                http = record.http_headers
                media = (record.http_content_type or record.headers.get("Content-Type") or "").partition(";")[0]
                if (http is not None and http.status_code != 200) or not is_meant(media.strip().lower()):
                    continue
                data = record.reader.read(max_bytes)
                yield url, media, record.http_charset, data
            except StopIteration:
                return
            except (OSError, ValueError, EOFError) as error:
                skip("a WARC archive that breaks off or is damaged", f"{archive}: {error}")
                return


def plain_address(url: str) -> str:
    """An address without its scheme and fragment, unquoted."""
    return unquote(url.partition("#")[0]).removeprefix("https://").removeprefix("http://")


def is_list(path: Path) -> bool:
    """Whether the file is named as a list of addresses."""
    return path.suffix.lower() in {".txt", ".urls", ".lst"} and path.is_file()


def listed_pages(file: Path, fetchers: Fetchers, skip: Skip) -> Iterator[Page]:
    """The pages whose addresses a text file lists, one a line, several hosts at once.

    Args:
        file: UTF-8; empty lines and those that begin with # are passed over.
        fetchers: asks for them.
        skip: told of pages that are left out.
    """
    with file.open(encoding="utf-8", errors="replace") as lines:
        waiting = (line.strip() for line in lines)
        addresses = (line for line in waiting if line and line[0] != "#")
        while window := list(islice(addresses, _WINDOW)):
            web = [url for url in window if url.startswith(("http://", "https://"))]
            for url in window:
                if url not in web:
                    skip("a line that is no web address", url[:200])
            for url, got in fetchers.get_many(web, MAX_PAGE_BYTES):
                if isinstance(got, RefusedError):
                    skip(f"a page: {got}", url)
                elif got.type not in _TYPES:
                    skip("an address that holds no page", url)
                elif {"noai", "noimageai"} & got.refuses:
                    skip("a page that refuses machine learning (noai)", url)
                else:
                    yield Page(got.url, got.data, got.charset)


def crawl(start: str, fetcher: Fetchers, max_pages: int, skip: Skip) -> Iterator[Page]:
    """The pages of a site, breadth first from one page, that lie on the same host.

    Args:
        start: an ``http`` or ``https`` address.
        fetcher: asks for them.
        max_pages: how many pages are asked for.
        skip: told of pages that are left out.
    """
    host = urlsplit(start).netloc.lower()
    waiting, known = deque([start]), {start}
    asked = 0
    while waiting and asked < max_pages:
        url = waiting.popleft()
        asked += 1
        try:
            got = fetcher.get(url, MAX_PAGE_BYTES)
        except RefusedError as reason:
            skip(f"a page: {reason}", url)
            continue
        if got.type not in _TYPES:
            asked -= 1  # a link to a picture or a document is no page
            continue
        if urlsplit(got.url).netloc.lower() != host and url != start:
            skip("a page that is redirected to another host", url)
            continue
        host = urlsplit(got.url).netloc.lower()  # the start may be redirected, say to www
        page = Page(got.url, got.data, got.charset)
        read = page.read(links=True)
        if "noai" in got.refuses | read.refuses or "noimageai" in got.refuses | read.refuses:
            skip("a page that refuses machine learning (noai)", url)
        else:
            yield page
        for link in read.links() if "nofollow" not in got.refuses | read.refuses else ():
            if urlsplit(link).netloc.lower() == host and link not in known and link.startswith("http"):
                known.add(link)
                waiting.append(link)
