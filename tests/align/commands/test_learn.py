"""`nonet align train` and `evaluate` as a user gives them, on coloured pictures and with tiny towers."""

import errno
import json
import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest
import torch

from align.tiny import paint_captioned, tiny
from children import start
from nonet import cli
from nonet.align import train as training
from nonet.align.model import DualEncoder
from nonet.foundation import artifact, checkpoint, console
from nonet.foundation.artifact import Card

pytestmark = pytest.mark.slow  # each trains a model

QUICK = ["--epochs", "20", "--batch-size", "16", "--learning-rate", "0.003", "--device", "cpu"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pairs`, an untrained tiny `start`, and the `features` that trainings share."""
    folder = tmp_path_factory.mktemp("made")
    captioned = paint_captioned(folder / "photos")
    assert cli.run(["align", "pairs", "folder", str(captioned), "--out", str(folder / "pairs")]) == 0
    tiny().save(folder / "start", Card("tiny"))
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Path:
    """A folder to stand in, with links to what was made."""
    for name in ("pairs", "start"):
        (tmp_path / name).symlink_to(made / name)
    monkeypatch.setattr(console.out, "width", 500)
    monkeypatch.setattr(console.err, "width", 500)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return cli.run(["align", *words])


def train(out: str = "model", *more: str) -> int:
    return run("train", "pairs", "--out", out, "--from", "start", *QUICK, *more)


def weights(folder: str) -> dict[str, torch.Tensor]:
    return dict(DualEncoder.load(Path(folder)).state_dict())


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says when it refuses: one paragraph."""
    capsys.readouterr()
    assert run(*words) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("Error: ")
    assert "\n" not in error
    assert "Traceback" not in error
    return error


def test_trained_then_evaluated_as_a_table_and_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("model", "--epochs", "100") == 0
    shown = capsys.readouterr()
    assert "Retrieval on the validation split" in shown.out
    assert shown.err.rstrip().endswith("Wrote model")
    assert sorted(path.name for path in Path("model").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "training",
    ]
    assert not Path("model/training/checkpoints").exists()
    card = Path("model/README.md").read_text()
    assert "32 texts of 32 pictures to learn from, 8 texts of 8 pictures to choose settings" in card
    assert "continued from start; projections trained on frozen encoders" in card
    assert run("evaluate", "model", "pairs", "--split", "test", "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    for way in (measured["image_to_text"], measured["text_to_image"]):
        assert (way["queries"], way["candidates"]) == (8, 8)
        assert way["chance"][0] == pytest.approx(1 / 8)
        assert way["recall"][0] >= 5 / 8  # eight plain colours are told apart
        assert way["recall"] == sorted(way["recall"])
    assert run("evaluate", "model", "pairs", "--split", "validation") == 0
    assert re.search(r"picture → text\s+8\s+8", capsys.readouterr().out)


def test_all_of_it_learns_in_chunks_by_a_recipe(home: Path) -> None:
    words = ["--unfreeze", "--recipe", "retrieval", "--chunk", "8", "--epochs", "1"]
    assert train("tuned", *words) == 0
    before, after = weights("start"), weights("tuned")
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert any(name.startswith("image_encoder") for name in moved)
    assert any(name.startswith("text_encoder") for name in moved)


def test_shards_and_a_vocabulary_of_its_own_by_the_papers_recipe(home: Path) -> None:
    assert run("vocabulary", "pairs", "--size", "100", "--out", "tokenizer.json") == 0
    assert run("shards", "pairs", "--out", "shards") == 0
    small = ["--image-encoder", "small", "--text-encoder", "small", "--image-size", "32", "--dim", "160"]
    small += ["--tokenizer", "tokenizer.json"]
    steps = ["--epochs", "1", "--batch-size", "16", "--chunk", "16", "--device", "cpu"]
    assert run("train", "shards", "--out", "model", "--recipe", "paper", *small, *steps) == 0
    assert run("evaluate", "model", "pairs") == 0


def test_untrained_it_is_near_chance(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the test above shows was learnt."""
    assert run("evaluate", "start", "pairs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text_to_image"]["recall"][0] <= 3 / 8


def test_the_same_command_gives_the_same_weights_and_another_seed_others(home: Path) -> None:
    few = ["--epochs", "2"]
    assert [train("first", *few), train("second", *few), train("third", *few, "--seed", "7")] == [0, 0, 0]
    first, second, third = map(weights, ("first", "second", "third"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["heads.image.2.weight"], third["heads.image.2.weight"])


def test_encoders_with_random_weights_learn_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    towers = ["--image-encoder", "small", "--text-encoder", "small", "--image-size", "32", "--dim", "32"]
    few = ["--epochs", "1", "--batch-size", "16", "--device", "cpu"]
    assert run("train", "pairs", "--out", "model", *towers, *few) == 0
    assert "small and small: random weights, so the encoders learn too." in capsys.readouterr().err
    assert "small and small; whole network trained" in Path("model/README.md").read_text()
    assert DualEncoder.load(Path("model")).dim == 32
    assert not Path("cache/features").exists()  # features of encoders that change are not kept


def test_features_kept_by_the_training_serve_evaluation_and_index(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train() == 0
    assert run("evaluate", "model", "pairs") == 0
    assert run("index", "model", "pairs", "--out", "seen") == 0

    def fail(*_: object) -> None:
        raise AssertionError("a feature was computed again")

    monkeypatch.setattr("nonet.align.encoders.EfficientNetEncoder.forward", fail)
    assert run("evaluate", "model", "pairs") == 0
    assert run("index", "model", "pairs", "--out", "index") == 0
    monkeypatch.undo()
    monkeypatch.chdir(home)
    monkeypatch.setenv("NONET_CACHE", str(home / "another"))
    assert run("index", "model", "pairs", "--out", "computed") == 0
    assert not Path("another").exists()  # an index keeps vectors, not features
    found = []
    for index in ("index", "computed"):
        capsys.readouterr()
        assert run("search", index, "a blue thing", "-k", "48", "--json") == 0
        found.append({row["path"]: row["score"] for row in json.loads(capsys.readouterr().out)})
    assert len(found[0]) == 48
    assert found[0] == pytest.approx(found[1], abs=2e-3)


def test_features_of_encoders_that_no_training_left_as_they_were_are_not_kept(home: Path) -> None:
    assert run("evaluate", "start", "pairs") == 0
    assert not Path("cache").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "nowhere", "--out", "model"], "There is no such folder of pairs."),
        (["train", "start", "--out", "model"], "This folder holds no pairs."),
        (["train", "pairs", "--out", "model", "--from", "nowhere"], "nowhere"),
        (["train", "pairs", "--out", "model", "--from", "pairs"], "pairs"),
        (["train", "pairs", "--out", "model", "--from", "start", "--image-encoder", "small"], "--image-encoder"),
        (["train", "pairs", "--out", "model", "--from", "start", "--image-size", "64"], "--image-size"),
        (["train", "pairs", "--out", "model", "--from", "start", "--dim", "8"], "options of the heads"),
        (["train", "pairs", "--out", "model", "--epochs", "0"], "at least 1"),
        (["train", "pairs", "--out", "model", "--batch-size", "1"], "at least 2"),
        (["train", "pairs", "--out", "model", "--temperature", "0"], "above 0"),
        (["train", "pairs", "--out", "model", "--image-encoder", "./nowhere"], "nowhere"),
        (["train", "pairs", "--out", "notes.txt", "--from", "start", *QUICK, "--epochs", "1"], "notes.txt"),
        (["evaluate", "nowhere", "pairs"], "nowhere"),
        (["evaluate", "pairs", "pairs"], "pairs"),
        (["evaluate", "start", "nowhere"], "There is no such folder of pairs."),
        (["evaluate", "start", "start"], "This folder holds no pairs."),
    ],
)
def test_mistakes_are_one_paragraph_and_exit_code_2(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (home / "notes.txt").write_text("mine")
    assert said in refused(capsys, *words)
    assert not (home / "model" / "model.safetensors").exists()
    assert (home / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ["train", "pairs"],
        ["train", "pairs", "--out", "model", "--epoch", "many"],
        ["train", "pairs", "--out", "model", "--device", "abacus"],
        ["evaluate", "start"],
        ["evaluate", "start", "pairs", "--split", "all"],
    ],
)
def test_words_that_are_no_command_end_with_code_2(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(*words) == 2
    assert "Traceback" not in "".join(capsys.readouterr())


def test_an_empty_split(home: Path, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = (made / "photos" / "captions.tsv").read_text().splitlines()
    for name, without in (("no-test", "test"), ("no-train", "train")):
        (home / f"{name}.tsv").write_text("\n".join(row for row in rows if not row.endswith(f"\t{without}")))
        captions = str(home / f"{name}.tsv")
        assert run("pairs", "folder", str(made / "photos"), "--captions", captions, "--out", name) == 0
    assert "There are no pairs to evaluate on." in refused(capsys, "evaluate", "start", "no-test")
    assert "There are 0 pictures to train on" in refused(
        capsys, "train", "no-train", "--out", "model", "--from", "start"
    )


def _of_another_version(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    key = next(name for name in ("format", "format_version", "version") if isinstance(config.get(name), int))
    (folder / "config.json").write_text(json.dumps({**config, key: config[key] + 98}))


def _of_another_kind(folder: Path) -> None:
    artifact.save(folder, kind="something-else", config={}, tensors={"x": torch.zeros(1)}, card=Card("else"))


def _of_another_tool(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "clip"}')


def _cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _with_other_towers(folder: Path) -> None:
    """Whole as an artifact, but its configuration is not that of its weights."""
    stored = artifact.load(folder, kind="align-dual-encoder")
    config = {**stored.config, "heads": {**stored.config["heads"], "dim": 17}}
    artifact.save(folder, kind=stored.kind, config=config, tensors=stored.tensors, card=Card("odd"))


@pytest.mark.parametrize(
    "spoil", [_of_another_version, _of_another_kind, _of_another_tool, _cut_short, _with_other_towers]
)
def test_models_that_are_foreign_or_damaged_are_refused(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str], spoil
) -> None:
    shutil.copytree(made / "start", "model")
    spoil(Path("model"))
    for words in (["evaluate", "model", "pairs"], ["train", "pairs", "--out", "new", "--from", "model"]):
        assert "model" in refused(capsys, *words)
    assert not Path("new").exists()


def test_ctrl_c_and_the_same_command_again_end_with_the_same_weights(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train("whole") == 0
    calls, loss = [], training.contrastive_loss

    def interrupted(*args, **options):
        calls.append(None)
        if len(calls) == 13:
            signal.raise_signal(signal.SIGINT)
        return loss(*args, **options)

    monkeypatch.setattr(training, "contrastive_loss", interrupted)
    assert train("cut") == 130
    assert "Interrupted" in capsys.readouterr().err
    assert len(calls) == 13  # the step is finished and saved, no other begins
    assert not Path("cut/model.safetensors").exists()
    assert train("cut") == 0
    assert len(calls) == 40  # 20 epochs of 2 batches: no step twice
    whole, cut = weights("whole"), weights("cut")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def in_two_processes(words: list[str], killed_at: int | None = None) -> list[int | None]:
    """Exit statuses of a command in two processes that know each other as those of `torchrun` do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path.cwd()

    def process(rank: int):
        def body() -> None:
            os.chdir(here)
            ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            os.environ.update({name: str(value) for name, value in ranks.items()})
            calls, loss = [], training.contrastive_loss

            def counted(*args, **options):
                calls.append(None)
                if len(calls) == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return loss(*args, **options)

            training.contrastive_loss = counted
            if status := cli.run(words):
                raise SystemExit(status)

        return body

    running = [start(process(rank)) for rank in range(2)]
    for each in running:
        each.join()
    return [each.exitcode for each in running]


def test_two_processes_killed_in_mid_training_go_on_and_end_where_one_does(home: Path) -> None:
    """In bf16, whose rounding is what the weights may differ by."""
    assert train("one", "--precision", "bf16") == 0
    words = ["align", "train", "pairs", "--out", "two", "--from", "start", *QUICK, "--precision", "bf16"]
    assert in_two_processes(words, killed_at=13)[0] == -signal.SIGKILL
    assert list(Path("two/training/checkpoints").iterdir())
    assert not Path("two/model.safetensors").exists()
    assert in_two_processes(words) == [0, 0]
    steps = [json.loads(line)["step"] for line in Path("two/training/log.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == 40
    begun, one, two = weights("start"), weights("one"), weights("two")
    learnt = [name for name in one if not torch.equal(one[name], begun[name])]
    way = torch.cat([(one[name] - begun[name]).flatten() for name in learnt])
    apart = torch.cat([(one[name] - two[name]).flatten() for name in learnt])
    assert learnt
    assert apart.norm() < 0.1 * way.norm()


@pytest.mark.parametrize("when", ["checkpoint", "features", "model"])
def test_a_full_disk_leaves_the_former_model_whole(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    assert train("model", "--epochs", "2") == 0
    former = {path.name: path.read_bytes() for path in Path("model").iterdir() if path.is_file()}
    shutil.rmtree("cache")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if when == "checkpoint":
            patch.setattr(checkpoint, "write", full)
        elif when == "features":
            patch.setattr("nonet.align.features.np.savez", full)
        else:
            patch.setattr(artifact, "_write_tensors", full)
        words = ["train", "pairs", "--out", "model", "--from", "start", *QUICK, "--seed", "3"]
        assert "The disk is full." in refused(capsys, *words)
    now = {path.name: path.read_bytes() for path in Path("model").iterdir() if path.is_file()}
    assert now == former
    assert run("evaluate", "model", "pairs") == 0
    assert train("model", "--seed", "3") == 0  # there is space again
    assert (Path("model") / "model.safetensors").read_bytes() != former["model.safetensors"]
