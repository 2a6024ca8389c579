"""Fetching over HTTP with manners and limits: robots.txt, a pause between requests to a host, bounded everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from protego import Protego

from nonet import __version__
from nonet.align.alttext.addresses import resolve
from nonet.align.alttext.guard import GuardedTransport, PrivateAddressError

__all__ = ["Fetched", "Fetcher", "Manners", "RefusedError"]

AGENT = "nonet"
_TRANSIENT = {429, 500, 502, 503, 504}
_ROBOTS_BYTES = 512_000


@dataclass(frozen=True)
class Manners:
    """How the network is used.

    Attributes:
        delay: seconds between two requests to one host; a longer ``Crawl-delay`` of its robots.txt is kept.
        timeout: seconds without a byte after which a connection is given up.
        deadline: seconds for one file altogether.
        redirects: how many are followed.
        retries: further attempts after a failure that may pass.
        robots: whether robots.txt is obeyed.
    """

    delay: float = 0.5
    timeout: float = 10.0
    deadline: float = 60.0
    redirects: int = 5
    retries: int = 2
    robots: bool = True


class RefusedError(Exception):
    """A file that was not fetched; the text is the reason, fit for counting."""


@dataclass(frozen=True)
class Fetched:
    """A file from the network.

    Attributes:
        url: where it was found in the end.
        data: its bytes.
        type: media type, lower case, or the empty string.
        charset: what the server said of the encoding, if anything.
        refuses: words of the ``X-Robots-Tag`` header.
    """

    url: str
    data: bytes
    type: str
    charset: str | None
    refuses: frozenset[str] = field(default_factory=frozenset)


class Fetcher:
    """A client for many files of many hosts; use it in a ``with`` statement.

    Args:
        manners: pauses, times and counts.
        allowed: hosts that may have private addresses, or None for all.
        clock: seconds, rising.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        manners: Manners,
        allowed: frozenset[str] | None = frozenset(),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._manners, self._clock, self._sleep = manners, clock, sleep
        self._robots: dict[str, Protego | None] = {}
        self._last: dict[str, float] = {}
        # a proxy would resolve names itself and pass by the guard
        self._transport = GuardedTransport(allowed)
        self._client = httpx.Client(
            transport=self._transport,
            trust_env=False,
            timeout=manners.timeout,
            headers={"User-Agent": f"{AGENT}/{__version__}", "Accept-Encoding": "gzip, deflate"},
        )

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str, max_bytes: int) -> Fetched:
        """Fetches a file.

        Args:
            url: an ``http`` or ``https`` address.
            max_bytes: a longer file is refused, whatever its length is said to be.
        Raises:
            RefusedError: with the reason, if it was not fetched.
        """
        for attempt in range(self._manners.retries + 1):
            try:
                return self._follow(url, max_bytes)
            except _PassingError as failure:
                if attempt == self._manners.retries:
                    raise RefusedError(str(failure)) from failure
                self._sleep(max(failure.after, 2.0**attempt * self._manners.delay))
        raise AssertionError("unreachable")

    def _follow(self, url: str, max_bytes: int) -> Fetched:
        for _ in range(self._manners.redirects + 1):
            if self._manners.robots and not self._may_fetch(url):
                raise RefusedError("refused by robots.txt")
            answer = self._once(url, max_bytes)
            if isinstance(answer, Fetched):
                return answer
            following = resolve(url, answer)
            if following is None or not following.startswith(("http:", "https:")):
                raise RefusedError("redirected to what is no web address")
            url = following
        raise RefusedError("redirected too often")

    def _once(self, url: str, max_bytes: int) -> Fetched | str:
        """One request: the file, or the address that it is redirected to."""
        self._wait(url)
        self._transport.give(self._manners.deadline)
        try:
            with self._client.stream("GET", url) as response:
                if response.is_redirect:
                    return response.headers.get("location", "")
                _check_status(response)
                return _fetched(response, _read(response, max_bytes))
        except PrivateAddressError as error:
            raise RefusedError("a private address") from error
        except httpx.TimeoutException as error:
            raise _PassingError("the server did not answer in time") from error
        except httpx.TransportError as error:
            if isinstance(error.__cause__, PrivateAddressError):
                raise RefusedError("a private address") from error
            raise _PassingError("the connection failed") from error
        except (httpx.InvalidURL, httpx.HTTPError, UnicodeError, ValueError) as error:
            raise RefusedError("the server's answer makes no sense") from error

    def _wait(self, url: str) -> None:
        """Keeps the pause between two requests to one host."""
        host = urlsplit(url).netloc.lower()
        rules = self._robots.get(_origin(url))
        delay = max(self._manners.delay, float((rules and rules.crawl_delay(AGENT)) or 0.0))
        pause = self._last.get(host, float("-inf")) + min(delay, 30.0) - self._clock()
        if pause > 0:
            self._sleep(pause)
        self._last[host] = self._clock()

    def _may_fetch(self, url: str) -> bool:
        origin = _origin(url)
        if origin not in self._robots:
            self._robots[origin] = None  # fetching robots.txt asks no permission
            self._robots[origin] = self._read_robots(origin)
        rules = self._robots[origin]
        return rules is None or bool(rules.can_fetch(url, AGENT))

    def _read_robots(self, origin: str) -> Protego | None:
        """The rules of a host, as RFC 9309 says: none if there is no such file, no access if the server fails."""
        address = f"{origin}/robots.txt"
        for _ in range(self._manners.redirects + 1):
            try:
                answer = self._once(address, _ROBOTS_BYTES)
            except RefusedError as reason:
                if str(reason).startswith("HTTP status 4"):
                    return None
                self._robots.pop(origin)
                raise
            except _PassingError:
                self._robots.pop(origin)  # asked again at the next attempt
                raise
            if isinstance(answer, Fetched):
                return Protego.parse(answer.data.decode("utf-8", "replace"))
            address = resolve(address, answer) or address
        return None


class _PassingError(Exception):
    """A failure that another attempt may not meet; ``after`` seconds were asked for by the server."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in _TRANSIENT:
        asked = response.headers.get("retry-after", "")
        raise _PassingError(f"HTTP status {status}", min(float(asked), 30.0) if asked.isdigit() else 0.0)
    if status != 200:
        raise RefusedError(f"HTTP status {status}")


def _read(response: httpx.Response, max_bytes: int) -> bytes:
    if int(response.headers.get("content-length") or 0) > max_bytes:
        raise RefusedError("larger than allowed")
    data = bytearray()
    for chunk in response.iter_bytes():  # unpacked, so a bomb is noticed as it grows
        data += chunk
        if len(data) > max_bytes:
            raise RefusedError("larger than allowed")
    return bytes(data)


def _fetched(response: httpx.Response, data: bytes) -> Fetched:
    refuses = {
        word.strip().lower()
        for value in response.headers.get_list("x-robots-tag")
        for word in value.rpartition(":")[2].split(",")
    }
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Fetched(str(response.url), data, media, response.charset_encoding, frozenset(refuses))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
