"""Commands of the wing's page that no other test runs: sources of pairs, a head for an encoder, other back-ends."""

import io
import json
import shutil
import sys

import pytest

from nonet.cli import run
from nonet.felix.data import read_pairs

pytestmark = pytest.mark.slow
PROSE = (
    "Anna lived in Paris. She was a painter. However, she left the old town. Her brother stayed because he liked it. "
)


def sources(folder) -> list[str]:
    return [pair.source for split in ("train", "validation", "test") for pair in read_pairs(folder, split)]


def test_pairs_of_rules_from_a_folder_of_texts(tmp_path):
    pytest.importorskip("spacy", reason="spaCy is not installed")
    (tmp_path / "articles").mkdir()
    for name in "abcdefghijkl":
        (tmp_path / "articles" / f"{name}.txt").write_text(PROSE.replace("Anna", f"Anna {name.upper()}"))
    words = [str(tmp_path / "articles"), "--out", str(tmp_path / "pairs"), "--task", "fuse", "voice"]
    assert run(["felix", "pairs", "text", *words]) == 0
    assert any("lived in Paris. Anna" in source for source in sources(tmp_path / "pairs"))


def test_pairs_of_rules_from_the_packaged_articles(tmp_path):
    pytest.importorskip("spacy", reason="spaCy is not installed")
    words = ["--out", str(tmp_path / "pairs"), "--documents", "1", "--task", "fuse"]
    assert run(["felix", "pairs", "wikipedia", *words]) == 0
    assert sources(tmp_path / "pairs")


def test_pairs_of_an_official_download(tmp_path):
    (tmp_path / "disfl-qa").mkdir()
    row = {"original": "Where is Paris?", "disfluent": "When no where is Paris?"}
    for part in ("train", "dev", "test"):
        (tmp_path / "disfl-qa" / f"{part}.json").write_text(json.dumps({part: row}))
    words = ["disfl-qa", str(tmp_path / "disfl-qa"), "--out", str(tmp_path / "pairs")]
    assert run(["felix", "pairs", "official", *words]) == 0
    assert set(sources(tmp_path / "pairs")) == {row["disfluent"]}


def test_an_encoder_gets_a_head(tmp_path, capsys):
    (tmp_path / "texts").mkdir()
    for number in range(12):
        (tmp_path / "texts" / f"{number}.txt").write_text("The cat sat on the mat and the dog ran to the sea. " * 6)
    words = ["--text", str(tmp_path / "texts"), "--layers", "1", "--steps", "2", "--batch-size", "4"]
    assert run(["felix", "adapt", "--out", str(tmp_path / "encoder"), *words]) == 0
    assert (tmp_path / "encoder" / "model.safetensors").is_file()
    assert "perplexity at masks before" in capsys.readouterr().out


def test_an_editor_learns_without_a_pointer_and_with_few_layers(toy_folder, tmp_path, capsys):
    words = ["--variant", "insert", "--layers", "1", "--steps", "2", "--encoder", "small", "--batch-size", "4"]
    assert run(["felix", "train", str(toy_folder), "--out", str(tmp_path / "editor"), *words]) == 0
    assert "Wrote" in capsys.readouterr().err
    assert json.loads((tmp_path / "editor" / "config.json").read_text())


def test_an_editor_is_exported_and_edits_by_onnx_runtime(toy_editor, tmp_path, monkeypatch, capfdbinary):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    copy = tmp_path / "editor"
    shutil.copytree(toy_editor, copy, ignore=shutil.ignore_patterns("*.onnx"))
    assert run(["felix", "export", str(copy), "--onnx", "--int8"]) == 0
    assert len(list(copy.rglob("*.onnx"))) >= 2
    capfdbinary.readouterr()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Anna likes tea. They like snow.\n")))
    assert run(["felix", "edit", str(copy), "--backend", "onnx"]) == 0
    assert capfdbinary.readouterr().out == b"Anna likes tea and snow.\n"
