"""Fast search: measured recall for words and for pictures, conditions, changes while it is there."""

import numpy as np
import pytest

from nonet.align import exact
from nonet.align.ann import Ann, build, recall
from nonet.align.ann_config import AnnConfig
from nonet.align.filters import PUBLIC, Condition
from nonet.align.index import Index
from nonet.align.segments import Picture
from nonet.foundation.errors import ArtifactError, UsageError

DIM = 48


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered(rows, seed=0, clusters=60):
    """Pictures in clusters, and words for them that lie apart, as in a trained model."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((clusters, DIM))
    pictures = unit(centres[rng.integers(clusters, size=rows)] + 0.7 * rng.standard_normal((rows, DIM)))
    gap = 1.5 * unit(rng.standard_normal((1, DIM)))
    words = unit(unit(centres[rng.integers(clusters, size=120)] + 0.9 * rng.standard_normal((120, DIM))) + gap)
    return pictures, words


def picture(number):
    return Picture(
        f"/p/{number:05d}.{'png' if number % 2 else 'jpg'}", "s", f"{number:064x}", (f"thing {number % 7}",), number, 10
    )


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["sq8", "rabitq"])
def test_the_recall_asked_for_is_reached_for_words_and_for_pictures(tmp_path, coding):
    pictures, words = clustered(24_000)
    looks = unit(pictures[::240] + 0.02 * np.random.default_rng(1).standard_normal((100, DIM)))
    config = AnnConfig(
        recall=0.9, coding=coding, memory_mb=1
    )  # a megabyte: more than one part, where a number takes a byte
    facts = build(pictures.astype(np.float16), {"text": words, "image": looks}, config, tmp_path)
    ann = Ann(tmp_path)
    assert facts.cells == 310
    assert len(list(tmp_path.glob("*.faiss"))) == (2 if coding == "sq8" else 1)
    for kind, queries in (("text", words), ("image", looks)):
        scores, found = ann.search(pictures, queries, 10, kind)
        _, best = exact.scan(pictures.astype(np.float16), queries, 10)
        assert recall(found, best) >= 0.87
        assert facts.recall[kind] >= 0.85
        # scores are exact, whatever the codes said
        assert scores[0, 0] == pytest.approx(float(queries[0] @ pictures[found[0, 0]]), abs=1e-3)
    assert facts.probes["text"] > facts.probes["image"]  # which one number for both would have missed
    allowed = np.arange(24_000) % 3 == 0
    _, found = ann.search(pictures, words, 10, "text", allowed)
    assert (found % 3 == 0).all()


def index_of(folder, rows, name="m", parts=1):
    pictures, words = clustered(rows)
    index = Index.create(folder, fingerprint=name, model="m", dim=DIM)
    for part in np.array_split(np.arange(rows), parts):
        index.add(pictures[part], [picture(int(n)) for n in part])
    return index, pictures, words


def test_an_index_stays_right_while_it_is_made_fast_and_changed(tmp_path):
    index, pictures, words = index_of(tmp_path / "i", 3000)
    before = index.snapshot()
    want = before.search(words[:20], 10)
    (built,) = index.accelerate({"text": words, "image": pictures[:100]}, AnnConfig(exact_below=1000, recall=0.97))
    assert built[1].recall["text"] > 0.9
    after = index.snapshot()
    fast = after.search(words[:20], 10, kind="text")
    assert recall(fast.ids, want.ids) > 0.9
    assert np.array_equal(after.search(words[:20], 10).ids, want.ids)  # exact search is still to be had
    assert np.array_equal(before.search(words[:20], 10).ids, want.ids)  # by those who opened it before, too
    # deleted pictures are not found, new ones are, at once
    gone = want.ids[0, :3].tolist()
    index.delete(gone)
    (new,) = index.add(words[:1], [picture(9999)])
    found = index.snapshot().search(words[:1], 10, kind="text").ids[0].tolist()
    assert found[0] == new
    assert not set(gone) & set(found)
    # tidying up leaves the large part as it is; compaction makes one exact part of all
    index.add(words[1:2], [picture(9998)])
    index.compact(keep_fast=True)
    assert [entry.ann is not None for entry in index.snapshot().manifest.segments] == [True, False]
    index.compact()
    assert [entry.ann for entry in index.snapshot().manifest.segments] == [None]
    assert not list((tmp_path / "i" / "ann").glob("*"))
    assert len(index.snapshot()) == 3000 - 3 + 2


def test_a_damaged_or_half_written_structure_is_noticed(tmp_path):
    index, pictures, words = index_of(tmp_path / "i", 1500)
    (tmp_path / "i" / "ann" / "00000007").mkdir(parents=True)  # left by a killed process
    index.accelerate({"text": words, "image": pictures[:50]}, AnnConfig(exact_below=1000))
    (name,) = (path.name for path in (tmp_path / "i" / "ann").iterdir())
    assert name == index.snapshot().manifest.segments[0].ann
    (tmp_path / "i" / "ann" / name / "cells-0000.faiss").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="damaged"):
        Index.open(tmp_path / "i")


def test_merging_adds_what_is_new_and_refuses_another_model(tmp_path):
    one, pictures, words = index_of(tmp_path / "one", 50)
    two = Index.create(tmp_path / "two", fingerprint="m", model="m", dim=DIM)
    two.add(pictures[40:45], [picture(n) for n in range(40, 45)])
    two.add(words[:5], [picture(n) for n in range(100, 105)])
    two.delete([5])
    assert one.merge(two.snapshot()) == (4, 5)
    snapshot = one.snapshot()
    assert len(snapshot) == 54
    best = snapshot.search(words[1:5], 1)
    assert best.scores.ravel() == pytest.approx(1, abs=1e-2)
    assert {p.path for p in snapshot.pictures(best.ids.ravel().tolist()).values()} == {
        picture(n).path for n in range(101, 105)
    }
    assert Index.open(tmp_path / "one").snapshot().manifest.next_id == 54
    other, *_ = index_of(tmp_path / "other", 5, name="another model")
    with pytest.raises(ArtifactError, match="different models"):
        one.merge(other.snapshot())


def test_conditions_are_met(tmp_path):
    index, _, words = index_of(tmp_path / "i", 400, parts=3)
    snapshot = index.snapshot()
    for text, meets in {
        "width >= 100 AND width < 120": lambda n: 100 <= n < 120,
        "name LIKE '%.png' AND NOT captions = 'thing 3'": lambda n: n % 2 == 1 and n % 7 != 3,
        "captions ILIKE '%THING 2%' OR lower(name) = '00001.png'": lambda n: n % 7 == 2 or n == 1,
        "width IN (3, 5) OR width BETWEEN 390 AND 395": lambda n: n in (3, 5) or 390 <= n <= 395,
        "width = 1000": lambda n: False,
        "path LIKE '/p/%' AND length(captions) > 3 AND width * 2 < 10": lambda n: n < 5,
    }.items():
        condition = Condition.parse(text)
        expected = {n for n in range(400) if meets(n)}
        assert snapshot.matches(condition) == len(expected)
        found = snapshot.search(words[:1], 400, where=condition).ids[0].tolist()
        assert set(found) == expected
        everything = snapshot.search(words[:1], 400).ids[0].tolist()
        assert found == [id for id in everything if id in expected]  # the order is that of all


@pytest.mark.parametrize(
    "text",
    [
        "", "1; DROP TABLE rows", "width > (SELECT 1)", "read_text('/etc/passwd') = ''", "path LIKE '%'",
        "rows.width > 1", "getenv('HOME') = 'x'", "width::VARCHAR = '1'", "x > 1", "width >",
        "(" * 80 + "width" + ")" * 80,
        "CASE WHEN width > 1 THEN true END", "width = 1 UNION SELECT 1", "a" * 600, "*",
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(UsageError, match="condition"):
        Condition.parse(text, PUBLIC)


def test_parts_that_do_not_go_together_are_refused(tmp_path):
    index, *_ = index_of(tmp_path / "i", 5)
    with pytest.raises(UsageError, match="hold together"):
        index.snapshot().matches(Condition.parse("width > 'wide'"))
