import json

import pytest
import torch

from nonet.felix import editor as editor_room
from nonet.felix.casing import Casing
from nonet.felix.config import DecodeConfig, EditorConfig, LabelConfig
from nonet.felix.data import read_pairs
from nonet.felix.editor import Editor
from nonet.felix.model import Inserter, new_tagger
from nonet.felix.runtime import OnnxBackend, open_editor
from nonet.felix.showing import as_dict, segments, shown
from nonet.foundation.errors import ArtifactError

pytestmark = pytest.mark.slow
ODD = [
    "",
    "   ",
    "x",
    "\0",
    "a\0b\x07c",
    "中文文本。",
    "שלום עולם",
    "😀" * 40,
    "no spaces" * 50,
    "[SEP] [MASK] [CLS]",
    "\ud83d lone",
]


@pytest.fixture(scope="module")
def wild(tiny):
    """An editor with random weights, which edits everything in every way."""
    made = {}
    for variant in ("felix", "infill", "insert"):
        labels = LabelConfig(variant, pointer_prior=0.0)
        torch.manual_seed(3)
        config = EditorConfig("felix", labels, tiny.config)
        tagger, inserter = new_tagger(labels, tiny.config), Inserter.start(tiny)
        made[variant] = Editor.of(config, tiny.vocabulary, Casing(), tagger, inserter)
    return made


TEXTS = ["The cat sat on the mat, and the dog ran.", "One two three.", *ODD, "word " * 300]


@pytest.mark.parametrize("variant", ["felix", "infill", "insert"])
def test_whatever_it_is_given_it_answers_and_can_take_everything_back(wild, variant):
    editor = wild[variant]
    for text, found in zip(TEXTS, editor.edit(TEXTS), strict=True):
        assert found.source == text
        assert editor.rewrite(found, []) == found.text
        assert editor.rewrite(found, range(len(found.edits))) == text
        left = "".join(part.text for part in segments(found) if part.kind in {"keep", "delete", "from"})
        assert left == text
        assert 0 <= found.probability <= 1
        for edit in found.edits:
            assert text[edit.start : edit.end] == edit.old
            assert 0 <= edit.probability <= 1


def test_a_batch_is_edited_as_one_by_one(wild):
    editor = wild["felix"]
    together = [one.text for one in editor.edit(TEXTS)]
    assert together == [next(editor.edit([text])).text for text in TEXTS]


def test_nothing_unsure_is_done_and_a_great_bias_does_nothing(wild):
    for decoding in (DecodeConfig(min_edit_probability=1.0), DecodeConfig(keep_bias=100.0)):
        for variant in ("felix", "infill", "insert"):
            assert [one.text for one in wild[variant].edit(TEXTS, decoding)] == TEXTS


@pytest.mark.parametrize("variant", ["felix", "infill", "insert"])
def test_no_edit_is_made_that_is_less_probable_than_was_asked_for(wild, variant):
    editor, made = wild[variant], 0
    every = [edit.probability for one in editor.edit(TEXTS) for edit in one.edits]
    least = sorted(every)[len(every) // 2]
    for text, found in zip(TEXTS, editor.edit(TEXTS, DecodeConfig(min_edit_probability=least)), strict=True):
        made += len(found.edits)
        assert all(edit.probability >= least for edit in found.edits)
        assert editor.rewrite(found, []) == found.text
        assert editor.rewrite(found, range(len(found.edits))) == text
        assert "".join(part.text for part in segments(found) if part.kind in {"keep", "delete", "from"}) == text
    assert 0 < made < len(every)


def test_a_hundred_thousand_characters_are_edited_in_windows(wild):
    text = "A sentence of some words. " * 4000
    found = next(wild["felix"].edit([text], DecodeConfig(min_edit_probability=1.0)))
    assert found.text == text
    assert found.windows > 100


def test_lines_are_read_as_they_are_needed(wild, monkeypatch):
    monkeypatch.setattr(editor_room, "_LINES", 4)
    read = []

    def endless():
        while True:
            read.append("One two three.")
            yield read[-1]

    edited = wild["felix"].edit(endless())
    assert [next(edited).source for _ in range(3)] == read[:3]
    assert len(read) == 4


def test_more_than_the_encoder_can_read_falls_back_and_says_so(wild):
    editor = wild["felix"]
    wished = Editor(editor.config, editor.vocabulary, editor.casing, editor.backend)
    wished.longest = 12
    found = next(wished.edit(["The cat sat on the mat and the dog ran."]))
    assert found.fallback
    assert (found.text, found.edits) == (found.source, ())


def test_alternatives_differ_and_come_in_order(wild):
    found = wild["felix"].alternatives("The cat sat.", 6)
    assert len({one.text for one in found}) == len(found) > 1
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)


def test_the_toy_language_is_learnt(toy_editor, toy_folder):
    pairs = read_pairs(toy_folder, "test")
    made = list(open_editor(toy_editor).edit([pair.source for pair in pairs]))
    right = sum(one.text == pair.targets[0] for one, pair in zip(made, pairs, strict=True))
    assert right / len(pairs) > 0.9


def test_edits_are_told_in_four_ways(toy_editor):
    found = next(open_editor(toy_editor).edit(["Anna likes tea. They like snow."]))
    assert found.text == "Anna likes tea and snow."
    assert shown(found, "text") == found.text
    assert [edit.new for edit in found.edits] == ["and"]
    assert "replace" in shown(found, "edits") or "insert" in shown(found, "edits")
    told = json.loads(shown(found, "json"))
    assert told == json.loads(json.dumps(as_dict(found)))
    assert "<ins" in shown(found, "html")
    assert "<del" in shown(found, "html")


def test_onnx_edits_as_torch_does(toy_editor, toy_folder):
    texts = [pair.source for split in ("train", "test") for pair in read_pairs(toy_folder, split)][:200] + ODD
    torch_made = [one.text for one in open_editor(toy_editor).edit(texts)]
    assert [one.text for one in open_editor(toy_editor, "onnx").edit(texts)] == torch_made
    int8 = [one.text for one in open_editor(toy_editor, "int8").edit(texts)]
    assert sum(a == b for a, b in zip(int8, torch_made, strict=True)) > 0.9 * len(texts)


def test_graphs_of_another_editor_and_damage_are_refused(toy_editor, wild, tmp_path):
    import shutil

    from nonet.foundation.artifact import Card

    with pytest.raises(ArtifactError, match="no such folder"):
        open_editor(tmp_path / "none")
    other = tmp_path / "other"
    wild["felix"].save(other, Card("other"))
    with pytest.raises(ArtifactError, match="no such graphs"):
        open_editor(other, "onnx")
    shutil.copytree(toy_editor / "onnx", other / "onnx")
    with pytest.raises(ArtifactError, match="another editor"):
        open_editor(other, "onnx")
    damaged = tmp_path / "damaged"
    shutil.copytree(toy_editor, damaged)
    for content in (
        b"nothing",
        (damaged / "onnx" / "inserter.onnx").read_bytes(),
    ):
        (damaged / "onnx" / "pointer.onnx").write_bytes(content)
        with pytest.raises(ArtifactError, match="not the one that was exported"):
            open_editor(damaged, "onnx")
    with pytest.raises(ArtifactError, match="A graph is missing"):
        OnnxBackend(tmp_path / "none")
    (tmp_path / "tagger.onnx").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="no graph"):
        OnnxBackend(tmp_path)
    (damaged / "onnx" / "pointer.onnx").unlink()
    with pytest.raises(ArtifactError, match="one too many"):
        open_editor(damaged, "onnx")
    (damaged / "onnx" / "editor.json").write_text('{"weights": "x", "graphs": []}')
    with pytest.raises(ArtifactError, match="description of the graphs is damaged"):
        open_editor(damaged, "onnx")
    (damaged / "tokenizer.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"bytes|checksum"):
        open_editor(damaged)


def test_a_vocabulary_of_another_size_is_refused(wild, tmp_path):
    from nonet.foundation import artifact
    from nonet.foundation.artifact import Card

    editor = wild["felix"]
    smaller = json.loads(editor.vocabulary.tokenizer.to_str())
    smaller["model"]["vocab"].pop("zurich", None)
    smaller["model"]["vocab"].pop("the")
    files = {"tokenizer.json": json.dumps(smaller).encode(), "casing.json": editor.casing.to_json().encode()}
    artifact.save(
        tmp_path / "e",
        kind="felix-editor",
        config=editor.config,
        tensors={"x": torch.zeros(1)},
        card=Card("x"),
        files=files,
    )
    with pytest.raises(ArtifactError, match="not of one editor"):
        Editor.load(tmp_path / "e")
