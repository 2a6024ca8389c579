"""Zero-shot, nearest neighbours, linear probes and fine-tuning: known answers, and the commands on real folders."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from align.conftest import draw
from align.fakes import COLOURS, ColourModel, paint
from align.tiny import tiny
from nonet.align.config import FineTuning
from nonet.align.finetune import Classifier, fine_tune
from nonet.align.labelled import class_folders, class_names
from nonet.align.neighbours import label_recall, nearest_labels, vote
from nonet.align.probe import SgdSchedule, fit_lbfgs, fit_sgd
from nonet.align.zeroshot import accuracy, class_embeddings, probabilities, read_templates
from nonet.cli import run
from nonet.foundation.artifact import Card
from nonet.foundation.errors import ArtifactError, DataError


def colour_folders(home, copies=3):
    for name in ("red", "green", "blue", "yellow"):
        for copy in range(copies):
            paint(home / name / f"{copy}.png", tuple(abs(v - 5 * copy) for v in COLOURS[name]))
    return home


def test_classes_are_found_by_their_names_alone(tmp_path):
    data = class_folders(colour_folders(tmp_path))
    model = ColourModel()
    classes = class_embeddings(model, data.classes, ["a photo of {}", "{} things"])
    measured = accuracy(model.embed_images([Image.open(path) for path in data.images]) @ classes.T, data.labels)
    assert (measured.pictures, measured.classes, measured.top_1) == (12, 4, 1.0)


def test_class_embeddings_are_the_normalised_mean_of_normalised_sentences():
    class Model(ColourModel):
        dim = 2

        def embed_texts(self, texts):
            return np.array([[1, 0] if text.startswith("a") else [0.6, 0.8] for text in texts], np.float32)

    got = class_embeddings(Model(), ["x", "y"], ["a {}", "b {}", "b {}"])
    want = np.array([2.2, 1.6]) / np.hypot(2.2, 1.6)
    assert np.allclose(got, [want, want])


def test_accuracy_counts_ties_as_wrong_and_classes_alike():
    scores = np.array([[3.0, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [5, 4, 3, 2, 1, 0], [0, 0, 0, 0, 0, 9]])
    measured = accuracy(scores, np.array([0, 0, 5, 5]))
    assert measured.top_1 == 0.5
    assert measured.top_5 == 0.75
    assert measured.mean_per_class == pytest.approx((0.5 + 0.5) / 2)
    assert accuracy(np.zeros((7, 6)), np.zeros(7, int)).top_5 == 0  # a model that cannot tell gains nothing


def test_probabilities_are_the_softmax_over_the_temperature():
    classes = np.eye(3, dtype=np.float32)
    got = probabilities(np.array([0.9, 0.1, 0.0], np.float32), classes, 0.1)
    want = np.exp([9.0, 1, 0]) / np.exp([9.0, 1, 0]).sum()
    assert np.allclose(got, want, rtol=1e-5)


def test_our_templates_and_those_of_others(tmp_path):
    bank = read_templates()
    assert len(bank) == len(set(bank)) > 20
    (tmp_path / "t.txt").write_text("a {} cat\n\nno name here\n")
    with pytest.raises(DataError, match="no name here"):
        read_templates(tmp_path / "t.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_templates(tmp_path / "none.txt")


def test_names_of_classes(tmp_path):
    assert class_names(["polar_bear", "n01-x"]) == ["polar bear", "n01 x"]
    (tmp_path / "n.tsv").write_text("n01\ta tench\nn02\tgoldfish\n")
    assert class_names(["n02", "n01"], tmp_path / "n.tsv") == ["goldfish", "a tench"]
    (tmp_path / "n.json").write_text('{"n01": "tench"}')
    with pytest.raises(DataError, match="n02"):
        class_names(["n02"], tmp_path / "n.json")
    with pytest.raises(DataError, match="0 classes"):
        class_folders(tmp_path)
    with pytest.raises(DataError, match="no class 'zebra'"):
        class_folders(zebra(tmp_path / "other")).relabelled(["red", "green"])


def zebra(home):
    paint(home / "zebra" / "a.png", "red")
    paint(home / "red" / "a.png", "red")
    return home


def test_neighbours_by_hand():
    known = np.array([[1, 0], [0.9, 0.1], [0, 5], [0.1, 2]], np.float32)  # of any length
    found = nearest_labels(known, np.array([7, 8, 9, 9]), np.array([[2, 0.0], [0, 1]], np.float32), 4)
    assert found[:, 0].tolist() == [7, 9]
    assert label_recall(found, np.array([8, 9]), 1) == 0.5
    assert label_recall(found, np.array([8, 9]), 2) == 1.0
    assert vote(found).tolist() == [9, 9]
    assert vote(found[:, :1]).tolist() == [7, 9]


def gaussians(count, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    means = 1.5 * np.random.default_rng(0).standard_normal((3, 20))
    return (5 + 3 * (means[labels] + rng.standard_normal((count, 20)))).astype(np.float32), labels


@pytest.mark.slow
def test_both_probes_reach_the_best_linear_classifier():
    features, labels = gaussians(600, 1)
    fresh, truth = gaussians(2000, 2)
    means = np.stack([features[labels == c].mean(0) for c in range(3)])
    best = (((fresh[:, None] - means) ** 2).sum(2).argmin(1) == truth).mean()  # optimal for these
    sgd = fit_sgd(np.stack([features, features]), labels, 3, SgdSchedule(epochs=60, batch_size=200))
    lbfgs = fit_lbfgs(features, labels, 3)
    for fitted in (sgd, lbfgs):
        assert (fitted.scores(fresh).argmax(1) == truth).mean() > best - 0.015
    assert lbfgs.strength > 0
    with pytest.raises(DataError, match="too few"):
        fit_lbfgs(features[:5], labels[:5], 3)


def test_lbfgs_finds_the_optimum_that_scikit_learn_finds():
    sklearn = pytest.importorskip("sklearn.linear_model")
    from nonet.align.probe import _minimised

    features, labels = gaussians(300, 3)
    ours = _minimised(features, labels, 3, 0.03, None)
    scaled = (features - features.mean(0)) / features.std(0)
    theirs = sklearn.LogisticRegression(C=3 / (0.03 * 300), tol=1e-8, max_iter=1000).fit(scaled, labels)
    assert np.allclose(ours.weight.numpy(), theirs.coef_, atol=2e-2)


def seasoned(model, images):
    """Batch normalisation that has seen pictures; a fresh network's averages fit none."""
    encoder = getattr(model, "image_encoder", model).train()
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        encoder(encoder.preprocess([Image.open(path).convert("RGB") for path in images]))
    return model.eval()


def shape_folders(home, copies, seed):
    for number, shape in enumerate(("circle", "cross", "square")):
        for copy in range(copies):
            path = home / shape / f"{copy}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            draw("red", shape, seed + 100 * number + copy).save(path)
    return home


@pytest.mark.slow
def test_fine_tuning_learns_and_leaves_batch_normalisation_as_it_was(tmp_path):
    data = class_folders(shape_folders(tmp_path / "train", 16, 0))
    fresh = class_folders(shape_folders(tmp_path / "test", 10, 5000))
    encoder = seasoned(tiny().image_encoder, data.images)
    averages = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
    weights = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    tuning = FineTuning(head_steps=30, steps=0, batch_size=16, head_rate=0.5)
    head_only = fine_tune(encoder, data, tuning, tmp_path / "head")
    assert all(torch.equal(weights[name], p) for name, p in encoder.named_parameters())
    by_head = accuracy(head_only.scores(fresh.images), fresh.labels).top_1
    tuning = FineTuning(head_steps=10, steps=60, batch_size=16, head_rate=0.5, rate=0.1)
    whole = fine_tune(encoder, data, tuning, tmp_path / "whole")
    assert all(torch.equal(averages[name], buffer) for name, buffer in encoder.named_buffers())
    measured = accuracy(whole.scores(fresh.images), fresh.labels).top_1
    assert measured > max(0.6, by_head - 0.05)
    whole.save(tmp_path / "saved", Card(title="t", description="d", data="d"))
    assert np.allclose(Classifier.load(tmp_path / "saved").scores(fresh.images), whole.scores(fresh.images), atol=1e-5)
    with pytest.raises(ArtifactError):
        Classifier.load(tmp_path / "train")


@pytest.mark.slow
def test_the_commands_on_folders_of_classes(tmp_path, capsys):
    train, test = colour_folders(tmp_path / "train", 6), colour_folders(tmp_path / "test", 2)
    model = seasoned(tiny(), class_folders(train).images)
    model.save(tmp_path / "model", Card(title="t", description="d", data="d"))
    common = ["--most", "4", "--json"]
    assert run(["align", "zero-shot", str(tmp_path / "model"), str(train), str(test), *common]) == 0
    both = json.loads(capsys.readouterr().out)
    assert [row["pictures"] for row in both.values()] == [16, 8]
    assert run(["align", "knn", str(tmp_path / "model"), str(train), str(test), "-k", "3", *common]) == 0
    assert (
        json.loads(capsys.readouterr().out)["R@1"] >= 0.75
    )  # of plain colours, by a random network; chance is a quarter
    cache = ["--cache", str(tmp_path / "cache")]
    assert run(["align", "probe", str(tmp_path / "model"), str(train), str(test), *common, *cache]) == 0
    probed = json.loads(capsys.readouterr().out)
    assert len(probed) == 2
    assert all(row["top_1"] >= 0.75 for row in probed.values())
    (tmp_path / "names.txt").write_text("blue\tazure\ngreen\tgreen\nred\tcrimson\nyellow\tyellow\n")
    named = ["--names", str(tmp_path / "names.txt")]
    assert run(["align", "zero-shot", str(tmp_path / "model"), str(test), *named, *common]) == 0
    steps = ["--head-steps", "5", "--steps", "2", "--batch-size", "8", "--test", str(test)]
    out = ["--out", str(tmp_path / "tuned")]
    assert run(["align", "finetune", str(tmp_path / "model"), str(train), *steps, *out, *common]) == 0
    assert Classifier.load(tmp_path / "tuned").classes == ["blue", "green", "red", "yellow"]
    assert run(["align", "knn", str(tmp_path / "model"), str(train), str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
