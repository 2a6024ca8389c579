import numpy as np
import pytest

from nonet.cxc.config import RetrievalRules
from nonet.cxc.data import RatedPairs, collection_from_ratings
from nonet.cxc.positives import judged_pairs
from nonet.cxc.ratings import read_ratings


@pytest.fixture(scope="module")
def small(made_up):
    ratings = read_ratings(made_up.folder, "test")
    collection = collection_from_ratings(ratings)
    return {part.kind: RatedPairs.at_hand(part, collection) for part in ratings.present}, collection


@pytest.fixture(scope="module")
def whole(official, official_collection):
    return {p.kind: RatedPairs.at_hand(p, official_collection) for p in official.present}, official_collection


def positives(given, task, **rules):
    return judged_pairs(task, *given, RetrievalRules(**rules))


def pairs_of(judged):
    return set(zip(judged.query[judged.positive].tolist(), judged.item[judged.positive].tolist(), strict=True))


def test_captions_and_images_mirror_each_other(small):
    to_images, to_captions = positives(small, "t2i"), positives(small, "i2t")
    assert pairs_of(to_captions) == {(image, caption) for caption, image in pairs_of(to_images)}
    assert len(pairs_of(to_images)) == 61  # 60 of their own and one that people found as good
    assert len(pairs_of(positives(small, "t2i", positives="original"))) == 60
    assert len(pairs_of(positives(small, "t2i", sits_at_least=3.1))) == 60


def test_grades_are_means_of_human_scores(small):
    judged = positives(small, "t2i")
    assert len(judged.query) == 72
    grade = {
        (q, i): g for q, i, g in zip(judged.query.tolist(), judged.item.tolist(), judged.grade.tolist(), strict=True)
    }
    assert grade[0, 0] == 5.0 and grade[0, 1] == 1.25 and grade[1, 5] == 3.0


def test_rules_of_image_pairs(small):
    """The first two images were rated 1.0 in one order and 2.9 in the other."""
    assert {(0, 1), (1, 0)} <= pairs_of(positives(small, "i2i"))
    directed = pairs_of(positives(small, "i2i", sis_pairs="directed"))
    assert (1, 0) in directed and (0, 1) not in directed
    assert (1, 0) not in pairs_of(positives(small, "i2i", twice_rated="mean"))
    assert (1, 0) in pairs_of(positives(small, "i2i", twice_rated="mean", sis_at_least=1.95))
    assert not pairs_of(positives(small, "i2i", positives="original"))


def test_rules_of_co_captions(small):
    pairs, _collection = small
    every = pairs_of(positives(small, "t2t"))
    assert len(every) == 12 * 5 * 4 + 2 and (0, 17) in every and (17, 0) in every
    rated = pairs_of(positives(small, "t2t", co_captions="rated"))
    sts = pairs["sts"]
    enough = {(a, b) for a, b, s in zip(sts.left.tolist(), sts.right.tolist(), sts.score, strict=True) if s >= 3}
    assert rated == enough | {(b, a) for a, b in enough}
    assert all(query != item for query, item in every)


@pytest.mark.data
def test_counts_of_the_release(whole):
    assert positives(whole, "t2i", original_pairs="rated").positive.sum() == 35_585
    judged = positives(whole, "t2i")
    assert judged.positive.sum() == 35_585 + 29
    assert (judged.positives > 0).sum() == 25_000
    assert (positives(whole, "t2i", original_pairs="rated").positives > 0).sum() == 24_972
    images = positives(whole, "i2i").positives
    assert (images > 0).sum() == 4_791 and images.max() == 38
    assert images[images > 0].mean() == pytest.approx(8.45, abs=0.005)
    assert (positives(whole, "i2i", sis_pairs="directed").positives > 0).sum() == 4_471
    assert (positives(whole, "i2i", sis_at_least=3.0).positives > 0).sum() == 4_464
    assert (positives(whole, "i2i", sis_at_least=3.0, sis_pairs="directed").positives > 0).sum() == 3_926
    extra = judged.positive & (whole[1].image_of[judged.query] != judged.item)
    assert len(set(judged.query[extra])) == 8_005 and len(set(judged.item[extra])) == 3_589
    captions = positives(whole, "t2t")
    image_of = whole[1].image_of
    new = captions.positive & (image_of[captions.query] != image_of[captions.item])
    assert len(np.unique(captions.query[new])) == 1_077


@pytest.mark.data
def test_same_positives_as_eccv_caption(whole):
    peer = pytest.importorskip("eccv_caption").Metrics().cxc_gts["t2i"]
    judged = positives(whole, "t2i", original_pairs="rated")
    collection = whole[1]
    ours = {
        (int(collection.captions[q].split(":")[-1]), int(collection.images[i][-16:-4])) for q, i in pairs_of(judged)
    }
    assert ours == {(caption, image) for caption, images in peer.items() for image in images}
