"""A short, always equal run of the fuzzer over every loader, as a program.

In the tests' own process checks of shapes, which a release has not, would refuse what a loader has to refuse.
"""

import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from reliability.case import attempt
from reliability.damage import plans, to_json
from reliability.loaders import WINGS, Loader, loaders_of

COSTLY = {"felix/encoder", "felix/graphs", "felix/graphs-int8", "align/candidates", "rendezvous/team", "recsim/agent"}


def faults_of(loader: Loader, home: Path, scratch: Path) -> list[str]:
    """What goes wrong with the sound sample and with eight damaged ones."""
    sound = attempt(loader, (), home, scratch)
    if sound.kind != "ok":
        return [f"{loader.name}: {sound}"]
    found = []

    @settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(plan=plans())
    def damaged(plan) -> None:
        outcome = attempt(loader, plan, home, scratch)
        if outcome.kind == "fault":
            found.append(f"{loader.name}: {outcome} {to_json(plan)}")

    damaged()
    return found


def main() -> int:
    """Tries the loaders; each fault is a line."""
    tried = [loader for wing in WINGS for name, loader in loaders_of(wing).items() if name not in COSTLY]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        faults = [fault for loader in tried for fault in faults_of(loader, home / "samples", home / "scratch")]
    print(*faults, f"{len(tried)} loaders", sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
