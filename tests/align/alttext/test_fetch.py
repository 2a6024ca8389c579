"""Fetching and crawling against a server of this machine that stalls, lies, resets and redirects in a loop."""

import gzip
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from align.fakes import png
from nonet.align.alttext.fetch import Fetcher, Manners, RefusedError
from nonet.align.alttext.guard import is_public
from nonet.align.data import Pairs, describe
from nonet.align.sources.pages import PagesConfig, make_pairs

QUICK = Manners(delay=0.0, timeout=0.5, deadline=1.0, retries=0)
LOCAL = frozenset({"127.0.0.1"})


BOMB = gzip.compress(bytes(20_000_000), 1)
HTML = "text/html; charset=utf-8"
FILES = {
    "/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /secret"),
    "/": (
        HTML,
        b'<a href="/two.html"></a><a href="/loop"></a><a href="http://other.invalid/"></a><a href="/secret/p.html"></a>'
        b'<img src="red.png" alt="a red field"><img src="/secret/x.png" alt="hidden">'
        b'<img src="/loop" alt="loops"><img src="/short" alt="lies"><img src="/gone.png" alt="gone">',
    ),
    "/two.html": (HTML, b'<img src="blue.png" alt="a blue field"><img src="noai.png" alt="not for machines">'),
    "/red.png": ("image/png", png("red")),
    "/blue.png": ("image/png", png("blue")),
    "/secret/x.png": ("image/png", png("green")),
    "/noai.png": ("image/png", png("white")),
}


class Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        act = getattr(self, "act_" + self.path.strip("/"), None)
        if act is not None:
            act()
        elif self.path in FILES:
            kind, body = FILES[self.path]
            self.answer(200, body, {"Content-Type": kind} | ({"X-Robots-Tag": "noai"} if "noai" in self.path else {}))
        else:
            self.answer(404, b"")

    def answer(self, status, body, headers=None, length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def act_loop(self):
        self.answer(302, b"", {"Location": "/loop"})

    def act_moved(self):
        self.answer(301, b"", {"Location": "/red.png"})

    def act_tosecret(self):
        self.answer(302, b"", {"Location": "/secret/x.png"})

    def act_tofile(self):
        self.answer(302, b"", {"Location": "file:///etc/hostname"})

    def act_short(self):  # says more than it sends
        self.answer(200, png("red")[:60], {"Content-Type": "image/png"}, length=5000)
        self.close_connection = True

    def act_huge(self):
        self.answer(200, b"x", length=10**12)
        self.close_connection = True

    def act_endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def act_bomb(self):
        self.answer(200, BOMB, {"Content-Encoding": "gzip"})

    def act_stall(self):
        time.sleep(3)

    def act_drip(self):  # a byte now and then, never long enough for a timeout of one wait
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(40):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.2)
        except OSError:
            self.close_connection = True

    def act_reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def act_flaky(self):
        again = self.asked.count("/flaky") > 1
        self.answer(200 if again else 503, b"now", {"Retry-After": "7"})

    def act_badlength(self):
        self.answer(200, b"x", length="many")


@pytest.fixture
def site():
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/loop", "redirected too often"),
        ("/tofile", "no web address"),
        ("/tosecret", "robots.txt"),
        ("/secret/x.png", "robots.txt"),
        ("/gone.png", "HTTP status 404"),
        ("/short", "connection failed"),
        ("/huge", "larger than allowed"),
        ("/endless", "larger than allowed"),
        ("/bomb", "larger than allowed"),
        ("/stall", "in time"),
        ("/drip", "in time"),
        ("/reset", "connection failed"),
        ("/badlength", "connection failed|no sense"),
    ],
)
def test_servers_that_misbehave_are_refused_with_the_reason(site, path, reason):
    with Fetcher(QUICK, LOCAL) as fetcher, pytest.raises(RefusedError, match=reason):
        fetcher.get(site + path, 1_000_000)


def test_a_file_is_fetched_through_a_redirect(site):
    with Fetcher(QUICK, LOCAL) as fetcher:
        got = fetcher.get(site + "/moved", 1_000_000)
    assert (got.url, got.data, got.type) == (site + "/red.png", png("red"), "image/png")


def test_private_addresses_are_refused_before_anything_is_sent(site):
    for url in (site, site.replace("127.0.0.1", "localhost"), "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/"):
        with Fetcher(QUICK, frozenset()) as fetcher, pytest.raises(RefusedError, match="private address"):
            fetcher.get(url + "/red.png", 1_000_000)
    assert Handler.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("2002:7f00:0001::", False),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public


def test_pauses_and_retries(site):
    slept = []
    manners = Manners(delay=5.0, timeout=2.0, retries=1, robots=False)
    with Fetcher(manners, LOCAL, clock=lambda: 0.0, sleep=slept.append) as fetcher:
        assert fetcher.get(site + "/flaky", 1000).data == b"now"
    # what the server asked for, then the pause between two requests to one host
    assert slept == [7.0, 5.0]


@pytest.mark.slow
def test_a_site_becomes_pairs_and_every_image_is_accounted_for(site, tmp_path):
    tally = make_pairs(site + "/", tmp_path, PagesConfig(manners=QUICK))
    assert sorted(Pairs.open(tmp_path).texts) == ["a blue field", "a red field"]
    skipped = {name: entry["count"] for name, entry in describe(tmp_path)["skipped"].items()}
    assert skipped == {
        "a page: redirected too often": 1,
        "a page: refused by robots.txt": 1,
        "a picture: refused by robots.txt": 1,
        "a picture: redirected too often": 1,
        "a picture: the connection failed": 1,
        "a picture: HTTP status 404": 1,
        "a picture that refuses machine learning (noai)": 1,
    }
    assert tally.rows == 2 + sum(skipped.values())
    assert not any(path.startswith("/secret") for path in Handler.asked)
    assert not (tmp_path / ".fetched.jsonl").exists()


@pytest.mark.slow
def test_the_number_of_pages_is_bounded(site, tmp_path):
    make_pairs(site + "/", tmp_path, PagesConfig(manners=QUICK, max_pages=1))
    assert Pairs.open(tmp_path).texts == ["a red field"]


@pytest.mark.slow
def test_an_interrupted_crawl_does_not_fetch_a_picture_twice(site, tmp_path, monkeypatch):
    real = Fetcher.get

    def stops(self, url, max_bytes):
        if url.endswith("blue.png"):
            raise KeyboardInterrupt
        return real(self, url, max_bytes)

    monkeypatch.setattr(Fetcher, "get", stops)
    with pytest.raises(KeyboardInterrupt):
        make_pairs(site + "/", tmp_path, PagesConfig(manners=QUICK))
    monkeypatch.setattr(Fetcher, "get", real)
    make_pairs(site + "/", tmp_path, PagesConfig(manners=QUICK))
    assert len(Pairs.open(tmp_path)) == 2
    assert Handler.asked.count("/red.png") == 1
