"""Pairs from saved pages and WARC archives."""

import base64
import gzip

import pytest

from align.fakes import png, warc_record
from nonet.align.data import Pairs, describe
from nonet.align.sources.pages import PagesConfig, make_pairs
from nonet.foundation.errors import DataError

RECORDS = [
    warc_record(
        "http://h/p.html", "text/html", b'<img src="red.png" alt="a red field"><img src="blue.png" alt="a blue field">'
    ),
    warc_record("https://h/red.png", "image/png", png("red")),
    warc_record("http://h/blue.png", "image/png", png("blue")),
]


def test_a_saved_site_is_read_and_nothing_outside_of_it(tmp_path):
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "red.png").write_bytes(png("red"))
    (tmp_path / "outside.png").write_bytes(png("blue"))
    inline = base64.b64encode(png("green")).decode()
    (site / "sub" / "page.html").write_text(
        '<img src="/red.png" alt="a red field"><img src="../../outside.png" alt="outside"><img src="v.svg" alt="v v">'
        f'<img src="data:image/png;base64,{inline}" alt="inline"><img src="http://h/x.png" alt="on the web">'
        '<img src="data:image/svg+xml,%3Csvg%3E" alt="a drawing">'
    )
    make_pairs(str(site), tmp_path / "out", PagesConfig())
    assert sorted(Pairs.open(tmp_path / "out").texts) == ["a red field", "inline"]
    assert {name: entry["count"] for name, entry in describe(tmp_path / "out")["skipped"].items()} == {
        "a picture that is not on the disk": 2,
        "a picture on the web (--fetch asks for it)": 1,
        "an SVG drawing": 1,
    }


@pytest.mark.parametrize("kind", ["plain", "by record", "whole"])
def test_pages_and_pictures_of_an_archive(tmp_path, kind):
    archive = tmp_path / ("a.warc" if kind == "plain" else "a.warc.gz")
    packed = {"plain": b"".join(RECORDS), "by record": b"".join(map(gzip.compress, RECORDS))}
    archive.write_bytes(packed.get(kind) or gzip.compress(b"".join(RECORDS)))
    make_pairs(str(archive), tmp_path / "out", PagesConfig())
    assert sorted(Pairs.open(tmp_path / "out").texts) == ["a blue field", "a red field"]


@pytest.mark.parametrize("kind", ["plain", "by record"])
def test_an_archive_cut_in_mid_record_gives_what_is_before_the_cut(tmp_path, kind):
    archive = tmp_path / ("a.warc" if kind == "plain" else "a.warc.gz")
    data = b"".join(RECORDS) if kind == "plain" else b"".join(map(gzip.compress, RECORDS))
    archive.write_bytes(data[:-60])
    make_pairs(str(archive), tmp_path / "out", PagesConfig())
    assert Pairs.open(tmp_path / "out").texts == ["a red field"]


def test_sources_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder or file"):
        make_pairs(str(tmp_path / "absent"), tmp_path / "out", PagesConfig())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pages"):
        make_pairs(str(tmp_path / "empty"), tmp_path / "out", PagesConfig())
