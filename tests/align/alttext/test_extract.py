"""What is found on a page: written pages, broken ones, and real ones."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from nonet.align.alttext import extract as room
from nonet.align.alttext.clean import read_alt
from nonet.align.alttext.extract import decode_page, extract

URL = "http://host/dir/page.html"


def mentions(html: str):
    return extract(html.encode(), URL).mentions


def one(html: str):
    (found,) = mentions(html)
    return found


def test_a_plain_image():
    found = one('<img src="cat.png" alt=" a  cat &amp; a dog ">')
    assert (found.text, found.addresses, found.reason) == ("a cat & a dog", ("http://host/dir/cat.png",), None)


def test_base_applies_to_all_relative_addresses():
    found = extract(b'<base href="/up/"><img src=a.png alt=x><a href="q.html#z">', URL)
    assert found.mentions[0].addresses == ("http://host/up/a.png",)
    assert list(found.links()) == ["http://host/up/q.html"]


@pytest.mark.parametrize("name", ["data-src", "data-original", "data-lazy-src"])
def test_lazy_addresses_come_before_the_placeholder(name):
    found = one(f'<img src="blank.gif" {name}="real.jpg" alt=x>')
    assert found.addresses == ("http://host/dir/real.jpg", "http://host/dir/blank.gif")


def test_srcset_and_picture_sources():
    found = one(
        '<picture><source type="image/svg+xml" srcset="v.svg"><source data-srcset="p.webp 900w">'
        '<img srcset="s.jpg 300w, l.jpg 1200w" src="f.jpg" alt=x></picture>'
    )
    assert [address.rpartition("/")[2] for address in found.addresses] == ["l.jpg", "s.jpg", "p.webp", "f.jpg"]


def test_noscript_fallback_is_found():
    found = mentions('<img class=lazy alt="a cat"><noscript><img src="cat.jpg" alt="a cat"></noscript>')
    assert [mention.addresses for mention in found] == [(), ("http://host/dir/cat.jpg",)]


def test_figcaption_is_the_text_where_alt_says_nothing():
    assert one('<figure><img src=a.png alt=""><figcaption>A <b>red</b> kite</figcaption></figure>').text == "A red kite"
    assert one('<figure><img src=a.png alt="a.png"><figcaption>A kite</figcaption></figure>').text == "A kite"
    assert one('<figure><img src=a.png alt="kite"><figcaption>Fig. 2</figcaption></figure>').text == "kite"
    two = mentions("<figure><img src=a.png><img src=b.png><figcaption>Both</figcaption></figure>")
    assert [mention.text for mention in two] == ["", ""]


def test_pages_inside_a_page_are_read_to_a_depth():
    page = "<img src=deep.png alt=deep>"
    for _ in range(6):
        page = (
            '<iframe srcdoc="'
            + page.replace("&", "&amp;").replace('"', "&quot;")
            + '"></iframe><img src=a.png alt=here>'
        )
    assert [mention.text for mention in mentions(page)] == ["here"] * 4


@pytest.mark.parametrize(
    ("raw", "text", "reason"),
    [
        (None, "", "no alt text"),
        ("  \u200b ", "", "an empty alt text"),
        ("IMG_2034.JPG", "", "an alt text that is a file name"),
        ("summer holiday.jpeg", "", "an alt text that is a file name"),
        ("kite-2", "", "an alt text that is a file name"),
        ("https://example.org/x", "", "an alt text that is an address"),
        ("***", "", "an alt text without a letter"),
        ("kite", "kite", None),
        ("Bed &quot;&amp; breakfast", 'Bed "& breakfast', None),
        ("A <em>red</em> kite", "A red kite", None),
        ("\u202egnirts\u202c", "gnirts", None),
        ("2 < 3", "2 < 3", None),
    ],
)
def test_alt_texts_that_say_something(raw, text, reason):
    alt = read_alt(raw, ["http://host/kite-2.png", "http://host/kite.png"])
    assert (alt.text, alt.reason) == (text, reason)


@pytest.mark.parametrize(
    ("html", "charset"),
    [
        ("größe".encode(), None),
        ("größe".encode(), "iso-8859-1"),  # the server lies
        (b'<meta charset="iso-8859-1">' + "größe".encode(), None),  # the page lies
        ("größe".encode("latin-1"), "iso-8859-1"),
        ('<meta charset="latin1">größe'.encode("latin-1"), None),
        ('<meta charset="utf-8">größe'.encode("latin-1"), "utf-8"),  # both lie
        ("größe".encode("utf-16"), None),
        (b"\xef\xbb\xbf" + "größe".encode(), "no-such-charset"),
    ],
)
def test_encodings_that_lie_are_read(html, charset):
    assert decode_page(html, charset).endswith("größe")


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "<img",
        "<img alt='",
        "\0\0<img src=a alt=\0b>",
        "<div>" * 50_000 + "<img src=a.png alt=x>",
        "<img " + "a=b " * 20_000 + "src=x.png alt=y>",
        "<table><img src=a><tr><td></table></figure><figcaption>",
        "<img src=a.png alt='" + "x" * 2_000_000 + "'>",
        "<img src='data:image/png;base64," + "A" * 2_000_000 + "' alt=bomb>",
    ],
    ids=range(10),
)
def test_broken_markup_does_no_harm(html):
    assert len(mentions(html)) <= 1


@given(st.text(alphabet="<>imgalt=src\"' /figurecaptionbase&;\0é", max_size=300), st.binary(max_size=60))
def test_any_bytes_are_a_page(text, tail):
    for mention in extract(text.encode() + tail, URL).mentions:
        assert bool(mention.text) != bool(mention.reason)


def test_refusals_of_the_page():
    assert extract(b'<meta name="ROBOTS" content="noindex, NoAI">', URL).refuses == {"noindex", "noai"}


@pytest.mark.slow
def test_time_is_linear_in_the_number_of_elements():
    """The parser's collections take quadratic time when they are iterated; 30,000 links would take minutes."""
    page = "<a href=x.html></a><img src=a.png alt=b>"
    document = HTMLTree.parse(page * 30_000).document
    # not the whole of `extract`, in which the tests check the types of every call
    assert sum(1 for _ in room._all(document, "img")) == 30_000
    assert len(extract(page.encode() * 300, URL).mentions) == 300


COUNTING = """
import json, sys, tarfile
from collections import Counter
from nonet.align.alttext.extract import extract
found = Counter()
with tarfile.open(sys.argv[1]) as tar:
    for member in filter(lambda member: member.isfile() and member.name.endswith(".html"), tar):
        mentions = extract(tar.extractfile(member).read(), f"https://host/{member.name}").mentions
        found["pages"] += 1
        found["pages that declare a language"] += any(mention.language for mention in mentions)
        for mention in mentions:
            found[mention.reason or ("kept" if mention.addresses else "no address")] += 1
            found["strange"] += sum(not address.startswith(("http", "data:")) for address in mention.addresses)
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.data
def test_the_real_pages_parse_with_these_counts(real_data):
    """341 pages of many languages, with broken markup: none fails. In a process without the checks of types."""
    archive = real_data / "web" / "pages-real.tar.xz"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    counted = subprocess.run(
        [sys.executable, "-c", COUNTING, str(archive)], capture_output=True, check=True, env=environment
    )
    assert json.loads(counted.stdout) == {
        "pages": 341,
        "pages that declare a language": 307,
        "kept": 4428,
        "an empty alt text": 2144,
        "no alt text": 1551,
        "an alt text that is a file name": 111,
        "no address": 72,
        "an alt text without a letter": 16,
        "an alt text that is an address": 8,
        "strange": 0,
    }
