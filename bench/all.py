"""Runs every bench and writes `bench/RESULTS.md` and the table of the README: what `make bench` does.

    python bench/all.py [NAME …] [--again]

A bench that was measured today is not run again unless asked, so an interrupted run goes on. One that fails, or that
wants data which are not here, is told at the end and stops no other.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
from pathlib import Path

import pages
from record import read_all

HERE = Path(__file__).parent

JOBS = {
    "startup": "startup.py",
    "first_paint": "first_paint.py",
    "align_step": "align_step.py",
    "align_loss": "align_loss.py",
    "align_batch": "align_batch.py --pairs 512 8192 --chunk 64",
    "align_search": "align_search.py --rows 1000000",
    "align_search-peer": "align_search.py --rows 20000 --peer",
    "align_data-rules": "align_data.py rules --rows 500000",
    "align_data-pages": "align_data.py pages {data}/web/pages-real.tar.xz",
    "align_neardup": "align_neardup.py --photos {data}/flickr8k-800.tar {data}/coco-363.tar --evaluated 60",
    "cxc": "cxc.py",
    "felix_latency": "felix_latency.py --layers 3 --texts 8 --single 2 --rounds 2 --longest 32",
    "cka": "cka.py",
    "gaze": "gaze.py",
    "gaze_events": "gaze_events.py",
    "recsim-ecosystem": "recsim.py --parts ecosystem",
    "recsim-gradient": "recsim.py --parts gradient",
    "recsim-hmc": "recsim.py --parts hmc",
    "rendezvous_world-against": "rendezvous_world.py against",
    "rendezvous_world-tick": "rendezvous_world.py tick",
    "optim": "optim.py",
    "optim_fits": "optim_fits.py",
    "optim_s2mpj-bounds": "optim_s2mpj.py bounds --seconds-per-problem 20",
    "optim_s2mpj-constrained": "optim_s2mpj.py constrained --seconds-per-problem 40",
    "eigen": "eigen.py",
}
"""Name of the result, and what is run for it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(JOBS)}; all of them if none is named")
    parser.add_argument("--again", action="store_true", help="also what was measured today")
    asked = parser.parse_args()
    unknown = sorted({*asked.names} - {*JOBS})
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}: choose of {', '.join(JOBS)}")
    today = datetime.date.today().isoformat()
    done = set() if asked.again else {result.name for result in read_all() if result.made == today}
    told = {name: run(name) for name in asked.names or JOBS if name not in done}
    pages.main()
    print(f"Wrote {HERE / 'RESULTS.md'}")
    missing = {name: why for name, why in told.items() if why}
    for name, why in missing.items():
        print(f"{name}: {why}")
    sys.exit(bool(missing))


def run(name: str) -> str:
    """Why there is no new result; empty where there is one."""
    words, data = JOBS[name].split(), os.environ.get("NONET_DATA")
    if "{data}" in JOBS[name] and not data:
        return "wants real data: NONET_DATA does not name a folder"
    print(f"== {name}", flush=True)
    file = HERE / "results" / f"{name}.json"
    before = file.stat().st_mtime_ns if file.exists() else 0
    script, *options = [word.replace("{data}", data or "") for word in words]
    ended = subprocess.run([sys.executable, str(HERE / script), *options])
    if ended.returncode:
        return f"ended with {ended.returncode}"
    return "" if file.exists() and file.stat().st_mtime_ns > before else "measured nothing"


if __name__ == "__main__":
    main()
