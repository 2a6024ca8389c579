"""Pairs and what they are made of, shards, models, indexes and lists."""

import gzip
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from align.fakes import COLOURS, ColourModel, paint, png, warc_record
from align.tiny import paint_captioned, tiny
from nonet.align.ann_config import AnnConfig
from nonet.align.corpus import texts_of
from nonet.align.data import Pairs
from nonet.align.features import FeatureStore
from nonet.align.filtering.config import Rules, TableConfig
from nonet.align.filtering.funnel import filter_pairs
from nonet.align.filtering.schema import CANDIDATES
from nonet.align.index import Index
from nonet.align.indexing import open_or_create, update
from nonet.align.labelled import class_folders, class_names
from nonet.align.listing import list_pictures
from nonet.align.model import DualEncoder, image_batches
from nonet.align.pictures import inspect_picture, open_picture
from nonet.align.search import Query, Searcher, Words
from nonet.align.shards import Shards, write_shards
from nonet.align.sources.candidates import pairs_of_candidates
from nonet.align.sources.folder import FolderConfig
from nonet.align.sources.folder import make_pairs as pairs_of_folder
from nonet.align.sources.multi30k import read_multi30k
from nonet.align.sources.pages import PagesConfig
from nonet.align.sources.pages import make_pairs as pairs_of_pages
from nonet.align.splits import Shares
from nonet.align.zeroshot import read_templates
from nonet.foundation.artifact import Card
from nonet.foundation.errors import DataError
from reliability.loaders import Loader

_tiny = cache(tiny)


# -- pairs --------------------------------------------------------------------------------------------------------


def _pairs(folder: Path) -> Path:
    pairs_of_folder(paint_captioned(folder / "pictures", copies=3), folder / "pairs", FolderConfig())
    return folder / "pairs"


def _load_pairs(path: Path) -> None:
    pairs = Pairs.open(path)
    for split in ("train", "validation", "test"):
        part = pairs.split(split)
        list(image_batches(_tiny().image_encoder, part.images[:3], 2))
    len(list(texts_of(path)))
    list_pictures(path)


def _captioned(suffix: str, text: str):
    def make(folder: Path) -> Path:
        place = folder / "it"
        for colour in ("red", "blue", "green"):
            paint(place / f"{colour}.png", colour)
        (place / f"captions{suffix}").write_text(text)
        return place

    return make


def _load_captioned(path: Path) -> None:
    pairs_of_folder(path, path.parent / "out", FolderConfig())
    Pairs.open(path.parent / "out")


def _archive(folder: Path) -> Path:
    paint_captioned(folder / "plain", copies=1)
    with tarfile.open(folder / "it.tar.gz", "w:gz") as archive:
        archive.add(folder / "plain", "pictures")
    return folder / "it.tar.gz"


def _multi30k(folder: Path) -> Path:
    place = folder / "it"
    (place / "image_splits").mkdir(parents=True)
    (place / "raw").mkdir()
    for split, colours in (("train", ("red", "blue")), ("val", ("green",)), ("test_2016_flickr", ("cyan",))):
        (place / "image_splits" / f"{split}.txt").write_text("".join(f"{c}.jpg\n" for c in colours))
        with gzip.open(place / "raw" / f"{split}.en.gz", "wt") as file:
            file.write("".join(f"a {c} field\n" for c in colours))
    return place


# -- pages ----------------------------------------------------------------------------------------------------------


def _site(folder: Path) -> Path:
    place = folder / "it"
    paint(place / "red.png", "red")
    paint(place / "blue.png", "blue")
    (place / "page.html").write_text(
        '<html lang="en"><base href="."><body><p>Fields</p><img src="red.png" alt="a red field" width=40>'
        '<img srcset="blue.png 1x, red.png 2x" alt="a blue &amp; wide field"><img alt="none"></body></html>'
    )
    return place


def _load_pages(path: Path) -> None:
    pairs_of_pages(str(path), path.parent / "out", PagesConfig())


_RECORDS = (
    warc_record(
        "http://h/p.html", "text/html", b'<img src="red.png" alt="a red field"><img src="b.png" alt="a field">'
    ),
    warc_record("http://h/red.png", "image/png", png("red")),
    warc_record("http://h/b.png", "image/png", png("blue")),
)


def _warc(folder: Path) -> Path:
    (folder / "it.warc").write_bytes(b"".join(_RECORDS))
    return folder / "it.warc"


def _warc_gz(folder: Path) -> Path:
    (folder / "it.warc.gz").write_bytes(b"".join(map(gzip.compress, _RECORDS)))
    return folder / "it.warc.gz"


# -- candidates -------------------------------------------------------------------------------------------------------


def _candidates(folder: Path) -> Path:
    place, rows = folder / "it", []
    for number, colour in enumerate(COLOURS):
        facts = inspect_picture(paint(folder / "it" / "pictures" / f"{colour}.png", colour, (320, 300)))
        home = place / "images" / facts.sha256[:2]
        home.mkdir(parents=True, exist_ok=True)
        (place / "pictures" / f"{colour}.png").rename(home / f"{facts.sha256[:32]}.png")
        rows.append(
            {"image": facts.sha256, "url": f"u{number}", "alt": f"a plain {colour} field", "width": 320, "height": 300}
            | {"page": "p", "language": "en"}
        )
    pq.write_table(pa.Table.from_pylist(rows, schema=CANDIDATES), place / "candidates.parquet")
    scores = pa.table({"image": [row["image"] for row in rows], "score": [0.1] * len(rows)})
    (place / "rules").mkdir()
    pq.write_table(scores, place / "rules" / "scores.pq")
    (place / "rules" / "words.txt").write_text("bad word\nworse\n")
    return place


def _load_candidates(path: Path) -> None:
    rules = Rules(safety_words=path / "rules" / "words.txt", safety_scores=path / "rules" / "scores.pq")
    filter_pairs([path / "candidates.parquet"], path.parent / "kept", rules, TableConfig(threads=1, memory="500MB"))
    pairs_of_candidates(path / "candidates.parquet", path, path.parent / "out", Shares())


# -- shards -----------------------------------------------------------------------------------------------------------


def _shards(folder: Path) -> Path:
    write_shards(Pairs.open(_pairs(folder)), folder / "it", size=4)
    return folder / "it"


def _load_shards(path: Path) -> None:
    shards = Shards.open(path, "train")
    shards.epoch_order(0, 0)
    for number in range(len(shards)):
        try:
            open_picture(shards.read(number).picture)
        except DataError:
            continue  # a training passes over a damaged sample, and counts it
    len(list(texts_of(path)))


# -- models and indexes -----------------------------------------------------------------------------------------------


def _model(folder: Path) -> Path:
    tiny().save(folder / "it", Card("tiny"))
    return folder / "it"


def _load_model(path: Path) -> None:
    model = DualEncoder.load(path)
    model.embed_images([Image.new("RGB", (40, 40), "red")])
    model.embed_texts(["a red field"])


def _index(folder: Path) -> Path:
    lines = []
    for colour in COLOURS:
        paint(folder / "photos" / f"{colour}.png", colour)
        lines.append(f"photos/{colour}.png\t{colour} thing")
    (folder / "list.txt").write_text("\n".join(lines))
    index = open_or_create(folder / "it", ColourModel(), folder / "model")
    update(index, ColourModel(), list_pictures(folder / "list.txt"), commit=5)
    index.accelerate({"image": np.eye(8, dtype=np.float32)}, AnnConfig(exact_below=4))
    index.delete([1])
    return folder / "it"


def _load_index(path: Path) -> None:
    index = Index.open(path)
    searcher = Searcher(index, ColourModel())
    searcher.search(Query(plus=(Words("red"),)), 5)
    snapshot = index.snapshot()
    sum(1 for segment in snapshot.live_segments() for _ in segment.batches())
    index.compact()


def _features(folder: Path) -> Path:
    store = FeatureStore(folder / "it", "print", 4)
    keys = [f"{number:064x}" for number in range(6)]
    store.get(keys, lambda rows: np.ones((len(rows), 4), np.float32), "Features")
    return folder / "it"


def _load_features(path: Path) -> None:
    keys = [f"{number:064x}" for number in range(8)]
    FeatureStore(path, "print", 4).get(keys, lambda rows: np.ones((len(rows), 4), np.float32), "Features")


# -- lists ------------------------------------------------------------------------------------------------------------


def _list(folder: Path) -> Path:
    place = folder / "it"
    paint(place / "red.png", "red")
    (place / "list.txt").write_text("red.png\ta red field\nblue.png\n")
    (place / "templates.txt").write_text("a photo of a {}.\na drawing of a {}.\n")
    (place / "names.tsv").write_text("red\tred things\nblue\tblue things\n")
    (place / "names.json").write_text('{"red": "red things", "blue": "blue things"}')
    (place / "words.txt").write_text("a line\nanother line\n")
    return place


def _load_list(path: Path) -> None:
    list_pictures(path / "list.txt")
    read_templates(path / "templates.txt")
    class_names(["red", "blue"], path / "names.tsv")
    class_names(["red", "blue"], path / "names.json")
    list(texts_of(path / "words.txt"))


def _labelled(folder: Path) -> Path:
    for colour in ("red", "blue"):
        paint(folder / "it" / colour / "1.png", colour)
    return folder / "it"


def _load_labelled(path: Path) -> None:
    list(image_batches(_tiny().image_encoder, class_folders(path).images, 2))


def _picture(suffix: str):
    def make(folder: Path) -> Path:
        picture = Image.effect_noise((24, 16), 50).convert("RGB")
        picture.save(folder / f"it{suffix}")
        return folder / f"it{suffix}"

    return make


_COCO = (
    '{"images": [{"id": 1, "file_name": "red.png"}, {"id": 2, "file_name": "blue.png"}], "annotations":'
    ' [{"id": 5, "image_id": 1, "caption": "a red field"}, {"id": 6, "image_id": 2, "caption": "a blue field"}]}'
)
_KARPATHY = (
    '{"images": [{"filename": "red.png", "split": "train", "sentences": [{"raw": "a red field"}]},'
    ' {"filename": "blue.png", "split": "val", "sentences": [{"raw": "a blue field"}]}], "dataset": "x"}'
)

LOADERS = [
    Loader("align/pairs", _pairs, _load_pairs),
    Loader(
        "align/captions-tsv",
        _captioned(".tsv", "image\tcaption\tsplit\nred.png\ta red field\ttrain\nblue.png\ta blue field\ttest\n"),
        _load_captioned,
    ),
    Loader("align/captions-csv", _captioned(".csv", 'image,caption\nred.png,"a red, field"\n'), _load_captioned),
    Loader(
        "align/captions-jsonl",
        _captioned(".jsonl", '{"image": "red.png", "captions": ["a", "b"]}\n{"file": "blue.png", "text": "c"}\n'),
        _load_captioned,
    ),
    Loader("align/captions-coco", _captioned(".json", _COCO), _load_captioned),
    Loader("align/captions-karpathy", _captioned(".json", _KARPATHY), _load_captioned),
    Loader("align/archive", _archive, _load_captioned),
    Loader("align/multi30k", _multi30k, lambda path: list(read_multi30k(path, ("en",)))),
    Loader("align/pages", _site, _load_pages),
    Loader("align/warc", _warc, _load_pages),
    Loader("align/warc-gz", _warc_gz, _load_pages),
    Loader("align/candidates", _candidates, _load_candidates),
    Loader("align/shards", _shards, _load_shards),
    Loader("align/model", _model, _load_model),
    Loader("align/index", _index, _load_index),
    Loader("align/features", _features, _load_features),
    Loader("align/lists", _list, _load_list),
    Loader("align/labelled", _labelled, _load_labelled),
    *(Loader(f"align/picture-{s[1:]}", _picture(s), open_picture) for s in (".png", ".jpg", ".gif", ".webp", ".tiff")),
]
