"""Gives every loader of nonet damaged files and folders, and tells what it could not refuse in words.

    python bench/fuzz_loaders.py --minutes 60 --seed 0

A fault is a traceback, a process that dies, more than 20 seconds of CPU, or more than 2 GiB of memory for one small
input. Each is printed with its plan; `--replay LOADER PLAN` runs one again, with its traceback.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reliability.campaign import Campaign
from reliability.case import attempt, sample_of
from reliability.damage import apply, from_json
from reliability.loaders import WINGS, loaders_of


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the loaders of nonet.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--portion", type=int, default=25, help="inputs for a loader before the next one's turn")
    parser.add_argument("--only", nargs="*", default=[], help="wings or loaders, such as align or cka/pictures-npz")
    parser.add_argument("--tally", type=Path, help="a JSON file that keeps the counts, added to by each run")
    parser.add_argument("--replay", nargs=2, metavar=("LOADER", "PLAN"))
    given = parser.parse_args()
    if given.replay:
        return replay(*given.replay)
    with tempfile.TemporaryDirectory(prefix="nonet-samples-") as home:
        campaign, began = Campaign(Path(home)), time.monotonic()
        try:
            campaign.run(began + 60 * given.minutes, given.seed, given.only, given.portion)
        finally:
            report(campaign, time.monotonic() - began, given.tally)
    return 1 if campaign.faults else 0


def replay(name: str, plan: str) -> int:
    loader = next(loaders_of(wing)[name] for wing in WINGS if name in loaders_of(wing))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        print(attempt(loader, from_json(plan), home / "samples", home / "scratch"))
        sample = sample_of(loader, home / "again")
        (home / "outside.txt").write_text("not of this sample\n")
        apply(from_json(plan), sample, home / "outside.txt")
        loader.load(sample)
    return 0


def report(campaign: Campaign, seconds: float, tally: Path | None) -> None:
    columns = ("loader", "inputs", "read", "most MB", "slowest s")
    print(f"\n{columns[0]:<34}" + "".join(f"{name:>10}" for name in columns[1:]))
    for name, count in campaign.inputs.items():
        row = (count, campaign.read[name], f"{campaign.most_mb[name]:.0f}", f"{campaign.slowest[name]:.1f}")
        print(f"{name:<34}" + "".join(f"{value!s:>10}" for value in row))
    total = sum(campaign.inputs.values())
    print(f"{total:,} inputs to {len(campaign.inputs)} loaders in {seconds / 60:.1f} minutes", end="")
    print(f" ({campaign.cpu_seconds / 60:.1f} of CPU in loaders): {len(campaign.faults)} faults")
    if tally is not None:
        kept = json.loads(tally.read_text()) if tally.exists() else {"minutes": 0.0, "cpu_minutes": 0.0, "inputs": {}}
        kept["minutes"] += seconds / 60
        kept["cpu_minutes"] += campaign.cpu_seconds / 60
        for name, count in campaign.inputs.items():
            kept["inputs"][name] = kept["inputs"].get(name, 0) + count
        tally.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    sys.exit(main())
