"""Finding the pictures that pages mention: on disk, in the archive, in the page itself, or over HTTP."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from nonet.align.alttext.extract import Mention
from nonet.align.alttext.fetch import Fetched, RefusedError
from nonet.align.alttext.fetchers import Fetchers
from nonet.align.alttext.pages import file_of, is_warc, plain_address, warc_files
from nonet.align.pictures import Facts, Limits, inspect_picture
from nonet.align.sources.found import Found, Picture
from nonet.foundation import console
from nonet.foundation.errors import DataError

__all__ = ["Finder"]


class Finder:
    """Finds the pictures of mentions, each address once.

    Args:
        source: the folder, file, archive, list or site.
        out: the pairs folder; what is not a file already is stored in its ``images/``.
        fetchers: ask the web, or None where it must not be asked.
        limits: what a picture may be.
    """

    def __init__(self, source: str, out: Path, fetchers: Fetchers | None, limits: Limits) -> None:
        path = Path(source)
        self._archive = path if is_warc(path) and path.is_file() else None
        self._root = (path if path.is_dir() else path.parent).resolve()
        self._out, self._fetchers, self._limits = out, fetchers, limits
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
