"""Where a picture of a page may be found: addresses resolved, ``srcset`` read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urldefrag, urljoin, urlsplit

__all__ = ["Candidate", "best_first", "read_srcset", "resolve"]

_WIDE_ENOUGH = 1600  # wider candidates cost time and show no more to an encoder of a few hundred pixels
_MAX_LENGTH = 4096
# A path of common characters. Most addresses are written so; resolving them by the general rules would take longer than
# parsing the page.
_PLAIN_PATH = r"/[!$-;=?-Z_a-z~%]{0,3000}"
_PLAIN_HOST = r"//[a-z0-9-]+(?:\.[a-z0-9-]+)+"
_PLAIN = re.compile(f"((?:https?:)?{_PLAIN_HOST})?({_PLAIN_PATH})")
_PLAIN_ORIGIN = re.compile(f"(https?:){_PLAIN_HOST}(?=/)")

# a set whose addresses hold no commas and whose descriptors are widths or densities, as nearly all are written
_SIZE = r"(?:\d{1,6}w|\d{1,3}(?:\.\d{1,4})?x)"
_PLAIN_SET = re.compile(rf"(?:[^\s,]+ +{_SIZE}\s*,\s*)*[^\s,]+ +{_SIZE}\s*")
_ENTRY = re.compile(r"([^\s,]+) +(?:(\d{1,6})w|([\d.]+)x)")
_WIDTH = re.compile(r"(?<!\S)(\d{1,6})w(?!\S)")
_DENSITY = re.compile(r"(?<!\S)(\d{1,3}(?:\.\d{1,4})?)x(?!\S)")


@dataclass(frozen=True)
class Candidate:
    """One entry of a ``srcset``.

    Attributes:
        address: as written.
        width: from a ``640w`` descriptor, or None.
        density: from a ``2x`` descriptor; 1 if there is none.
    """

    address: str
    width: int | None = None
    density: float = 1.0


def read_srcset(value: str) -> list[Candidate]:
    """The candidates in a ``srcset``, which divides by commas although addresses may hold commas too.

    Follows the HTML standard's "parse a srcset attribute": an address ends at white space, or at a comma that ends it.
    """
    rest = value[:100_000]
    if _PLAIN_SET.fullmatch(rest):
        entries = _ENTRY.findall(rest)
        return [Candidate(address, int(wide) if wide else None, float(dense or 1)) for address, wide, dense in entries]
    found = []
    while rest := rest.lstrip(" \t\n\f\r,"):
        match = re.match(r"\S+", rest)
        address = match.group() if match else ""
        rest = rest[len(address) :]
        if address.endswith(","):
            found.append(Candidate(address.rstrip(",")))
            continue
        descriptor, _, rest = _until_comma(rest)
        found.append(_described(address, descriptor))
    return found


def _until_comma(text: str) -> tuple[str, str, str]:
    """Splits at the first comma outside parentheses."""
    depth = 0
    for place, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            return text[:place], ",", text[place + 1 :]
    return text, "", ""


def _described(address: str, descriptor: str) -> Candidate:
    width, density = _WIDTH.search(descriptor), _DENSITY.search(descriptor)
    return Candidate(address, int(width.group(1)) if width else None, float(density.group(1)) if density else 1.0)


def best_first(candidates: list[Candidate]) -> list[str]:
    """Addresses in the order in which to try them: the largest up to 1,600 pixels wide first, then the others.

    Where widths are not stated the densest comes first.
    """

    def rank(candidate: Candidate) -> tuple[int, float]:
        if candidate.width is None:
            return 1, -candidate.density
        if candidate.width <= _WIDE_ENOUGH:
            return 0, -candidate.width
        return 2, candidate.width

    return [candidate.address for candidate in sorted(candidates, key=rank)]


def resolve(base: str, address: str) -> str | None:
    """An address of a page as an absolute one, without fragment.

    Args:
        base: the page's address, or that of its ``<base>``.
        address: as written.
    Returns:
        An ``http``, ``https``, ``file`` or ``data`` address, or None if it is none of these or makes no sense.
    """
    if (plain := _PLAIN.fullmatch(address)) and (joined := _joined(base, plain)):
        return joined
    written = address.strip(" \t\n\f\r\0")
    if written[:5].lower() == "data:":
        return written
    written = re.sub(r"[\t\n\r]", "", written)  # browsers drop them inside addresses
    if not written or len(written) > _MAX_LENGTH:
        return None
    try:
        absolute = urldefrag(urljoin(base, written.replace("\\", "/"))).url
        parts = urlsplit(absolute)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    if parts.scheme in {"http", "https"}:
        return absolute.replace(" ", "%20") if parts.hostname else None
    return absolute if parts.scheme == "file" else None


def _joined(base: str, plain: re.Match[str]) -> str | None:
    """A plain address with what it leaves out; None if the base is none of the common kind."""
    host, path = plain.groups()
    if "//" in path or "/." in path:  # an empty segment or one of dots: something to resolve
        return None
    if host and not host.startswith("//"):
        return plain.group()
    scheme, origin = _origin(base)
    return (scheme if host else origin) + plain.group() if origin else None


@lru_cache(maxsize=16)
def _origin(base: str) -> tuple[str, str]:
    """Scheme and host of a base of the common kind; empty if it is another."""
    origin = _PLAIN_ORIGIN.match(base)
    return (origin.group(1), origin.group()) if origin else ("", "")
