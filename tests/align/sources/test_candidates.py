"""From pages to candidate pairs, through the rules, to pairs; lists of addresses over several hosts; real pages."""

import http.server
import io
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from align.sources.test_pages_disk import RECORDS, png
from nonet.align.alttext.extract import extract
from nonet.align.alttext.fetch import Manners
from nonet.align.data import Pairs, describe
from nonet.align.sources.candidates import make_candidates, pairs_of_candidates
from nonet.align.sources.found import Found, Picture
from nonet.align.sources.multi30k import read_multi30k
from nonet.align.sources.pages import PagesConfig, make_pairs
from nonet.align.splits import Shares
from nonet.cli import run
from nonet.foundation.errors import DataError, UsageError


def jpeg(colour, size):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def test_from_pages_through_the_rules_to_pairs(tmp_path, capsys):
    site = tmp_path / "site"
    site.mkdir()
    for colour, size in {"red": (300, 300), "blue": (250, 600), "green": (300, 1000)}.items():
        (site / f"{colour}.jpg").write_bytes(jpeg(colour, size))
    (site / "page.html").write_text(
        '<html lang="en-GB"><img src="red.jpg" alt="a wide red field"><img src="blue.jpg" alt="a blue door">'
        '<img src="green.jpg" alt="a long green lane"><img src="red.jpg" alt="red">'
    )
    assert run(["align", "candidates", str(site), "--out", str(tmp_path / "c")]) == 0
    rows = pq.read_table(tmp_path / "c" / "candidates.parquet").to_pylist()
    assert [(row["alt"], row["width"], row["height"], row["language"]) for row in rows] == [
        ("a wide red field", 300, 300, "en-GB"),
        ("a blue door", 250, 600, "en-GB"),
        ("a long green lane", 300, 1000, "en-GB"),
        ("red", 300, 300, "en-GB"),
    ]
    assert run(["align", "filter", str(tmp_path / "c"), "--out", str(tmp_path / "f"), "--memory", "1GB"]) == 0
    words = ["align", "pairs", "candidates", str(tmp_path / "f" / "kept"), "--pictures", str(tmp_path / "c")]
    assert run([*words, "--out", str(tmp_path / "pairs")]) == 0
    pairs = Pairs.open(tmp_path / "pairs")
    assert sorted(pairs.texts) == ["a blue door", "a wide red field"]  # too long a shape, too few words
    assert all(path.is_file() for path in pairs.images)


def test_an_archive_gives_candidates_with_its_pictures(tmp_path):
    archive = tmp_path / "a.warc"
    archive.write_bytes(b"".join(RECORDS))
    tally = make_candidates(str(archive), tmp_path / "c", PagesConfig())
    assert tally.kept == 2
    assert not list((tmp_path / "c").glob(".*"))  # nothing of the run is left
    table = tmp_path / "c" / "candidates.parquet"
    assert pairs_of_candidates(table, tmp_path / "c", tmp_path / "p", Shares()).kept == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").touch()
    with pytest.raises(UsageError, match="other things"):
        make_candidates(str(archive), tmp_path / "mine", PagesConfig())
    with pytest.raises(DataError, match="not a table of candidate pairs"):
        pairs_of_candidates(archive, tmp_path / "c", tmp_path / "q", Shares())


class Site(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self):
        type(self).asked.append(self.path)
        if self.path == "/robots.txt":
            return self.answer(b"User-agent: *\nDisallow: /secret", "text/plain")
        if self.path.endswith(".png"):
            return self.answer(png("red"), "image/png")
        if self.path == "/loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
            return None
        return self.answer(b'<img src="/p.png" alt="a red field"><img src="/secret/q.png" alt="hidden">', "text/html")

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def sites():
    servers = []
    for _ in range(3):
        handler = type("Own", (Site,), {"asked": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    yield servers
    for server in servers:
        server.shutdown()


@pytest.mark.slow
def test_rows_without_picture_or_text_or_with_a_name_that_leaves_the_folder_are_skipped(tmp_path):
    archive = tmp_path / "a.warc"
    archive.write_bytes(b"".join(RECORDS))
    make_candidates(str(archive), tmp_path / "c", PagesConfig())
    table = pq.read_table(tmp_path / "c" / "candidates.parquet")
    (outside := tmp_path / "elsewhere").mkdir()
    (outside / "x.png").write_bytes(b"not of these candidates")
    first, second = table.to_pylist()
    odd = [{**first, "image": None}, {**first, "image": "../../elsewhere/x"}, {**first, "alt": None}, second]
    pq.write_table(pa.Table.from_pylist(odd, schema=table.schema), tmp_path / "odd.parquet")
    tally = pairs_of_candidates(tmp_path / "odd.parquet", tmp_path / "c", tmp_path / "p", Shares())
    assert tally.kept == 1
    skipped = describe(tmp_path / "p")["skipped"]
    assert {name: entry["count"] for name, entry in skipped.items()} == {
        "a picture that is not there": 2,
        "a picture without text": 1,
    }


def test_a_list_of_addresses_over_several_hosts(sites, tmp_path):
    hosts = [f"http://127.0.0.1:{server.server_address[1]}" for server in sites]
    lines = [f"{host}/page" for host in hosts] + ["# a remark", "no address", f"{hosts[0]}/loop", f"{hosts[1]}/p.png"]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    config = PagesConfig(allow_private=True, manners=Manners(delay=0.0, retries=0))
    tally = make_pairs(str(tmp_path / "list.txt"), tmp_path / "out", config)
    assert tally.kept == 1  # one picture, byte for byte, on three hosts with one text
    counts = {name: reason.count for name, reason in tally.skipped.items()}
    assert counts == {
        "a line that is no web address": 1,
        "a page: redirected too often": 1,
        "an address that holds no page": 1,
        "a picture: refused by robots.txt": 3,
        "the same picture with the same text again": 2,
    }
    for server in sites:
        assert server.RequestHandlerClass.asked.count("/robots.txt") == 1
        assert not any(path.startswith("/secret") for path in server.RequestHandlerClass.asked)


@pytest.mark.slow
def test_private_addresses_of_a_list_are_refused(sites, tmp_path):
    (tmp_path / "list.txt").write_text(f"http://127.0.0.1:{sites[0].server_address[1]}/page")
    with pytest.raises(DataError, match="a private address"):
        make_pairs(str(tmp_path / "list.txt"), tmp_path / "out", PagesConfig(manners=Manners(delay=0.0, retries=0)))
    assert sites[0].RequestHandlerClass.asked == []


def test_what_was_found_outlives_the_process_and_a_damaged_file_does_not_stop_it(tmp_path):
    from nonet.align.pictures import Facts

    found = Found(tmp_path / "f")
    found.put("a", Picture("images/x.png", Facts(3, 4, "0" * 64, ".png")))
    found.put("b", "a picture: HTTP status 404")
    assert found.get("b") == "a picture: HTTP status 404"
    found.close(forget=False)
    again = Found(tmp_path / "f")
    assert again.get("a").facts.height == 4
    assert again.get("b") is None  # tried again
    again.close(forget=True)
    (tmp_path / "f").write_bytes(b"no data base" * 100)
    assert Found(tmp_path / "f").get("a") is None


@pytest.mark.parametrize(
    "html",
    [
        b"<img src='a.png' alt='\xe2\x80\xaecat\x00 \x07on\xe2\x81\xa6 mat'>",  # control and direction characters
        "<meta charset=utf-8><img src=a.png alt='caf\xe9'>".encode("latin-1"),  # an encoding that lies
        b"<img src=a.png alt='never closed",
        b"<iframe srcdoc='" + b"<iframe srcdoc=" * 200 + b"'></iframe><img src=a.png alt='after frames'>",
        b"<div>" * 20_000 + b"<img src=a.png alt='deep'>",
        b"<img src='data:image/png;base64," + b"A" * 5_000_000 + b"' alt='a bomb'>",
        b"<img srcset='" + b",," * 50_000 + b"' alt='commas'>",
        b"\xff\xfe<\x00i\x00m\x00g\x00",
        b"",
        bytes(range(256)) * 100,
    ],
)
def test_hostile_markup_gives_clean_text_or_none(html):
    for mention in extract(html, "http://h/").mentions:
        assert mention.text == mention.text.strip()
        assert not any(ord(character) < 32 or "\u202a" <= character <= "\u202e" for character in mention.text)


def test_multi30k_in_the_layout_of_its_release(tmp_path):
    task = tmp_path / "task1"
    (task / "raw").mkdir(parents=True)
    (task / "image_splits").mkdir()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, split in enumerate(("train", "val", "test_2016_flickr")):
        Image.new("RGB", (30, 30 + number), "red").save(pictures / f"{number}.jpg")
        (task / "image_splits" / f"{split}.txt").write_text(f"{number}.jpg\n")
        (task / "raw" / f"{split}.de").write_text(f"Ein rotes Bild {number}\n")
        (task / "raw" / f"{split}.en").write_text(f"A red picture {number}\n")
    words = ["align", "pairs", "folder", str(pictures), "--captions", str(task), "--languages", "de"]
    assert run([*words, "--out", str(tmp_path / "pairs")]) == 0
    assert Pairs.open(tmp_path / "pairs").split("test").texts == ["Ein rotes Bild 2"]
    assert len(list(read_multi30k(task, ["en", "de"]))) == 6
    with pytest.raises(DataError, match="no captions in fr"):
        list(read_multi30k(task, ["fr"]))
    (task / "raw" / "val.de").write_text("eins\nzwei\n")
    with pytest.raises(DataError, match="2 captions of 1"):
        list(read_multi30k(task, ["de"]))


def test_a_vocabulary_from_pairs_tables_and_lines(tmp_path, capsys):
    (tmp_path / "lines.txt").write_text("a red cat\na red dog\n" * 5)
    words = ["align", "vocabulary", str(tmp_path / "lines.txt"), "--size", "60"]
    assert run([*words, "--out", str(tmp_path / "t.json")]) == 0
    from nonet.align.encoders.text import read_tokenizer

    learnt = read_tokenizer(tmp_path / "t.json")
    assert learnt.encode("a red cat").tokens == ["[CLS]", "a", "red", "cat", "[SEP]"]
    assert learnt.get_vocab_size() <= 60
    assert run(["align", "vocabulary", str(tmp_path / "nowhere"), "--out", str(tmp_path / "u.json")]) == 2
    assert "no such file" in capsys.readouterr().err
