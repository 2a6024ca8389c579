import itertools
import json
import tarfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from nonet.cxc.config import CorrelationRules, TrainConfig
from nonet.cxc.study import Setting, StudyConfig, study, training_claims
from nonet.cxc.trials import MEASURES, Trial
from nonet.foundation.report import Estimate


def trials(i2t, t2t, both) -> list[Trial]:
    """Three seeds of each objective; a seed adds itself to every figure."""
    named = {"i2t": i2t, "t2t": t2t, "i2t+t2t": both}
    return [Trial(name, seed, tuple(v + seed for v in values)) for name, values in named.items() for seed in range(3)]


def test_claims_compare_models_of_the_same_seed():
    """The figures of the article: a table that bears out all four claims."""
    found = training_claims(
        trials(
            (53.9, 39.8, 26.0, 50.9, 81.3, 61.6, 0), (1, 1, 40, 72, 60, 20, 0), (55.9, 41.7, 42.4, 74.2, 74.5, 61.9, 9)
        ),
        "note",
        "command",
        "word vectors",
    )
    helps, balanced, worse, best = (claim.measured for claim in found)
    assert helps.value == pytest.approx((2.0 + 1.9) / 2) and helps.low == pytest.approx(helps.high)
    assert balanced.value == pytest.approx((74.2 + 74.5 + 61.9) / 3 - (50.9 + 81.3 + 61.6) / 3)
    assert worse.value == pytest.approx(50.9 - 74.2) and best.value == pytest.approx(81.3 - 74.5)
    assert [claim.holds for claim in found] == [True] * 4


def test_a_claim_that_fails_says_so():
    found = training_claims(
        trials((50, 50, 50, 70, 60, 60, 0), (1, 1, 40, 72, 70, 60, 0), (50, 50, 50, 70, 60, 60, 0)), "n", "c", "s"
    )
    assert [claim.holds for claim in found] == [False] * 4
    assert "note" not in found[0].how and "n" in found[3].how


@pytest.fixture
def small_world(tmp_path, made_up):
    """The layout of the study's data: pictures of plain colours, the made-up ratings, captions of both."""
    data = tmp_path / "data"
    (data / "cxc").mkdir(parents=True)
    for path in made_up.folder.glob("*_test.csv"):
        for split in ("val", "test"):
            content = path.read_text() if split == "test" else path.read_text().replace("COCO_val2014", "COCO_VAL")
            (data / "cxc" / path.name.replace("_test", f"_{split}")).write_text(content)
    numbers = made_up.image_numbers
    rng = np.random.default_rng(0)
    pairs = enumerate(itertools.combinations(numbers, 2))
    rows = [
        f"COCO_val2014_{a:012d}.jpg,COCO_val2014_{b:012d}.jpg,{37 * place % 50 / 10},i2i_csim"
        for place, (a, b) in pairs
    ]
    header = "image1,image2,agg_score,sampling_method"
    (data / "cxc" / "sis_test.csv").write_text("\n".join([header, *rows]) + "\n")
    lines = (data / "cxc" / "sits_test.csv").read_text().splitlines()
    for place, line in enumerate(lines[1:], 1):
        caption, image, _, method = line.split(",")
        lines[place] = f"{caption},{image},{37 * place % 100 / 20},{method}"  # no two of a sample alike
    (data / "cxc" / "sits_test.csv").write_text("\n".join(lines) + "\n")
    words = ["red", "green", "blue", "dog", "cat", "sea", "sky", "road", "bus", "boat", "hill", "tree"]
    notes = [
        {"image_id": n, "id": 10 * n + k, "caption": f"a {words[row]} {' '.join(rng.choice(words, 2))}"}
        for row, n in enumerate(numbers)
        for k in range(5)
    ]
    images = [{"id": n, "file_name": f"{n:012d}.jpg"} for n in numbers]
    (data / "cxc" / "captions_val2017.json").write_text(json.dumps({"images": images, "annotations": notes}))
    for name, count in (("flickr8k-800", 24), ("coco-363", 14)):
        folder = tmp_path / name
        folder.mkdir()
        rows = ["image\tcaption"] if name != "coco-363" else ["image\timage_id\tcaption_id\tcaption"]
        for picture in range(count):
            Image.new("RGB", (32, 32), tuple(rng.integers(0, 256, 3).tolist())).save(folder / f"{picture}.jpg")
            number = numbers[picture] if picture < len(numbers) else 10_000 + picture
            for k in range(5):
                text = f"a {words[picture % 12]} {' '.join(rng.choice(words, 2))}"
                ids = f"\t{number}\t{10 * number + k}" if name == "coco-363" else ""
                rows.append(f"{picture}.jpg{ids}\t{text}")
        (folder / "captions.tsv").write_text("\n".join(rows) + "\n")
        with tarfile.open(data / f"{name}.tar", "w") as archive:
            archive.add(folder, name)
    return data


@pytest.mark.slow
def test_from_data_to_report(small_world, tmp_path, monkeypatch):
    """The whole study with random towers and hardly any training: every figure is there, and a second run resumes."""
    from nonet.align.encoders import TransformerTextEncoder, image_encoder
    from nonet.cxc import trials as room
    from nonet.cxc.model import CxcModel

    torch.manual_seed(0)
    towers = (
        image_encoder("small"),
        TransformerTextEncoder.small(["a red dog", "the blue sea"], vocabulary=90, layers=1),
    )
    monkeypatch.setattr(room, "build", lambda image, text, config: CxcModel(*towers, config))
    small = TrainConfig(dim=16, width=16, heads=2, epochs=1, batch_size=16)
    settings = (Setting("outputs", small), Setting("words", replace(small, text_input="words")))
    monkeypatch.setattr(StudyConfig, "settings", settings)
    monkeypatch.setattr(room, "CorrelationRules", partial(CorrelationRules, samples=20))
    config = StudyConfig(small_world, tmp_path / "out")
    report = study(config)
    assert len(report.claims) == 9 and all(isinstance(claim.measured, Estimate) for claim in report.claims)
    assert report.tables[0].rows != report.tables[1].rows
    assert [row[0] for row in report.tables[0].rows] == ["DE_I2T", "DE_T2T", "DE_I2T+T2T"]
    assert len(report.tables[0].columns) == 1 + len(MEASURES)
    assert report.summary.startswith("20 images to learn from, 6 held out")
    assert len(report.figures) == 3 and len(report.tables) == 5
    assert sorted(path.name for path in (tmp_path / "out" / "runs").iterdir())[0] == "outputs-i2t+t2t-0"
    assert study(config).tables[0].rows == report.tables[0].rows
