import math

import numpy as np
import pytest
import torch
from PIL import Image

from nonet.align.encoders import EfficientNetEncoder, TransformerTextEncoder, image_encoder
from nonet.cli import run
from nonet.cxc.config import TrainConfig
from nonet.cxc.data import Collection
from nonet.cxc.features import Features, compute_features
from nonet.cxc.model import CxcModel, text_tower, token_outputs
from nonet.cxc.pictures import Pictures, joined, rated_images, read_pairs
from nonet.cxc.train import _Objective, both_ways, train
from nonet.foundation.artifact import Card
from nonet.foundation.errors import ArtifactError, DataError, UsageError

COLOURS = ("red", "green", "blue", "yellow", "white", "black", "orange", "purple")
SMALL = TrainConfig(dim=32, heads=2, dropout=0.0, epochs=1)


@pytest.fixture(scope="module")
def texts():
    return [
        f"{word} {colour} {thing}"
        for colour in COLOURS
        for word, thing in (("a", "square"), ("one", "field"), ("the", "wall"))
    ]


@pytest.fixture(scope="module")
def towers(texts):
    torch.manual_seed(0)
    text = TransformerTextEncoder.small(texts, vocabulary=120, layers=1, width=64)
    return image_encoder("small"), text


@pytest.fixture(scope="module")
def folder(tmp_path_factory, texts):
    place = tmp_path_factory.mktemp("pairs")
    (place / "images").mkdir()
    rows = ["image\tcaption"]
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (48, 48), colour).save(place / "images" / f"{colour}.png")
        rows += [f"{colour}.png\t{text}" for text in texts[3 * number : 3 * number + 3]]
    (place / "captions.tsv").write_text("\n".join(rows) + "\n")
    return place


@pytest.fixture(scope="module")
def features(folder, towers, tmp_path_factory):
    return compute_features(read_pairs(folder, tmp_path_factory.mktemp("none")), *towers)


def test_loss_is_the_symmetric_softmax_over_other_images():
    queries, items = torch.eye(3), torch.tensor([[1.0, 0, 0], [0.5, 1, 0], [0, 0, 1]])
    one = torch.tensor(1.0)
    logits = queries @ items.T
    rows = -logits.log_softmax(1).diagonal().mean()
    columns = -logits.log_softmax(0).diagonal().mean()
    assert both_ways(queries, items, torch.tensor([0, 1, 2]), one) == pytest.approx(float(rows + columns) / 2)
    # rows 0 and 1 belong to one image: each is told from row 2 alone
    masked = logits.clone()
    masked[0, 1] = masked[1, 0] = -math.inf
    expected = -(masked.log_softmax(1).diagonal().mean() + masked.log_softmax(0).diagonal().mean()) / 2
    assert both_ways(queries, items, torch.tensor([0, 0, 2]), one) == pytest.approx(float(expected))


def test_siblings_are_other_captions_of_the_same_image(towers):
    image_of = torch.tensor([0, 1, 0, 1, 0, 2])
    given = Features(
        torch.zeros(3, towers[0].width), torch.zeros(6, 2, 64), torch.ones(6, 2, dtype=torch.bool), image_of
    )
    objective = _Objective(CxcModel(*towers, SMALL), given)
    rows = torch.arange(6)
    drawn = torch.stack([objective._sibling(rows, image_of) for _ in range(60)])
    assert (image_of[drawn] == image_of).all()
    assert (drawn[:, :5] != rows[:5]).all() and (drawn[:, 5] == 5).all()
    assert set(drawn[:, 0].tolist()) == {2, 4}


def test_features_are_those_of_the_towers(features, towers, texts):
    outputs, mask = token_outputs(towers[1], texts[:3])
    assert features.images.shape == (8, towers[0].width)
    assert torch.equal(features.mask[:3, : mask.shape[1]], mask)
    assert torch.allclose(features.tokens[:3, : mask.shape[1]].float(), outputs, atol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["i2t", "t2t", "i2t+t2t"])
def test_each_objective_learns_what_it_is_for(objective, towers, features, tmp_path):
    """Eight plain colours are learnt by heart: images find their captions, captions their siblings, as trained."""
    from dataclasses import replace

    model = CxcModel(
        *towers, replace(SMALL, objective=objective, epochs=40, batch_size=24, learning_rate=3e-3, weight_decay=0.0)
    )
    before = model.heads.image[2].weight.clone()
    train(model, features, tmp_path)
    with torch.inference_mode():
        texts = model.heads.embed_tokens(features.tokens.float(), features.mask)
        images = model.heads.embed_images(features.images)
    same = features.image_of[:, None] == features.image_of[None, :]
    within = (texts @ texts.T).fill_diagonal_(-2).argmax(1)
    found = (texts @ images.T).argmax(1)
    if "t2t" in objective:
        assert same[torch.arange(24), within].float().mean() > 0.9
    if "i2t" in objective:
        assert (found == features.image_of).float().mean() > 0.9
    else:
        assert torch.equal(before, model.heads.image[2].weight)


def test_a_model_survives_saving(towers, texts, tmp_path):
    model = CxcModel(*towers, SMALL)
    model.save(tmp_path / "model", Card(title="small"))
    loaded = CxcModel.load(tmp_path / "model")
    pictures = [Image.new("RGB", (40, 30), colour) for colour in COLOURS]
    assert np.array_equal(loaded.embed_images(pictures), model.embed_images(pictures))
    rows = loaded.embed_texts(texts, batch_size=5)
    assert np.allclose(rows, model.embed_texts(texts), atol=1e-6) and np.allclose(
        np.linalg.norm(rows, axis=1), 1, atol=1e-5
    )
    assert loaded.config == model.config
    with pytest.raises(ArtifactError):
        CxcModel.load(tmp_path)


def test_same_seed_same_weights(towers):
    one, two = (CxcModel(*towers, SMALL).heads.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_reads_folders_and_archives_and_says_what_is_missing(folder, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "pairs.tar", "w") as archive:
        archive.add(folder, "pairs")
    read = read_pairs(tmp_path / "pairs.tar", tmp_path / "out")
    assert len(read.paths) == 8 and read.collection.texts == read_pairs(folder, tmp_path).collection.texts
    part = read.only({"red.png", "blue.png"})
    assert [path.name for path in part.paths] == ["red.png", "blue.png"] and len(part.collection.captions) == 6
    both = joined([part, read.only({"green.png"})])
    assert both.collection.image_of.tolist() == [0] * 3 + [1] * 3 + [2] * 3 and len(both.paths) == 3
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {"image": ["images/red.png", "images/blue.png"], "text": ["a", "b"], "split": ["train", "test"]}
    pq.write_table(pa.table(rows), folder / "pairs.parquet")
    assert read_pairs(folder, tmp_path).collection.texts == ("a",)
    (folder / "pairs.parquet").unlink()
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match=r"0 files captions\.tsv"):
        read_pairs(tmp_path / "bare", tmp_path)
    (tmp_path / "bare" / "captions.tsv").write_text("image\tcaption\ngone.jpg\ttext\n")
    with pytest.raises(DataError, match=r"no picture 'gone\.jpg'"):
        read_pairs(tmp_path / "bare", tmp_path)
    with pytest.raises(DataError, match="no such folder or archive"):
        read_pairs(tmp_path / "none", tmp_path)
    (tmp_path / "no.tar").write_text("no")
    with pytest.raises(DataError, match=r"not a \.tar archive"):
        read_pairs(tmp_path / "no.tar", tmp_path)


def test_needs_two_images_and_a_transformer(towers, tmp_path):
    one = Features(
        torch.zeros(1, towers[0].width),
        torch.zeros(2, 2, 64),
        torch.ones(2, 2, dtype=torch.bool),
        torch.zeros(2, dtype=torch.long),
    )
    with pytest.raises(DataError, match="fewer than two images"):
        train(CxcModel(*towers, SMALL), one, tmp_path)
    assert isinstance(towers[0], EfficientNetEncoder)
    with pytest.raises(UsageError, match="no output for each token"):
        text_tower(towers[0])


def test_images_that_people_rated_can_be_left_out(made_up):
    rated = rated_images(made_up.folder)
    assert len(rated) == 12
    names = tuple(sorted(rated))[:2]
    pictures = Pictures(
        Collection((*names, "mine"), ("a", "b", "c"), np.arange(3), ("x", "y", "z")), (made_up.folder,) * 3
    )
    assert pictures.only(set(pictures.collection.images) - rated).collection.images == ("mine",)
    with pytest.raises(DataError, match="no rating files"):
        rated_images(made_up.folder / "none")


@pytest.mark.slow
def test_commands_train_and_judge_a_model(folder, towers, made_up, tmp_path, capsys):
    """From pictures to figures, with a text tower of the Hugging Face layout."""
    towers[1].network.save_pretrained(tmp_path / "tower")
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=towers[1].tokenizer, pad_token="[PAD]").save_pretrained(tmp_path / "tower")
    words = ["cxc", "train", str(folder), "--out", str(tmp_path / "model"), "--objective", "i2t+t2t", "--epochs", "1"]
    words += ["--image-encoder", "small", "--text-encoder", str(tmp_path / "tower"), "--exclude", str(made_up.folder)]
    assert run([*words, "--device", "cpu", "--batch-size", "8"]) == 0
    assert "8" in capsys.readouterr().out
    assert "last training loss" in (tmp_path / "model" / "README.md").read_text()
    judged = ["cxc", "evaluate", "--ratings", str(made_up.folder), "--coco", str(made_up.karpathy)]
    (tmp_path / "val2014").mkdir()
    for number in made_up.image_numbers:
        Image.new("RGB", (48, 48)).save(tmp_path / "val2014" / f"COCO_val2014_{number:012d}.jpg")
    pictures = ["--image-dir", str(tmp_path / "val2014")]
    for model, more in (("model", pictures), ("tower", [])):
        assert run([*judged, "--model", str(tmp_path / model), "--correlation.samples", "5", *more]) == 0
        shown = capsys.readouterr().out
        assert "T→T" in shown and "STS" in shown
        assert ("\nI→T " in shown) is bool(more)  # a row: results from the literature have columns of that name
    assert run([*judged, "--model", str(tmp_path / "none")]) == 2
    assert "no such model folder" in capsys.readouterr().err


def test_a_checkpoint_of_another_objective_or_of_other_data_is_refused(towers, features, tmp_path):
    from dataclasses import replace

    def trained(objective="i2t", given=features, dropout=0.0):
        train(CxcModel(*towers, replace(SMALL, objective=objective, dropout=dropout)), given, tmp_path)

    trained()
    trained()  # goes on, that is, is done
    with pytest.raises(ArtifactError):
        trained(objective="t2t")
    with pytest.raises(ArtifactError):
        trained(given=replace(features, images=features.images + 1))
