"""A small made-up benchmark in the official layouts, and the real one where it is at hand."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nonet.cxc.data import Collection, collection_from_ratings
from nonet.cxc.ratings import RatingSet, read_ratings

CAPTIONS_EACH = 5


@dataclass(frozen=True)
class MadeUp:
    folder: Path
    karpathy: Path
    image_numbers: list[int]


def write_csv(path: Path, header: str, rows: list[tuple]) -> None:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="ascii")


def image_name(number: int) -> str:
    return f"COCO_val2014_{number:012d}.jpg"


def caption_name(number: int) -> str:
    return f"COCO_val2014:sentid:{number}"


@pytest.fixture(scope="session")
def made_up(tmp_path_factory) -> MadeUp:
    """Twelve test images with five captions each (one image has six), in the layouts of the release and of Karpathy."""
    folder = tmp_path_factory.mktemp("cxc")
    rng = np.random.default_rng(0)
    numbers = [100 + 7 * n for n in range(12)]
    sentences = {n: [10 * n + k for k in range(CAPTIONS_EACH)] for n in numbers}
    rated = [
        (caption_name(s), image_name(n), 5 - 0.1 * k, "c2i_original")
        for n in numbers
        for k, s in enumerate(sentences[n])
    ]
    rated += [
        (caption_name(sentences[a][0]), image_name(b), 1.25, "c2i_intrasim") for a, b in itertools.pairwise(numbers)
    ]
    rated += [(caption_name(sentences[numbers[0]][1]), image_name(numbers[5]), 3.0, "c2i_intrasim")]
    write_csv(folder / "sits_test.csv", "caption,image,agg_score,sampling_method", rated)
    ring = [
        (caption_name(s[k]), caption_name(s[(k + 1) % 5]), round(float(rng.uniform(2, 5)), 2), "c2c_cocaption")
        for s in sentences.values()
        for k in range(5)
    ]
    ring += [(caption_name(sentences[numbers[0]][0]), caption_name(sentences[numbers[3]][2]), 3.4, "c2c_isim")]
    write_csv(folder / "sts_test.csv", "caption1,caption2,agg_score,sampling_method", ring)
    seen = [
        (image_name(a), image_name(b), 2.5 if n % 2 else 1.0, "i2i_csim")
        for n, (a, b) in enumerate(itertools.pairwise(numbers))
    ]
    seen += [(image_name(numbers[1]), image_name(numbers[0]), 2.9, "i2i_csim")]
    write_csv(folder / "sis_test.csv", "image1,image2,agg_score,sampling_method", seen)
    entries = [
        {
            "filepath": "val2014",
            "sentids": ids,
            "filename": image_name(n),
            "imgid": row,
            "split": "test",
            "cocoid": n,
            "sentences": [{"tokens": ["a", "thing"], "raw": f"A thing {s}. ", "imgid": row, "sentid": s} for s in ids],
        }
        for row, (n, ids) in enumerate((n, [*sentences[n], 9999] if n == numbers[2] else sentences[n]) for n in numbers)
    ]
    other = {
        **entries[0],
        "filename": image_name(5),
        "split": "train",
        "sentids": [1],
        "sentences": [{"tokens": [], "raw": "x", "imgid": 99, "sentid": 1}],
    }
    karpathy = folder / "dataset_coco.json"
    karpathy.write_text(json.dumps({"images": [other, *entries], "dataset": "coco"}))
    return MadeUp(folder, karpathy, numbers)


@pytest.fixture(scope="session")
def official(real_data: Path) -> RatingSet:
    return read_ratings(real_data / "cxc", "test")


@pytest.fixture(scope="session")
def official_collection(official: RatingSet) -> Collection:
    return collection_from_ratings(official)
