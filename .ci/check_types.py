"""Type checks what may have changed its verdict since it last passed: changed modules and all that import them.

Run by `make check`. The first run, and one after another pyright or other libraries, checks everything.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PASSED = ROOT / ".venv" / "types.json"


def fingerprints() -> dict[str, str]:
    """What the verdict rests on: every module of the package, and the settings and versions beside them."""
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("src/**/*.pyi"), ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    return {str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def named(file: str) -> str:
    """The module that a file below src/ holds."""
    return ".".join(Path(file).with_suffix("").parts[1:]).removesuffix(".__init__")


def to_check(now: dict[str, str], before: dict[str, str]) -> list[str] | None:
    """Files to check, or None for all of them."""
    changed = {file for file in now.keys() | before.keys() if now.get(file) != before.get(file)}
    if not before or not all(file.startswith("src/") for file in changed):
        return None
    graph = grimp.build_graph("nonet", cache_dir=None)
    modules = {named(file) for file in changed}
    for module in list(modules):
        if module in graph.modules:
            modules |= graph.find_downstream_modules(module, as_package=True)
    return [file for file in now if file.endswith(".py") and named(file) in modules]


def main() -> int:
    """Checks, and remembers what passed."""
    now = fingerprints()
    files = to_check(now, json.loads(PASSED.read_text()) if PASSED.exists() else {})
    if files == []:
        print("Types: nothing changed since they were last right.")
        return 0
    print(
        f"Types: checking {'everything, which takes minutes' if files is None else f'{len(files)} files'}.", flush=True
    )
    found = subprocess.run(["pyright", "--pythonpath", sys.executable, *(files or [])], cwd=ROOT, check=False)
    if found.returncode == 0:
        PASSED.write_text(json.dumps(now))
    return found.returncode


if __name__ == "__main__":
    sys.exit(main())
