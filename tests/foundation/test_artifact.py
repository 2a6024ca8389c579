import errno
import json
import os
import pickle
import random
import shutil
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from children import start
from nonet.foundation import artifact, files, manifest
from nonet.foundation.artifact import Card, load, save
from nonet.foundation.errors import ArtifactError, ResourceError, UsageError


@dataclass(frozen=True)
class Width:
    units: int = 3
    names: tuple[str, ...] = ("a", "b")


CARD = Card("A model", description="Adds.", data="Sums", figures={"error": 0.25}, date=date(2020, 1, 2))


def write(folder: Path, value: float = 1.0, **options) -> Path:
    options = {"config": Width(), "files": {"words/tokenizer.json": b"{}"}, **options}
    save(folder, kind="adder", tensors={"weight": torch.full((64,), value)}, card=CARD, **options)
    return folder


def test_round_trip(tmp_path):
    other = tmp_path / "vocabulary.txt"
    other.write_text("ä\nb\n", encoding="utf-8")
    tensors = {
        "weight": torch.arange(6.0).reshape(2, 3).T,  # not contiguous
        "half": torch.tensor([1.5, -2], dtype=torch.bfloat16),
        "count": torch.tensor(7),
    }
    tensors["tied"] = tensors["half"]
    save(
        tmp_path / "model",
        kind="adder",
        config=Width(5),
        tensors=tensors,
        card=CARD,
        files={"vocabulary.txt": other, "words/tokenizer.json": b"{}"},
    )
    stored = load(tmp_path / "model", kind="adder")
    assert stored.configured(Width) == Width(5)
    assert stored.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert stored.tensors[name].dtype == tensor.dtype
        assert torch.equal(stored.tensors[name], tensor)
    assert stored.files["vocabulary.txt"].read_text(encoding="utf-8") == "ä\nb\n"
    assert stored.files["words/tokenizer.json"].read_bytes() == b"{}"
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| error | 0.25 |" in card
    assert "2020-01-02" in card


def test_numpy_arrays_need_no_torch(tmp_path):
    save(tmp_path / "m", kind="adder", config={}, tensors={"w": np.eye(3)[:, ::-1]}, card=CARD)
    loaded = load(tmp_path / "m", kind="adder", library="numpy").tensors["w"]
    np.testing.assert_array_equal(loaded, np.eye(3)[:, ::-1])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused_or_harmless(tmp_path_factory, data):
    folder = write(tmp_path_factory.mktemp("changed") / "model")
    name = data.draw(st.sampled_from(["config.json", "model.safetensors", "README.md", "words/tokenizer.json"]))
    content = bytearray((folder / name).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:position]
    else:
        content[position] ^= data.draw(st.integers(1, 255))
    (folder / name).write_bytes(content)
    try:
        stored = load(folder, kind="adder")
    except ArtifactError as error:
        assert str(folder) in str(error)
        assert error.fix
    else:  # in config.json a byte of a version number or a config value may be another valid one
        assert name == "config.json"
        assert torch.equal(stored.tensors["weight"], torch.ones(64))


@pytest.mark.parametrize("name", ["model.safetensors", "README.md", "words/tokenizer.json"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = write(tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match="missing") as caught:
        load(folder, kind="adder")
    assert caught.value.where == str(folder / name)


def test_foreign_folders_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no such folder"):
        load(tmp_path / "absent", kind="adder")
    with pytest.raises(ArtifactError, match="not a nonet artifact"):
        load(tmp_path, kind="adder")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ArtifactError, match="not a nonet artifact"):
        load(tmp_path, kind="adder")
    with pytest.raises(ArtifactError, match="holds 'adder' and not 'tagger'"):
        load(write(tmp_path / "model"), kind="tagger")


def test_another_version_is_refused(tmp_path):
    path = write(tmp_path / "model") / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99, "nonet_version": "9.9"}))
    with pytest.raises(ArtifactError, match=r"format 99, written by nonet 9\.9"):
        load(path.parent, kind="adder")


def test_a_manifest_cannot_point_out_of_its_folder(tmp_path):
    path = write(tmp_path / "model") / "config.json"
    (tmp_path / "secret").write_text("s")
    content = json.loads(path.read_text())
    content["files"]["../secret"] = vars(manifest.fingerprint(tmp_path / "secret"))
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="names files"):
        load(path.parent, kind="adder")


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_loading_never_unpickles(tmp_path):
    mark = tmp_path / "exploded"
    bomb = pickle.dumps(Bomb(mark))
    folder = write(tmp_path / "model")
    for name in ("pytorch_model.bin", "model.pkl"):
        (folder / name).write_bytes(bomb)
    load(folder, kind="adder")
    assert not mark.exists()
    for attack in (bomb, torch_pickle(tmp_path, mark)):
        (folder / "model.safetensors").write_bytes(attack)
        content = json.loads((folder / "config.json").read_text())
        content["files"]["model.safetensors"] = vars(manifest.fingerprint(folder / "model.safetensors"))
        (folder / "config.json").write_text(json.dumps(content))
        with pytest.raises(ArtifactError, match="not a safetensors file"):
            load(folder, kind="adder")
        assert not mark.exists()
    pickle.loads(bomb)
    assert mark.exists(), "the bomb of this test is a real one"


def torch_pickle(folder: Path, mark: Path) -> bytes:
    torch.save(Bomb(mark), folder / "bomb.pt")
    return (folder / "bomb.pt").read_bytes()


def test_files_of_others_stay_and_are_never_overwritten(tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "state").write_text("kept")
    (folder / "log.jsonl").write_text("kept")
    write(folder, 1.0)
    write(folder, 2.0, files={})
    assert (folder / "checkpoints" / "state").read_text() == "kept"
    assert (folder / "log.jsonl").read_text() == "kept"
    assert not (folder / "words").exists(), "a file of the former artifact is not one of the new"
    foreign = tmp_path / "project"
    foreign.mkdir()
    (foreign / "README.md").write_text("mine")
    with pytest.raises(ArtifactError, match="would be overwritten"):
        write(foreign)
    assert [path.name for path in foreign.iterdir()] == ["README.md"]


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="stand in"):
        write(Path())


def test_an_artifact_of_another_version_may_be_replaced(tmp_path):
    path = write(tmp_path / "model") / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    write(tmp_path / "model", 2.0)
    assert load(tmp_path / "model", kind="adder").tensors["weight"][0] == 2


# Whatever an artifact is written with; each call of each of them is made to fail in turn.
STEPS = [
    (os, "fsync"),
    (os, "link"),
    (Path, "mkdir"),
    (Path, "rename"),
    (Path, "write_text"),
    (Path, "write_bytes"),
    (shutil, "copyfile"),
    (files, "_exchange"),
    (files, "_lock"),
    (manifest, "fingerprint"),
    (artifact, "_write_tensors"),
]


class Fault:
    """Counts the calls of `STEPS` and lets one of them fail as a full disk does."""

    def __init__(self, monkeypatch, fails_at: int | None) -> None:
        self.calls, self.fails_at = 0, fails_at
        for owner, name in STEPS:
            monkeypatch.setattr(owner, name, self.wrapped(getattr(owner, name)))

    def wrapped(self, function):
        def call(*args, **options):
            self.calls += 1
            if self.calls == self.fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*args, **options)

        return call


@pytest.mark.parametrize("exchange", [True, False])
def test_a_full_disk_at_any_step_leaves_a_whole_artifact(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    folder = write(tmp_path / "model", 1.0)
    (folder / "notes").write_text("mine")
    with monkeypatch.context() as patch:
        count = Fault(patch, None)
        write(folder, 1.0)
    assert count.calls > 15
    held = 1.0
    for step in range(1, count.calls + 1):
        with monkeypatch.context() as patch:
            Fault(patch, step)
            try:
                write(folder, held + 1)
            except ResourceError as error:
                assert "full" in str(error)
            else:
                assert step > 1
        value = load(folder, kind="adder").tensors["weight"][0].item()
        assert value in (held, held + 1), f"after a fault at step {step}"
        held = value
        assert (files.readable_folder(folder) / "notes").read_text() == "mine"
    write(folder, 5.0)
    assert load(folder, kind="adder").tensors["weight"][0] == 5
    assert [path.name for path in tmp_path.iterdir()] == ["model"], "nothing is left beside it"


def test_safetensors_full_disk(tmp_path, monkeypatch):
    import safetensors.torch
    from safetensors import SafetensorError

    folder = write(tmp_path / "model", 1.0)

    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(ResourceError, match="The disk is full"):
        write(folder, 2.0)
    assert load(folder, kind="adder").tensors["weight"][0] == 1


@pytest.mark.slow
@pytest.mark.parametrize("exchange", [True, False])
def test_kill_at_any_moment_leaves_a_whole_artifact(tmp_path, exchange):
    folder = write(tmp_path / "model", 0.0)
    chance = random.Random(7)
    for first in range(0, 2000, 100):
        begun = tmp_path.with_name(f"{tmp_path.name}-{first}")

        def writer(first=first, begun=begun) -> None:
            if not exchange:
                files._exchange = lambda first, second: False
            for value in range(first + 1, first + 10_000):
                write(folder, float(value))
                begun.touch()

        child = start(writer)
        while not begun.exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.06))
        child.kill()
        child.join()
        assert load(folder, kind="adder").tensors["weight"].unique().item() > first
    write(folder, -1.0)
    assert load(folder, kind="adder").tensors["weight"][0] == -1
    assert [path.name for path in tmp_path.iterdir()] == ["model"], "nothing is left beside it"


@pytest.mark.slow
def test_a_reader_beside_a_writer_always_finds_a_whole_artifact(tmp_path):
    folder = write(tmp_path / "model", 0.0)

    def writer() -> None:
        for value in range(100_000):
            write(folder, float(value))

    child = start(writer)
    try:
        for _ in range(100):
            assert load(folder, kind="adder").tensors["weight"].unique().numel() == 1
    finally:
        child.kill()
        child.join()
