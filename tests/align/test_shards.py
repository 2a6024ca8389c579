"""Shards: read by other tools, read in any order, taken up anywhere."""

import dataclasses
import json
import re
import tarfile

import numpy as np
import pytest
import torch

from align.tiny import paint_captioned, tiny
from nonet.align.config import LearningConfig
from nonet.align.run import Run, execute
from nonet.align.shard_batches import ShardPairs, evaluate_shards
from nonet.align.shard_training import train_on_shards
from nonet.align.shards import Shards, write_shards
from nonet.align.train import evaluate_on
from nonet.cli import run
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.sampling import Plan, Seeded, batches

CONFIG = LearningConfig(epochs=2, batch_size=20, learning_rate=1e-3, device="cpu", unfreeze=True)


@pytest.fixture(scope="module")
def shards(shapes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(shapes, folder, size=32)
    return folder


def test_the_command_writes_shards(tmp_path, capsys):
    assert (
        run(["align", "pairs", "folder", str(paint_captioned(tmp_path / "photos")), "--out", str(tmp_path / "p")]) == 0
    )
    assert run(["align", "shards", str(tmp_path / "p"), "--out", str(tmp_path / "s"), "--size", "16"]) == 0
    assert len(Shards.open(tmp_path / "s", "train")) == 32
    assert re.search(r"train pictures\s+32", capsys.readouterr().out)


def test_every_picture_of_the_split_is_there_once_with_its_texts(shapes, shards):
    read = {sample.sha256: sample for sample in Shards.open(shards, "train")}
    train = shapes.split("train")
    assert len(Shards.open(shards, "train")) == len(train.images) == len(read)
    for row, digest in enumerate(train.digests):
        assert read[digest].picture == train.images[row].read_bytes()
        assert list(read[digest].texts) == [t for t, of in zip(train.texts, train.image_of, strict=True) if of == row]


def test_the_layout_is_that_of_other_tools(shards, tmp_path):
    with tarfile.open(shards / "train-000000.tar") as tar:
        names = tar.getnames()
        assert names[:3] == ["000000.png", "000000.txt", "000000.json"]
        assert tar.extractfile("000000.txt").read().decode() in json.load(tar.extractfile("000000.json"))["texts"]
    # what img2dataset writes: no table of contents, a caption in the description, another order of the members
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for name, content in {
            "00.txt": b"a cat",
            "00.jpg": b"x",
            "01.json": b'{"caption": "a dog"}',
            "01.jpg": b"y",
        }.items():
            (tmp_path / "member").write_bytes(content)
            tar.add(tmp_path / "member", name)
    assert [(s.picture, s.texts) for s in Shards.open(tmp_path, "train")] == [(b"x", ("a cat",)), (b"y", ("a dog",))]
    with pytest.raises(DataError, match="no shards"):
        Shards.open(tmp_path, "test")


def test_the_same_samples_make_the_same_shards(shapes, shards, tmp_path):
    write_shards(shapes, tmp_path / "again", size=32)
    for path in shards.glob("*.tar"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").touch()
    with pytest.raises(UsageError, match="other things"):
        write_shards(shapes, tmp_path / "other")


def test_an_epoch_reads_each_sample_once_and_each_epoch_in_another_order(shards):
    opened = Shards.open(shards, "train")
    one, two = opened.epoch_order(0, 0), opened.epoch_order(0, 1)
    assert sorted(one) == sorted(two) == list(range(len(opened)))
    assert not np.array_equal(one, two)
    assert np.array_equal(one, opened.epoch_order(0, 0))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_taken_up_in_the_middle_of_an_epoch_it_goes_on_with_the_sample_that_was_due(shards, workers):
    model = tiny()
    data = ShardPairs(Shards.open(shards, "train"), model.image_encoder, model.text_encoder, CONFIG)

    def steps(start, workers, process=0, processes=1):
        plan = Plan(
            len(data), 20, 12, start=start, seed=3, order=data.epoch_order, process=process, processes=processes
        )
        return [batch["picture"] for batch in batches(Seeded(data, lambda b: b), plan, workers=workers, pin=False)]

    whole = steps(0, 0)
    assert all(torch.equal(a, b) for a, b in zip(whole[7:], steps(7, workers), strict=True))
    shared = [steps(0, workers, process, 2) for process in range(2)]
    for step, batch in enumerate(whole):
        assert torch.equal(torch.cat([shared[0][step], shared[1][step]]), batch)


def test_damaged_samples_are_counted_and_their_places_taken(shapes, tmp_path):
    write_shards(shapes, tmp_path, size=32)
    path = tmp_path / "train-000000.tar"
    with tarfile.open(path) as tar:
        places = [member.offset_data for member in tar if member.name.endswith(".png")][:3]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place : place + 20] = b"\0" * 20
    path.write_bytes(content)
    model = tiny()
    opened = Shards.open(tmp_path, "train")
    data = ShardPairs(opened, model.image_encoder, model.text_encoder, CONFIG)
    batch = data.__getitems__(list(range(10)))
    assert float(batch["damaged"]) == 3
    assert len(batch["pixels"]) == len(batch["ids"]) == 10
    assert len(set(batch["picture"].tolist())) == 7
    with pytest.raises(DataError, match="All 2 samples"):
        data.__getitems__([0, 1])
    content[:] = content[: len(content) // 2]  # a download that broke off
    path.write_bytes(content)
    assert 5 < len(Shards([path])) < 32
    (tmp_path / "train-000001.tar").write_bytes(b"no tar at all")
    with pytest.raises(DataError, match="not a tar"):
        Shards.open(tmp_path, "train")


@pytest.mark.slow
def test_a_training_on_shards_is_resumed_to_the_same_weights(shapes, shards, tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, optimizer="lamb", schedule="linear", ema=0.9)
    whole = tiny()
    outcome = train_on_shards(whole, shards, config, run=tmp_path / "whole")
    held_out = shapes.split("validation")
    assert outcome.validation.text_to_image.queries == len(held_out)
    assert evaluate_shards(whole, Shards.open(shards, "validation")).mean_recall == pytest.approx(
        evaluate_on(whole, held_out).mean_recall, abs=0.05
    )
    from nonet.align import train as room

    calls, loss = [], room.contrastive_loss

    def interrupted(*args, **options):
        calls.append(None)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return loss(*args, **options)

    monkeypatch.setattr(room, "contrastive_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_on_shards(tiny(), shards, config, run=tmp_path / "cut")
    monkeypatch.setattr(room, "contrastive_loss", loss)
    resumed = tiny()
    assert train_on_shards(resumed, shards, config, run=tmp_path / "cut").history.resumed_at > 0
    assert all(torch.equal(whole.state_dict()[name], tensor) for name, tensor in resumed.state_dict().items())


@pytest.mark.slow
def test_the_command_trains_from_shards(shards, tmp_path):
    learning = LearningConfig(epochs=1, batch_size=50, device="cpu", chunk=25, paper_crop=True)
    run = Run(shards, tmp_path / "model", "small", "small", image_size=32, learning=learning, vocabulary=200)
    outcome = execute(run)
    assert np.isfinite(outcome.history.last("loss"))
    assert "samples in" in (tmp_path / "model" / "README.md").read_text()
