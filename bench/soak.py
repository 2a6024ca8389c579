"""Serves all nine wings on this machine to eight clients for half an hour, and tells whether memory stays flat.

    python bench/soak.py --minutes 30

Requests are mixed: searches, uploads, edits, eigenvalues, minimisations, reports, ratings, steps of gaze studies,
pages, and mistakes. Flat means: after a warm-up of a third of the time the 95 % interval of the slope of the server's
resident memory ends below 60 MB an hour, and there are no more open files and threads at the end than at a third of
the time, but for one connection a client. Any answer that its request does not deserve fails the run.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from house import build
from reliability.soaking import Soak, rows, soak, trend

MB_AN_HOUR = 60.0
HEADINGS = ("minutes", "RSS MB", "files", "threads", "requests", "p50 ms", "p99 ms", "refused", "wrong")


def main() -> int:
    parser = argparse.ArgumentParser(description="Soak the web application.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--most", type=int, default=100_000, help="requests of a client at most")
    parser.add_argument("--pause", type=float, default=0.4, help="longest wait of a client, in seconds")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nonet-soak-") as folder:
        sources = build(Path(folder) / "house")
        found = soak(
            sources,
            Path(folder) / "server.log",
            seconds=60 * given.minutes,
            clients=given.clients,
            most=given.most,
            pause=given.pause,
            every=5.0,
        )
        print((Path(folder) / "server.log").read_text()[-3000:], file=sys.stderr)
    return report(found, 60 * given.minutes / 3, given.clients)


def report(found: Soak, warm_up: float, clients: int) -> int:
    print(f"| {' | '.join(HEADINGS)} |\n|{'---:|' * len(HEADINGS)}")
    for row in rows(found, 10):
        print(f"| {' | '.join(row)} |")
    wings = sorted({one.wing for one in found.asked})
    print(f"\n{len(found.asked):,} requests by {clients} clients to {', '.join(wings)}")
    for line in found.surprises[:20]:
        print(f"wrong: {line}")
    slope = trend(found, warm_up)
    third = min((s for s in found.samples if s.at - found.began >= warm_up), key=lambda sample: sample.at)
    last = found.samples[-1]
    flat = slope.high < MB_AN_HOUR and last.files <= third.files + clients and last.threads <= third.threads + clients
    print(f"memory after {warm_up / 60:.0f} minutes: {slope.slope:+.1f} MB an hour (95 %: {slope.low:+.1f} to", end=" ")
    print(f"{slope.high:+.1f}); files {third.files} to {last.files}, threads {third.threads} to {last.threads}")
    print("flat" if flat else "NOT flat", f"and {len(found.surprises)} answers wrong")
    return 0 if flat and not found.surprises else 1


if __name__ == "__main__":
    sys.exit(main())
