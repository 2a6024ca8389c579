import json

import numpy as np
import pytest

from nonet.cxc.data import Collection, RatedPairs, collection_from_ratings, merged_rows, read_collection
from nonet.cxc.ratings import read_ratings
from nonet.foundation.errors import DataError


def test_reads_a_split_of_karpathys_file_in_its_order(made_up):
    collection = read_collection(made_up.karpathy, "test")
    assert len(collection.images) == 12 and len(collection.captions) == 61
    assert collection.captions[:2] == ("COCO_val2014:sentid:1000", "COCO_val2014:sentid:1001")
    assert collection.texts[0] == "A thing 1000."
    assert collection.files[0] == f"val2014/{collection.images[0]}"
    assert np.bincount(collection.image_of).tolist() == [5, 5, 6] + [5] * 9


def test_rated_part_leaves_out_the_sixth_caption_and_keeps_the_order(made_up):
    ratings = read_ratings(made_up.folder, "test")
    part = read_collection(made_up.karpathy, "test").only(ratings.images, ratings.captions)
    assert len(part.captions) == 60 and "COCO_val2014:sentid:9999" not in part.captions
    from_ratings = collection_from_ratings(ratings)
    assert (part.images, part.captions) == (from_ratings.images, from_ratings.captions)
    assert part.image_of.tolist() == from_ratings.image_of.tolist()
    assert [rows.tolist() for rows in part.captions_of][1] == [5, 6, 7, 8, 9]


def test_reads_an_official_coco_file(tmp_path):
    content = {
        "info": {},
        "images": [{"id": 42, "file_name": "000000000042.jpg"}, {"id": 7, "file_name": "000000000007.jpg"}],
        "annotations": [
            {"image_id": 7, "id": 3, "caption": "Seven "},
            {"image_id": 42, "id": 9, "caption": "b"},
            {"image_id": 42, "id": 2, "caption": "a"},
        ],
    }
    path = tmp_path / "captions_val2017.json"
    path.write_text(json.dumps(content))
    collection = read_collection(path)
    assert collection.images == ("COCO_val2014_000000000042.jpg", "COCO_val2014_000000000007.jpg")
    assert collection.captions == tuple(f"COCO_val2014:sentid:{n}" for n in (2, 9, 3))
    assert collection.texts == ("a", "b", "Seven")
    assert collection.image_of.tolist() == [0, 0, 1]


def test_reads_tables_of_captions(tmp_path):
    path = tmp_path / "captions.tsv"
    path.write_text('image\tcaption\nx.jpg\tA "quoted" one.\ny.jpg\tTwo\nx.jpg\tThree\n')
    collection = read_collection(path)
    assert collection.captions == ("x.jpg#0", "y.jpg#0", "x.jpg#1")
    assert collection.texts[0] == 'A "quoted" one.'
    assert collection.image_of.tolist() == [0, 1, 0]
    path.write_text("image\timage_id\tcaption_id\tcaption\nval2017/000000000139.jpg\t139\t372891\tA woman.\n")
    collection = read_collection(path)
    assert collection.images == ("COCO_val2014_000000000139.jpg",)
    assert collection.captions == ("COCO_val2014:sentid:372891",)
    assert collection.files == ("val2017/000000000139.jpg",)


def test_says_which_pairs_are_at_hand(made_up):
    ratings = read_ratings(made_up.folder, "test")
    whole = collection_from_ratings(ratings)
    half = whole.only(whole.images[:6], whole.captions)
    pairs = RatedPairs.at_hand(ratings.sits, half)
    assert (len(pairs.score), pairs.total) == (36, 72)
    assert pairs.original.sum() == 30
    assert all(half.image_of[pairs.left[pairs.original]] == pairs.right[pairs.original])


def test_merges_all_kinds_with_both_orders(made_up):
    ratings = read_ratings(made_up.folder, "test")
    merged = merged_rows(ratings, read_collection(made_up.karpathy, "test"))
    assert len(merged["kind"]) == 145 and all(merged["at_hand"])
    row = merged["method"].index("i2i_csim")
    assert (merged["score"][row], merged["reverse_score"][row]) == (1.0, 2.9)
    assert merged["left_text"][0] == "A thing 1000." and merged["left_file"][0] is None
    assert merged["left_file"][row].startswith("val2014/COCO_val2014_")
    assert np.isnan(merged["reverse_score"][-1])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "not JSON"),
        ("[]", "no list 'images'"),
        ('{"images": [{"split": "test"}]}', "lacks 'filename'"),
        ('{"images": [{"split": "val"}]}', "It has: val"),
    ],
)
def test_says_what_is_wrong_with_a_caption_file(tmp_path, content, expected):
    path = tmp_path / "dataset_coco.json"
    path.write_text(content)
    with pytest.raises(DataError, match=expected):
        read_collection(path, "test")


def test_refuses_ids_that_occur_twice():
    with pytest.raises(DataError, match="1 image ids occur more than once, the first is 'a'"):
        Collection(("a", "a"), (), np.zeros(0, dtype=np.int64))


@pytest.mark.slow
@pytest.mark.data
def test_part_of_the_release_that_val2017_covers(real_data):
    collection = read_collection(real_data / "cxc" / "captions_val2017.json")
    found = {}
    for split in ("val", "test"):
        ratings = read_ratings(real_data / "cxc", split)
        part = collection.only(ratings.images, ratings.captions)
        found[split] = (len(part.images), len(RatedPairs.at_hand(ratings.sts, part).score))
    assert found["val"][0] == 608 and found["test"][0] == 593
    assert found["val"][1] + found["test"][1] == 6_531
