"""Finding the pictures of a page and what the page says of them. Pure: bytes in, mentions out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import DocumentNode, ElementNode, HTMLTree

from nonet.align.alttext.addresses import best_first, read_srcset, resolve
from nonet.align.alttext.clean import read_alt

__all__ = ["Extracted", "Mention", "decode_page", "extract"]

_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-orig-file", "data-large-file", "data-image")
_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
_READ = frozenset({"src", *_SETS, *_LAZY})
_SELECTORS = {
    "base": "base[href]",
    "meta": "meta[name~=robots i][content]",
    "figure": "figure",
    "picture": "picture",
    "iframe": "iframe[srcdoc]",
    "amp-img": "amp-img",
    "input": "input[type=image]",
}
_ALWAYS = "img, html[lang]"
_KINDS = ("base", "html", "meta", "figure", "picture", "iframe")
_UNKNOWN_TYPES = re.compile(r"image/(?:svg|jxl|heic|heif|x-)", re.IGNORECASE)
_DEPTH = 3  # of pages inside pages (<iframe srcdoc>)


@dataclass(frozen=True)
class Mention:
    """An image element of a page.

    Attributes:
        page: the page's address.
        addresses: absolute addresses of the picture, the best first; empty if there is none.
        text: its alt text, or the caption of its figure; empty if neither says anything.
        reason: why the text is empty, or None.
        cut: whether the text was cut.
        language: that the page declares, such as ``en-GB``, or None.
    """

    page: str
    addresses: tuple[str, ...]
    text: str
    reason: str | None = None
    cut: bool = False
    language: str | None = None


@dataclass(frozen=True)
class Extracted:
    """What a page holds.

    Attributes:
        mentions: its images, in order.
        base: the address at which its relative addresses start.
        hrefs: the addresses of the pages that it links to, as written, each once; empty where they were not asked for.
        refuses: words of its robots directives, such as ``noindex``, ``nofollow``, ``noai``, ``noimageai``.
    """

    mentions: tuple[Mention, ...]
    base: str
    hrefs: tuple[str, ...]
    refuses: frozenset[str]

    def links(self) -> Iterator[str]:
        """Absolute addresses of the pages that it links to; resolving them takes longer than all the rest."""
        return (link for href in self.hrefs if (link := resolve(self.base, href)))


def extract(html: bytes, url: str, charset: str | None = None, *, links: bool = True) -> Extracted:
    """Reads the images of a page.

    Args:
        html: the page as served; any bytes.
        url: where it came from; relative addresses start there unless the page has a ``<base>``.
        charset: what the server said of the encoding, if anything.
        links: whether to collect the pages that it links to.
    """
    return _extract(decode_page(html, charset), url, _DEPTH, links)


def decode_page(html: bytes, charset: str | None = None) -> str:
    """The text of a page whose encoding may be misstated.

    Bytes that are valid UTF-8 with characters beyond ASCII are UTF-8, whatever is said of them; then a byte order
    mark, the server's word, the page's own word and a guess are followed, in this order.
    """
    if html[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return html.decode("utf-16", "replace")
    try:
        return html.decode("utf-8-sig") if not html.isascii() or charset is None else html.decode("ascii")
    except UnicodeDecodeError:
        pass
    stated = map_encoding_to_html5(charset, fallback_utf8=False) if charset else None
    encoding = stated or detect_encoding(html, from_html_meta=True) or "utf-8"
    try:
        return bytes_to_str(html, encoding, errors="replace")
    except (LookupError, UnicodeError):
        return html.decode("cp1252", "replace")


def _extract(text: str, url: str, depth: int, links: bool) -> Extracted:
    document = HTMLTree.parse(text).document
    if document is None:
        return Extracted((), url, (), frozenset())
    found = _by_kind(document, text)
    base = next((resolve(url, _get(element, "href") or "") for element in found["base"]), None) or url
    page = _Page(url, base, _language(found["html"]), bool(found["figure"]), bool(found["picture"]))
    mentions = [page.mention(image) for image in found["image"]]
    if depth > 0:
        for frame in found["iframe"]:
            mentions += _extract(_get(frame, "srcdoc") or "", base, depth - 1, links=False).mentions
    hrefs = _hrefs(document) if links else ()
    return Extracted(tuple(mentions), base, tuple(dict.fromkeys(hrefs)), frozenset(_directives(found["meta"])))


def _by_kind(document: DocumentNode, text: str) -> dict[str, list[ElementNode]]:
    """The elements that say something, found in one walk of the page, which looks for those alone that are written."""
    markup = text.encode("utf-8", "replace").lower()  # of bytes: lowering a text that is not ASCII takes long
    written = [selector for tag, selector in _SELECTORS.items() if f"<{tag}".encode() in markup]
    selector = ", ".join([_ALWAYS, *written])
    found: dict[str, list[ElementNode]] = {kind: [] for kind in (*_KINDS, "image")}
    for element in _all(document, selector):
        found.get(element.tag or "", found["image"]).append(element)
    return found


def _hrefs(document: DocumentNode) -> Iterator[str]:
    return (
        _get(element, "href") or _get(element, "src") or ""
        for element in _all(document, "a[href], area[href], frame[src], iframe[src]")
        if "nofollow" not in (_get(element, "rel") or "").lower()
    )


def _language(roots: Sequence[ElementNode]) -> str | None:
    """The language that the page declares, if it looks like the name of one."""
    for element in roots[:1]:
        stated = (_get(element, "lang") or "").strip()
        if re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", stated):
            return stated
    return None


@dataclass(frozen=True)
class _Page:
    """What the images of a page have in common.

    Attributes:
        url: the page's address.
        base: where its relative addresses start.
        language: that it declares.
        has_figures: whether an image may have a caption.
        has_pictures: whether an image may be one of several of a ``<picture>``.
    """

    url: str
    base: str
    language: str | None
    has_figures: bool
    has_pictures: bool

    def mention(self, image: ElementNode) -> Mention:
        stated = {name: value for name in image.attrs if name in _READ and (value := image.getattr(name))}
        resolved = [resolve(self.base, address) for address in self._written(image, stated)]
        addresses = tuple(dict.fromkeys(filter(None, resolved)))
        alt = read_alt(_get(image, "alt"), addresses)
        if not alt.text and self.has_figures:
            caption = read_alt(_figure_caption(image), addresses)
            alt = caption if caption.text else alt
        return Mention(self.url, addresses, alt.text, alt.reason, alt.cut, self.language)

    def _written(self, image: ElementNode, stated: dict[str, str]) -> list[str]:
        """Where the picture may be, the most promising first.

        ``src`` comes last: on pages that load pictures late it holds an empty picture.
        """
        found = _of_sets(stated)
        if self.has_pictures:
            found += _of_sources(image.parent)
        return found + [stated[name] for name in (*_LAZY, "src") if name in stated]


def _of_sets(stated: Mapping[str, str]) -> list[str]:
    sets = [stated[name] for name in _SETS if name in stated]
    return [address for value in sets for address in best_first(read_srcset(value))]


def _of_sources(parent: object) -> list[str]:
    """What the sources of a ``<picture>`` name."""
    if not (isinstance(parent, ElementNode) and parent.tag == "picture"):
        return []
    found = []
    for source in _all(parent, "source"):
        if not _UNKNOWN_TYPES.match(_get(source, "type") or ""):
            found += _of_sets({name: value for name in _SETS if (value := _get(source, name))})
    return found


def _figure_caption(image: ElementNode) -> str | None:
    """The caption of the figure that holds this image and no other."""
    figure = image.closest("figure")
    if figure is None or len(_all(figure, "img:not(noscript img)")) > 1:
        return None
    caption = figure.query_selector("figcaption")
    return caption.text if caption is not None else None


def _directives(metas: Sequence[ElementNode]) -> Iterator[str]:
    for element in metas:
        yield from re.findall(r"[a-z]+", (_get(element, "content") or "").lower())


def _all(element: DocumentNode | ElementNode, selector: str) -> Sequence[ElementNode]:
    # a slice takes linear time; iterating the collection itself takes quadratic time
    return element.query_selector_all(selector)[:]


def _get(element: ElementNode, name: str) -> str | None:
    return element.getattr(name)
