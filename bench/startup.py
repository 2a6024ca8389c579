"""What it costs to begin: `import nonet` and `--help` at every level, beside an empty Python.

    python bench/startup.py

CPU seconds of a whole process, for the first three the least of some rounds; half a second is the limit that nonet sets
itself.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping

from record import Row, record

from nonet.foundation import console
from nonet.wings import present

ROUNDS = 3
MOST = 0.5


def levels(entry: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words before --help at this level of commands and below."""
    yield path
    if isinstance(entry, Mapping):
        for verb, below in entry.items():
            if verb:  # the one without a word is what the group itself shows
                yield from levels(below, (*path, verb))


def seconds(words: list[str]) -> float:
    """CPU seconds of a Python that is started with these words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    commands = [("serve",), ("tour",), ("doctor",)]
    for wing in present("commands"):
        commands += levels(wing.room("commands").COMMANDS, (wing.name,))
    measured = {
        "an empty Python": ["-c", ""],
        "import nonet": ["-c", "import nonet"],
        **{f"nonet {' '.join([*words, '--help'])}": ["-m", "nonet", *words, "--help"] for words in [(), *commands]},
    }
    took = {
        name: min(seconds(words) for _ in range(ROUNDS if number < 3 else 1))
        for number, (name, words) in enumerate(measured.items())
    }
    rows = sorted(took.items(), key=lambda each: -each[1])
    console.table(["what", "CPU-seconds"], rows, title="To begin")
    over = [name for name, spent in took.items() if spent > MOST]
    console.say(f"above {MOST} s: {', '.join(over) or 'none'}")
    bare = (took["an empty Python"], "an empty Python", "less")
    of_help = [each for each in rows if each[0].endswith("--help")]
    slowest, top = of_help[0], ("nonet --help", took["nonet --help"])
    kept = [
        Row("import nonet", "CPU-seconds", took["import nonet"], "", None, *bare),
        Row(top[0], "CPU-seconds", top[1], "", None, *bare),
        Row(f"the slowest of {len(of_help)} helps, {slowest[0]}", "CPU-seconds", slowest[1], "", None, *bare),
    ]
    record("startup", "nonet", kept)


if __name__ == "__main__":
    main()
