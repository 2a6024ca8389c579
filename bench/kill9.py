"""Kills commands and servers of nonet at random moments, and tells whether anything is lost.

    python bench/kill9.py --kills 20 --seed 0

A job is run once undisturbed and once with kills, each time going on with the same command: the results must be the
same to the byte, and what the files say is finished must never become less. A server is killed while something is on
its way to it: all that it had acknowledged must be on the disk.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reliability.killing import JOBS, torment
from reliability.killing_servers import SERVERS, torment_server


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill nonet at random moments.")
    parser.add_argument("--kills", type=int, default=20, help="of each job and server")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], choices=[*JOBS, *SERVERS])
    given = parser.parse_args()
    failed = False
    print("| killed | times | kept | lost | result |\n|---|---:|---:|---:|---|")
    for name in [name for name in (*JOBS, *SERVERS) if not given.only or name in given.only]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="nonet-kill9-") as folder:
            if name in JOBS:
                found = torment(JOBS[name], Path(folder), kills=given.kills, seed=given.seed)
            else:
                found = torment_server(SERVERS[name], Path(folder), kills=given.kills, seed=given.seed)
        failed |= bool(found.lost) or not found.same
        said = ("the same" if found.same else "ANOTHER") if name in JOBS else "-"
        print(f"| {name} | {found.kills} | {found.kept:,} | {found.lost} | {said} |", flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
