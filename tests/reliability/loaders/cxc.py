"""Ratings, collections, embeddings, pictures, pairs to rate and their judgements, and models."""

import itertools
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from align.tiny import WORDS, paint_captioned
from nonet.align.encoders import EfficientNetConfig, EfficientNetEncoder, Preparation, TransformerTextEncoder
from nonet.align.sources.folder import FolderConfig, make_pairs
from nonet.cxc.config import TrainConfig
from nonet.cxc.data import collection_from_ratings, read_collection
from nonet.cxc.embeddings import place_rows, read_embeddings, unit_rows
from nonet.cxc.features import Features, kept_features
from nonet.cxc.model import CxcModel
from nonet.cxc.page import open_study
from nonet.cxc.pictures import read_pairs
from nonet.cxc.rating.agreement import mean_scores
from nonet.cxc.rating.pairs import PairToRate, write_pairs
from nonet.cxc.ratings import read_ratings
from nonet.foundation.artifact import Card
from reliability.loaders import Loader

_ITEMS = tuple("pqrs")


def _ratings(folder: Path) -> Path:
    place = folder / "it"
    place.mkdir()
    pairs = list(itertools.combinations(range(4), 2))
    (place / "sts_test.csv").write_text(_rated("caption1,caption2", [(f"c{a}", f"c{b}") for a, b in pairs]))
    (place / "sis_test.csv").write_text(_rated("image1,image2", [(f"i{a}", f"i{b}") for a, b in pairs]))
    (place / "sits_test.csv").write_text(_rated("caption,image", [(f"c{n}", f"i{n}") for n in range(4)]))
    return place


def _rated(names: str, pairs: list[tuple[str, str]]) -> str:
    rows = [f"{left},{right},{number % 6},c2i_original" for number, (left, right) in enumerate(pairs)]
    return "\n".join([f"{names},agg_score,sampling_method", *rows]) + "\n"


def _load_ratings(path: Path) -> None:
    ratings = read_ratings(path)
    if ratings.sits is not None:
        collection_from_ratings(ratings)


def _karpathy(folder: Path) -> Path:
    images = [
        {
            "filepath": "val2014",
            "filename": f"COCO_val2014_{n:012d}.jpg",
            "split": "test",
            "sentences": [{"raw": f"A thing {n}. ", "sentid": 10 * n + k} for k in range(2)],
        }
        for n in range(3)
    ]
    (folder / "it.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    return folder / "it.json"


def _coco(folder: Path) -> Path:
    content = {
        "images": [{"id": n, "file_name": f"{n:012d}.jpg"} for n in range(3)],
        "annotations": [{"id": 9 - n, "image_id": n, "caption": f"a thing {n}"} for n in range(3)],
    }
    (folder / "it.json").write_text(json.dumps(content))
    return folder / "it.json"


def _table(folder: Path) -> Path:
    rows = ["image\tcaption\tcaption_id\timage_id", "a.png\ta thing\t7\t8", "b.png\ta dog\t9\t10"]
    (folder / "captions.tsv").write_text("\n".join(rows) + "\n")
    return folder / "captions.tsv"


def _embeddings(suffix: str):
    rows = np.arange(12, dtype=np.float32).reshape(4, 3) + 1

    def make(folder: Path) -> Path:
        path = folder / f"it{suffix}"
        if suffix == ".npy":
            np.save(path, rows)
        elif suffix == ".npz":
            np.savez(path, embeddings=rows, ids=np.array(_ITEMS))
        else:
            pq.write_table(pa.table({"id": _ITEMS, "embedding": rows.tolist()}), path)
        return path

    return make


def _load_embeddings(path: Path) -> None:
    placed = place_rows(read_embeddings(path), _ITEMS, _ITEMS, path)
    unit_rows(placed.rows, path)


def _pictures(folder: Path) -> Path:
    place = folder / "it"
    (place / "images").mkdir(parents=True)
    for colour in ("red", "blue"):
        Image.new("RGB", (40, 40), colour).save(place / "images" / f"{colour}.png")
    (place / "captions.tsv").write_text("image\tcaption\nred.png\ta red field\nblue.png\ta blue field\n")
    return place


def _tar(folder: Path) -> Path:
    with tarfile.open(folder / "it.tar", "w") as archive:
        archive.add(_pictures(folder), "pairs")
    return folder / "it.tar"


def _align_pairs(folder: Path) -> Path:
    make_pairs(paint_captioned(folder / "pictures", copies=3), folder / "it", FolderConfig())
    return folder / "it"


def _load_pictures(path: Path) -> None:
    read_pairs(path, path.parent / "extracted")


def _study(folder: Path) -> Path:
    place = folder / "it"
    place.mkdir()
    for colour in ("red", "blue"):
        Image.new("RGB", (32, 20), colour).save(place / f"{colour}.jpg")
    pairs = [PairToRate("sts", "a", "b", "m", left_text="One", right_text="Two", gold=2.0)]
    pairs.append(PairToRate("sis", "red", "blue", "m", left_image="red.jpg", right_image="blue.jpg"))
    pairs.append(PairToRate("sits", "a", "red", "m", left_text="A field", right_image="red.jpg"))
    write_pairs(place / "to_rate.parquet", pairs)
    _, store = open_study(place / "to_rate.parquet")
    rater = store.add_rater("Ann", 0.0)
    given = store.next_task(rater, 0.0)
    assert given is not None
    store.judge(rater, given.pair, 3.0, 1.0, 1.0)
    return place


def _load_study(path: Path) -> None:
    pairs, store = open_study(path / "to_rate.parquet")
    store.progress()
    mean_scores(store.judgements(), pairs)
    for rater, _ in store.raters():
        store.next_task(rater, 2.0)


def _towers():
    torch.manual_seed(0)
    image = EfficientNetEncoder(EfficientNetConfig(width=0.25, depth=0.3), Preparation(40, 32))
    return image, TransformerTextEncoder.small(WORDS * 5, vocabulary=100, layers=1, width=32)


def _model(folder: Path) -> Path:
    CxcModel(*_towers(), TrainConfig(dim=16, heads=2, epochs=1)).save(folder / "it", Card("tiny"))
    return folder / "it"


def _load_model(path: Path) -> None:
    model = CxcModel.load(path)
    model.embed_texts(["a red field"])
    model.embed_images([Image.new("RGB", (40, 40), "red")])


def _features() -> Features:
    return Features(torch.zeros(2, 4), torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.bool), torch.arange(2))


def _collection(folder: Path):
    return read_pairs(folder, folder).collection


def _kept(folder: Path) -> Path:
    kept_features(folder / "it", _collection(_pictures(folder / "pairs")), "towers", _features)
    return folder / "it"


def _load_kept(path: Path) -> None:
    kept_features(path, _collection(path.parent / "pairs" / "it"), "towers", _features).mean_tokens()


LOADERS = [
    Loader("cxc/ratings", _ratings, _load_ratings),
    Loader("cxc/collection-karpathy", _karpathy, lambda path: read_collection(path, "test")),
    Loader("cxc/collection-coco", _coco, read_collection),
    Loader("cxc/collection-tsv", _table, read_collection),
    *(Loader(f"cxc/embeddings-{s[1:]}", _embeddings(s), _load_embeddings) for s in (".npy", ".npz", ".parquet")),
    Loader("cxc/pictures", _pictures, _load_pictures),
    Loader("cxc/pictures-tar", _tar, _load_pictures),
    Loader("cxc/pictures-pairs", _align_pairs, _load_pictures),
    Loader("cxc/study", _study, _load_study),
    Loader("cxc/model", _model, _load_model),
    Loader("cxc/features", _kept, _load_kept),
]
