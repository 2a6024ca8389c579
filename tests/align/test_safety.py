"""A classifier's scores for the pictures of candidate pairs, and the rule that drops by them."""

import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from align.tiny import tiny
from nonet.align.finetune import Classifier
from nonet.cli import run
from nonet.foundation.artifact import Card

COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 255, 0)}


def test_a_classifier_scores_each_picture_once_and_the_filter_drops_by_the_scores(tmp_path, capsys):
    site, scores = tmp_path / "site", tmp_path / "scores.parquet"
    site.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (300, 300), colour).save(site / f"{name}.png")
    shown = "".join(f'<img src="{name}.png" alt="a plain {name} field">' for name in ("red", "red", "blue", "green"))
    (site / "page.html").write_text(f'{shown}<img src="red.png" alt="the same red field">')
    assert run(["align", "candidates", str(site), "--out", str(tmp_path / "c")]) == 0

    classifier = Classifier(tiny().image_encoder, ["fine", "gore", "nudity"]).eval()
    torch.nn.init.normal_(classifier.head.weight, generator=torch.Generator().manual_seed(0))
    classifier.save(tmp_path / "classifier", Card("tiny"))
    Image.new("RGB", (300, 300), "black").save(site / "green.png")  # no longer what the table tells of

    words = ["align", "score", str(tmp_path / "classifier"), str(tmp_path / "c"), "--out", str(scores), "--unsafe"]
    assert run([*words, "gore", "nudity"]) == 0
    assert "a picture that has changed since" in capsys.readouterr().out
    table = pq.read_table(scores).to_pylist()
    expected = torch.from_numpy(classifier.scores([site / "red.png", site / "blue.png"])).softmax(1)[:, 1:].sum(1)
    assert sorted(row["score"] for row in table) == pytest.approx(sorted(expected.tolist()), abs=1e-5)

    words = ["align", "filter", str(tmp_path / "c"), "--out", str(tmp_path / "f"), "--vocabulary", "None"]
    words += ["--safety-scores", str(scores), "--safety-score-below", str(float(expected.mean()))]
    assert run(words) == 0
    kept = set(pq.read_table(tmp_path / "f" / "kept")["alt"].to_pylist())
    unsafe = "red" if expected[0] > expected[1] else "blue"
    assert kept == {"a plain red field", "the same red field", "a plain blue field", "a plain green field"} - (
        {"a plain red field", "the same red field"} if unsafe == "red" else {"a plain blue field"}
    )


def test_a_class_that_the_classifier_does_not_have_is_refused(tmp_path, capsys):
    Classifier(tiny().image_encoder, ["fine", "gore"]).save(tmp_path / "classifier", Card("tiny"))
    words = ["align", "score", str(tmp_path / "classifier"), str(tmp_path), "--out", str(tmp_path / "s.parquet")]
    assert run([*words, "--unsafe", "gores"]) == 2
    assert "Its classes are fine, gore." in capsys.readouterr().err
    assert not (tmp_path / "s.parquet").exists()
