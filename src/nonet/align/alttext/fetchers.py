"""Many hosts at once, each host one request at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from queue import SimpleQueue
from urllib.parse import urlsplit

from nonet.align.alttext.fetch import Fetched, Fetcher, Manners, RefusedError

__all__ = ["Fetchers"]


class Fetchers:
    """Clients that share out the hosts between them; use it in a ``with`` statement.

    A host always belongs to the same client, so pauses and robots.txt are kept as one client alone keeps them.

    Args:
        manners: pauses, times and counts.
        allowed: hosts that may have private addresses, or None for all.
        count: how many hosts are asked at once.
    """

    def __init__(self, manners: Manners, allowed: frozenset[str] | None = frozenset(), count: int = 8) -> None:
        self._fetchers = [Fetcher(manners, allowed) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Fetchers:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for fetcher in self._fetchers:
            fetcher.__exit__()

    def get(self, url: str, max_bytes: int) -> Fetched:
        """Fetches one file; see `Fetcher.get`. Not while `get_many` is under way."""
        return self._fetchers[self._place(url)].get(url, max_bytes)

    def get_many(self, urls: Iterable[str], max_bytes: int) -> Iterator[tuple[str, Fetched | RefusedError]]:
        """Fetches files, several hosts at once.

        Args:
            urls: ``http`` or ``https`` addresses.
            max_bytes: of each.
        Yields:
            Each address with its file, or with the reason why it was not fetched, as they come.
        """
        hosts: list[dict[str, list[str]]] = [{} for _ in self._fetchers]
        for url in dict.fromkeys(urls):
            hosts[self._place(url)].setdefault(_host(url), []).append(url)
        done: SimpleQueue[tuple[str, Fetched | RefusedError] | None] = SimpleQueue()

        def work(fetcher: Fetcher, queues: list[list[str]]) -> None:
            try:
                for turn in zip_longest(*queues):  # hosts take turns, so that one's pause is another's time
                    for url in filter(None, turn):
                        done.put((url, _answer(fetcher, url, max_bytes)))
            finally:
                done.put(None)

        busy = [
            self._threads.submit(work, f, list(h.values())) for f, h in zip(self._fetchers, hosts, strict=True) if h
        ]
        left = len(busy)
        while left:
            answer = done.get()
            if answer is None:
                left -= 1
            else:
                yield answer
        for future in busy:
            future.result()

    def _place(self, url: str) -> int:
        return zlib.crc32(_host(url).encode("utf-8", "replace")) % len(self._fetchers)


def _answer(fetcher: Fetcher, url: str, max_bytes: int) -> Fetched | RefusedError:
    try:
        return fetcher.get(url, max_bytes)
    except RefusedError as reason:
        return reason


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
