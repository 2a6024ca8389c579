"""Writes what people read from what was measured: `bench/RESULTS.md`, and the parts between markers of other pages.

    python bench/pages.py

The table of the README has for each wing one command and one figure; the page about data lists the data packages with
the licences that they state; the reference lists the public names of every wing. Nothing in these parts is typed by
hand: a test compares them with what this program writes.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from record import Result, Row, read_all

from nonet.doctor import DATA
from nonet.foundation.files import replace_file
from nonet.wings import WINGS

__all__ = ["Shown", "data_table", "main", "pages", "readme_table", "results_page"]

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Shown:
    """A wing's line in the README.

    Attributes:
        job: what it does for a user.
        command: a command to begin with.
        result: the name of the bench whose first row is shown, and the row's number.
        says: the figure in words; ``{ratio}``, ``{ours}``, ``{theirs}`` and ``{limit}`` stand for what was measured.
    """

    job: str
    command: str
    result: tuple[str, int]
    says: str


WINGS_SHOWN = {
    "align": Shown(
        "search pictures by words, pictures, and picture ± words; labels without training",
        'nonet align search index/ "a cat laughing"',
        ("align_step", 0),
        "trains on {ours} pairs a CPU-second, {ratio} times `AlignModel` of transformers",
    ),
    "cxc": Shown(
        "judge any embedding against graded human similarity; choose pairs worth rating; rate them",
        "nonet cxc evaluate --ratings data/ --images images.npy --captions captions.npy",
        ("cxc", 0),
        "all seven tasks in {ours} CPU-seconds, the public way {ratio} times as long",
    ),
    "felix": Shown(
        "teach an editor from (before, after) sentences; see and reject every edit",
        'nonet felix edit editor/ "Turing was born in 1912. Turing died in 1954." --show edits',
        ("felix_latency", 0),
        "an edit in {ours} ms, an encoder-decoder with beam 4 and no cache {ratio} times as long",
    ),
    "cka": Shown(
        "which layers of one or two networks compute the same thing; blocks found and pruned",
        "nonet cka compare resnet.py:make_a --data images/ --out report/",
        ("cka", 0),
        "all layers of a ResNet in {ours} CPU-seconds, the fastest peer {ratio} times as long",
    ),
    "gaze": Shown(
        "eye tracking studies with a plain camera: consent, calibration, tasks, stated error, verified deletion",
        "nonet gaze setup study/ --model model/",
        ("gaze_events", 1),
        "saccades as people label them with κ {ours}, REMoDNaV {theirs}, another person {limit}",
    ),
    "recsim": Shown(
        "write a story of recommenders, users and creators; simulate it, fit it, infer what is hidden",
        "nonet recsim run ecosystem --policy provider-aware --out run/",
        ("recsim-ecosystem", 0),
        "a step of 1,000 users in {ours} CPU-ms, the official library {ratio} times as long",
    ),
    "rendezvous": Shown(
        "robots that agree where to meet without talking: train, compare planners, drive over ROS 2 topics",
        "nonet rendezvous run team/ --map lab.yaml --agents 2 --watch",
        ("rendezvous_world-against", 0),
        "{ours} world steps a CPU-second, {ratio} times JaxNav, which makes rewards too",
    ),
    "optim": Shown(
        "minimise functions and modules, with bounds and constraints; thousands at once",
        'nonet optim "(1-x)**2 + 5*(y-x**2)**2" --subject-to "x**2+y**2<=1"',
        ("optim_fits", 0),
        "10,000 fits in {ours} CPU-seconds, a loop of SciPy {ratio} times as long",
    ),
    "eigen": Shown(
        "eigenvalues, eigenvectors and ellipses of millions of 2×2 matrices, to the last digits",
        'nonet eigen "3 1; 4 1"',
        ("eigen", 0),
        "a million matrices in {ours} ms, NumPy {ratio} times as long",
    ),
}


def number(value: float | None) -> str:
    """Three digits, with commas in thousands."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def figure(shown: Shown, results: Sequence[Result]) -> str:
    """A wing's figure in words; empty where it was not measured."""
    name, place = shown.result
    rows = next((result.rows for result in results if result.name == name), ())
    if place >= len(rows):
        return "not measured yet"
    row: Row = rows[place]
    parts = {"ours": row.ours, "theirs": row.theirs, "ratio": row.ratio, "limit": row.limit}
    return shown.says.format(**{part: number(value) for part, value in parts.items()})


def readme_table(results: Sequence[Result]) -> str:
    """The table of the nine: what and from which article, a command, a figure."""
    lines = ["| wing | what it does for you, and from which article | begin with | measured |", "|---|---|---|---|"]
    for wing in WINGS:
        shown = WINGS_SHOWN[wing.name]
        cells = [
            f"[`{wing.name}`](docs/{wing.name}.md)",
            f"{shown.job} ({wing.article})",
            f"`{shown.command}`",
            figure(shown, results),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def results_page(results: Sequence[Result]) -> str:
    """Everything that was measured, a table a run."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`, which runs the scripts of this folder and keeps their rows in `bench/results/`; a",
        "single script replaces its own rows, then `python bench/pages.py` writes this page. A ratio above 1 is in our",
        "favour; the peer ran in the same run, in turn with ours.",
    ]
    for wing in [*(wing.name for wing in WINGS), "nonet"]:
        own = [result for result in results if result.wing == wing]
        if own:
            lines += ["", f"## {wing}"]
        for result in own:
            facts = ", ".join(f"{name} {value}" for name, value in result.machine.items())
            lines += [
                "",
                f"`{result.command}`",
                "",
                f"{result.made}; {facts}.",
                "",
                "| what | unit | ours | peer | theirs | ratio | limit |",
                "|---|---|--:|---|--:|--:|---|",
            ]
            for row in result.rows:
                limit = f"{number(row.limit)}: {row.limit_is}" if row.limit is not None else ""
                cells = [row.what, row.unit, number(row.ours), row.peer, number(row.theirs), number(row.ratio), limit]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def data_table() -> str:
    """The data packages, with the licence that each states of itself."""
    lines = ["| package | version | carries | for | licence, as the package states it |", "|---|---|---|---|---|"]
    pins = (ROOT / "data-packages.txt").read_text(encoding="utf-8").splitlines()
    for name, version in (line.split("==") for line in pins if not line.startswith("#")):
        data = DATA[name]
        uses = ", ".join([*data.needed, *(f"examples of {wing}" for wing in data.shown)])
        lines.append(f"| `{name}` | {version} | {data.carries} | {uses} | {licence(name)} |")
    return "\n".join(lines)


def licence(package: str) -> str:
    """What an installed package's record says of its licence."""
    record = importlib.metadata.metadata(package)
    stated = record.get("License-Expression") or record.get("License") or ""
    classified = [line.rpartition(" :: ")[2] for line in record.get_all("Classifier", []) if line.startswith("License")]
    if stated and stated != "UNKNOWN" and "\n" not in stated:
        return stated
    if classified:
        return ", ".join(classified)
    files = [Path(str(file)).name for file in importlib.metadata.files(package) or [] if "LICENSE" in str(file)]
    return f"its file {files[0]}" if files else "none stated"


def reference() -> str:
    """The public names of every wing, by the room that they are in, as mkdocstrings reads them."""
    lines = []
    for wing in WINGS:
        lines += ["", f"## {wing.name}", "", f"::: nonet.{wing.name}", "    options:"]
        lines += ["      heading_level: 3", "      members: false"]
        for room, names in public_names(wing.name).items():
            lines += [f"::: {room}", "    options:", "      heading_level: 3", f"      members: [{', '.join(names)}]"]
    return "\n".join(lines[1:])


def public_names(wing: str) -> dict[str, list[str]]:
    """The names that a wing exports, by the module that defines them."""
    package = ROOT / "src" / "nonet" / wing
    stub = package / "__init__.pyi"
    found: dict[str, list[str]] = {}
    for name, room in imported(stub if stub.exists() else package / "__init__.py", f"nonet.{wing}").items():
        inner = ROOT.joinpath("src", *room.split("."), "__init__.py")  # a package only hands on what its rooms define
        found.setdefault(imported(inner, room).get(name, room) if inner.exists() else room, []).append(name)
    return found


def imported(file: Path, package: str) -> dict[str, str]:
    """The names that a module imports from, and the modules."""
    nodes = (node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom))
    rooms = ((node, f"{package}.{node.module}" if node.level else str(node.module)) for node in nodes)
    return {name.name: room for node, room in rooms for name in node.names}


def between(text: str, marker: str, content: str) -> str:
    """The text with what stands between `<!-- marker -->` and `<!-- /marker -->` replaced."""
    pattern = re.compile(rf"(<!-- {marker} -->\n\n).*?(\n\n<!-- /{marker} -->)", re.S)
    if not pattern.search(text):
        raise ValueError(f"no marker {marker}")
    return pattern.sub(lambda found: found[1] + content.strip("\n") + found[2], text)


def pages() -> dict[Path, str]:
    """Every page that this program writes to, as it should be."""
    results = read_all()
    parts = {
        ROOT / "README.md": ("nine", readme_table(results)),
        ROOT / "docs" / "data.md": ("packages", data_table()),
        ROOT / "docs" / "reference.md": ("wings", reference()),
    }
    written = {path: between(path.read_text(encoding="utf-8"), *part) for path, part in parts.items()}
    return {ROOT / "bench" / "RESULTS.md": results_page(results), **written}


def main() -> None:
    """Writes them."""
    for path, text in pages().items():
        replace_file(path, text)


if __name__ == "__main__":
    main()
