"""What the source may not do, anywhere: nothing that is read is ever run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "nonet"
FILES = sorted(SOURCE.rglob("*.py"))

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib.load", "marshal", "shelve", "telnetlib", "ftplib"}
CALLS = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {
    "yaml.load": "yaml.safe_load parses no objects",
    "yaml.unsafe_load": "yaml.safe_load parses no objects",
    "os.system": "subprocess with a list of words",
    "os.popen": "subprocess with a list of words",
    "pickle.load": "safetensors or JSON",
    "np.load": "foundation.arrays, which compares what a header claims with what is there",
    "numpy.load": "foundation.arrays, which compares what a header claims with what is there",
    "json.load": "foundation.reading.parse_json",
    "gzip.decompress": "foundation.reading.unpack, which has a limit",
    "bz2.decompress": "foundation.reading.unpack, which has a limit",
    "zlib.decompress": "foundation.reading.unpack, which has a limit",
    "tempfile.mktemp": "tempfile.mkdtemp",
}
AT_HOME = {"foundation/arrays.py", "foundation/reading.py"}


def dotted(node: ast.AST) -> str:
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def broken_rules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (f"line {node.lineno}: imports {name}" for name in names if name in MODULES)
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            given = {word.arg: word.value for word in node.keywords}
            if called in CALLS:
                yield f"line {node.lineno}: calls {called}"
            if called in ATTRIBUTES:
                yield f"line {node.lineno}: {called}; use {ATTRIBUTES[called]}"
            if getattr(given.get("shell"), "value", False):
                yield f"line {node.lineno}: a shell"
            if getattr(given.get("trust_remote_code"), "value", False) or getattr(
                given.get("allow_pickle"), "value", False
            ):
                yield f"line {node.lineno}: runs code from what it reads"
            if called.endswith("torch.load") and getattr(given.get("weights_only"), "value", None) is not True:
                yield f"line {node.lineno}: torch.load without weights_only=True"
            if called.endswith(".extractall") and "tar" in ast.unparse(node.func).lower() and "filter" not in given:
                yield f"line {node.lineno}: a tar is unpacked without a filter"
            pretrained = called.startswith("AutoModel") and called.endswith("from_pretrained")
            if pretrained and getattr(given.get("use_safetensors"), "value", None) is not True:
                yield f"line {node.lineno}: weights that may be pickled"


def test_nothing_that_is_read_is_run() -> None:
    found = {
        path.relative_to(SOURCE).as_posix(): list(broken_rules(ast.parse(path.read_text(encoding="utf-8"))))
        for path in FILES
    }
    assert len(found) > 300
    assert {name: lines for name, lines in found.items() if lines and name not in AT_HOME} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "eval('1')",
        "exec(text)",
        "yaml.load(text)",
        "subprocess.run('ls', shell=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "AutoModel.from_pretrained(name)",
        "AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=True)",
        "gzip.decompress(data)",
    ],
)
def test_the_rules_see_what_they_forbid(line: str) -> None:
    assert len(list(broken_rules(ast.parse(line)))) == 1


def test_the_rules_let_what_is_safe_pass() -> None:
    safe = "yaml.safe_load(text)\ntorch.load(path, weights_only=True)\nmodel.eval()\nre.compile('a')\nrun(['ls'])"
    assert list(broken_rules(ast.parse(safe))) == []
