import json
import re

import numpy as np
import pytest

from nonet.cli import run
from nonet.cxc.config import CorrelationRules, RetrievalRules
from nonet.cxc.data import collection_from_ratings, read_collection
from nonet.cxc.embeddings import Embedded
from nonet.cxc.evaluate import judge, material
from nonet.cxc.leaderboard import beside, published
from nonet.cxc.ratings import read_ratings
from nonet.cxc.showing import failures, save_failures
from nonet.foundation.errors import DataError, UsageError


@pytest.fixture(scope="module")
def vectors(made_up):
    """A model that knows the image of every caption and little else."""
    collection = read_collection(made_up.karpathy, "test")
    rng = np.random.default_rng(0)
    images = rng.standard_normal((12, 32)).astype(np.float32)
    captions = images[collection.image_of] + 0.3 * rng.standard_normal((61, 32)).astype(np.float32)
    return collection, images, captions.astype(np.float32)


@pytest.fixture
def files(vectors, tmp_path):
    _, images, captions = vectors
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "captions.npy", captions)
    return tmp_path


def given(vectors, ratings, *, images=True, captions=True, rules=None):
    collection, pictures, words = vectors
    return material(
        ratings,
        collection,
        Embedded(pictures) if images else None,
        Embedded(words) if captions else None,
        rules or RetrievalRules(),
    )


@pytest.mark.slow
def test_all_seven_tasks_on_the_rated_part(made_up, vectors):
    ratings = read_ratings(made_up.folder, "test")
    found = judge(given(vectors, ratings), ratings, correlation=CorrelationRules(samples=20))
    tasks = {run.result.task: run.result for run in found.retrieval}
    assert list(tasks) == ["i2t", "t2i", "t2t", "i2i"]
    assert [(r.queries, r.gallery) for r in tasks.values()] == [(12, 60), (60, 12), (60, 59), (11, 11)]
    assert tasks["t2i"].recall[0].value == 1.0 and tasks["i2i"].recall[0].value < 1.0
    assert [result.kind for result in found.correlation] == ["sts", "sis", "sits"]
    assert found.coverage.whole and found.skipped == () and len(found.notes) == 1
    assert found.twice is not None and found.twice.pairs == 1


def test_the_order_of_rows_with_ids_does_not_matter(made_up, vectors):
    collection, images, captions = vectors
    ratings = read_ratings(made_up.folder, "test")
    turned = Embedded(captions[::-1].copy(), collection.captions[::-1])
    one = judge(given(vectors, ratings), ratings, correlation=CorrelationRules(samples=5))
    made = material(ratings, collection_from_ratings(ratings), Embedded(images), turned, RetrievalRules())
    other = judge(made, ratings, correlation=CorrelationRules(samples=5))
    assert made.notes == ("1 rows of --captions belong to items that the ratings do not know and were left out.",)
    assert [run.result.map_at_r for run in one.retrieval] == [run.result.map_at_r for run in other.retrieval]
    assert one.correlation == other.correlation


def test_works_on_the_part_at_hand_and_says_which(made_up, vectors):
    collection, images, captions = vectors
    ratings = read_ratings(made_up.folder, "test")
    half = material(
        ratings, collection, Embedded(images[:6], collection.images[:6]), Embedded(captions), RetrievalRules()
    )
    found = judge(half, ratings, correlation=CorrelationRules(samples=5))
    assert (found.coverage.images, found.coverage.all_images) == (6, 12)
    assert (found.coverage.captions, found.coverage.all_captions) == (30, 60)
    assert {kind: (here, there) for kind, here, there in found.coverage.pairs}["sits"] == (36, 72)
    assert "only a part of the ratings" in beside(found, "mine")[0].caption


def test_runs_the_tasks_that_the_embeddings_allow(made_up, vectors):
    ratings = read_ratings(made_up.folder, "test")
    words = judge(given(vectors, ratings, images=False), ratings, correlation=CorrelationRules(samples=5))
    assert [run.result.task for run in words.retrieval] == ["t2t"]
    assert [result.kind for result in words.correlation] == ["sts"]
    assert "I→T: no embeddings of images." in words.skipped
    collection, images, captions = vectors
    unlike = material(ratings, collection, Embedded(images), Embedded(captions[:, :8].copy()), RetrievalRules())
    found = judge(unlike, ratings, correlation=CorrelationRules(samples=5))
    assert "SITS: images have 32 dimensions and captions 8." in found.skipped
    assert [run.result.task for run in found.retrieval] == ["t2t", "i2i"]


def test_the_gallery_may_be_the_whole_file(made_up, vectors):
    ratings = read_ratings(made_up.folder, "test")
    rules = RetrievalRules(gallery="all")
    found = judge(given(vectors, ratings, rules=rules), ratings, rules, CorrelationRules(samples=5))
    assert {run.result.task: run.result.gallery for run in found.retrieval}["i2t"] == 61


def test_rows_in_a_wrong_order_are_suspected(made_up, vectors):
    collection, images, captions = vectors
    ratings = read_ratings(made_up.folder, "test")
    shuffled = Embedded(np.random.default_rng(1).permutation(captions))
    made = material(ratings, collection, Embedded(images), shuffled, RetrievalRules())
    assert "order of the file" in made.notes[-1]


def test_refuses_what_does_not_fit(made_up, vectors):
    collection, images, captions = vectors
    ratings = read_ratings(made_up.folder, "test")
    with pytest.raises(UsageError, match="no embeddings"):
        material(ratings, collection, None, None, RetrievalRules())
    with pytest.raises(DataError, match=r"There are 30 rows, but 60 or 61 items"):
        material(ratings, collection, Embedded(images), Embedded(captions[:30]), RetrievalRules())
    zeros = images.copy()
    zeros[3] = 0
    made = material(ratings, collection, Embedded(zeros), Embedded(captions), RetrievalRules())
    with pytest.raises(DataError, match="zero vectors, the first is row 3"):
        judge(made, ratings)
    dot = RetrievalRules(similarity="dot")
    assert judge(made, ratings, dot, CorrelationRules(similarity="dot", samples=2)).retrieval


def test_failures_show_the_best_positive_and_what_stood_before_it(made_up, vectors, tmp_path):
    ratings = read_ratings(made_up.folder, "test")
    made = given(vectors, ratings)
    found = judge(made, ratings, correlation=CorrelationRules(samples=2))
    worst = [failure for failure in failures(made, found, count=3) if failure.task == "I→I"]
    assert len(worst) == 3
    assert all(failure.best.positive and failure.best.rank > 1 for failure in worst)
    assert worst[0].best.rank >= worst[1].best.rank
    assert not any(shown.positive for shown in worst[0].instead[: min(5, worst[0].best.rank - 1)])
    assert worst[0].query.id not in [shown.id for shown in worst[0].instead]
    near = next(one for one in failures(made, found, count=12) if one.task == "I→I" and one.best.rank <= 5)
    save_failures(tmp_path / "page.html", [near], made.collection, None, "Failures")
    assert (tmp_path / "page.html").read_text().count(near.best.id) == 1


def test_published_results_are_those_of_the_articles():
    retrieval, correlation = published()
    rows = {row[0]: row for row in retrieval.rows}
    assert rows["ALIGN"][1:] == (
        "78.1 / 94.3 / 97.4",
        "61.8 / 84.9 / 91.1",
        "45.4 / 66.8 / 75.2",
        "49.4 / 81.4 / 89.1",
        "Jia et al. 2021, Table 2",
    )
    assert {row[0]: row[1] for row in correlation.rows}["DE_I2T"] == "50.9 ± 0.6"
    assert all(row[-1] for table in (retrieval, correlation) for row in table.rows)


def test_command_evaluates_and_writes_a_report(made_up, files, capsys):
    command = ["cxc", "evaluate", "--ratings", str(made_up.folder), "--coco", str(made_up.karpathy)]
    command += ["--images", str(files / "images.npy"), "--captions", str(files / "captions.npy")]
    assert run([*command, "--name", "mine", "--out", str(files / "out"), "--correlation.samples", "10"]) == 0
    shown = capsys.readouterr().out
    assert "VSE++" in shown and "mine" in shown and "R-precision" in shown
    saved = json.loads((files / "out" / "report.json").read_text())
    table = {row[0]: row for row in next(t for t in saved["tables"] if t["title"] == "Retrieval")["rows"]}
    assert table["T→I"][1:5] == [60, 12, 61, "100.0 [100.0, 100.0]"]
    page = (files / "out" / "failures.html").read_text()
    assert "I→I: best positive at rank" in page and "https://" not in page
    assert run([*command, "--json", "--retrieval.positives", "original", "--correlation.samples", "10"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["facts"]["positives"] == "original"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--ratings", "nowhere", "--images", "x.npy"], "no sts_test.csv"),
        (["--ratings", "{f}", "--images", "none.npy"], "no such file"),
        (["--ratings", "{f}"], "nothing to judge"),
        (["--ratings", "{f}", "--images", "{n}"], "their order is unknown"),
        (["--ratings", "{f}", "--model", "m", "--images", "x.npy"], "cannot be judged together"),
        (["--ratings", "{f}", "--images", "x.npy", "--retrieval.sis-at-least", "9"], "between 0 and 5"),
    ],
)
def test_wrong_arguments_get_one_paragraph(made_up, files, capsys, words, expected):
    places = {"{f}": str(made_up.folder), "{n}": str(files / "images.npy")}
    assert run(["cxc", "evaluate", *(places.get(word, word) for word in words)]) == 2
    message = capsys.readouterr().err
    assert expected in re.sub(r"\s+", " ", message) and "Traceback" not in message


def test_the_published_results_are_listed(capsys):
    assert run(["cxc", "leaderboard"]) == 0
    shown = capsys.readouterr().out
    assert "DE_I2T+T2T" in shown and "VSE++" in shown
    assert run(["cxc", "leaderboard", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["tables"]
    assert len(told) == 2 and "VSE++" in str(told[0]["rows"])


def test_command_merges(made_up, tmp_path, capsys):
    import pyarrow.parquet as parquet

    out = tmp_path / "cxc.parquet"
    command = ["cxc", "merge", "--ratings", str(made_up.folder), "--coco", str(made_up.karpathy), "--out", str(out)]
    assert run([*command, "--split", "test"]) == 0
    table = parquet.read_table(out)
    assert table.num_rows == 145 and table["score"].type == "double"
    assert "145" in capsys.readouterr().out


@pytest.mark.slow
def test_from_selection_over_rating_to_evaluation(files, made_up, capsys, tmp_path):
    """A user's own pictures: choose, invite, rate, export, judge."""
    from PIL import Image

    from nonet.cxc.page import open_study

    photos, pairs, out = tmp_path / "photos", tmp_path / "to_rate.parquet", tmp_path / "ratings"
    photos.mkdir()
    for number in made_up.image_numbers:
        Image.new("RGB", (8, 8)).save(photos / f"COCO_val2014_{number:012d}.jpg")
    given = ["--images", str(files / "images.npy"), "--captions", str(files / "captions.npy")]
    chosen = ["--collection", str(made_up.karpathy), "--image-dir", str(photos), "--pairs", "30", "--originals", "60"]
    control = ["--gold", str(made_up.folder / "sits_test.csv")]
    assert run(["cxc", "select", *given, *chosen, *control, "--out", str(tmp_path / "with_control.parquet")]) == 0
    assert "control questions" in capsys.readouterr().out
    assert run(["cxc", "select", *given, *chosen, "--out", str(pairs)]) == 0
    assert run(["cxc", "ratings", str(pairs), "--out", str(out)]) == 2
    assert "Nothing is rated yet" in capsys.readouterr().err
    assert run(["cxc", "raters", str(pairs), "--add", "Ann", "Ben", "--per-pair", "2", "--closed", "True"]) == 0
    assert "http://127.0.0.1:8000/cxc/rate/" in capsys.readouterr().out
    assert run(["cxc", "raters", str(pairs), "--json"]) == 0
    assert [(row["rater"], row["rated"]) for row in json.loads(capsys.readouterr().out)] == [("Ann", 0), ("Ben", 0)]
    asked, store = open_study(pairs)
    assert not store.settings.open and store.settings.raters_per_pair == 2
    for (rater, _), offset in zip(store.raters(), (0.0, 0.5), strict=True):
        while (task := store.next_task(rater, 0.0)) is not None:
            score = 4.5 if asked[task.pair].method == "c2i_original" else task.pair % 4
            store.judge(rater, task.pair, score + offset, 1.0, 0.0)
    assert run(["cxc", "ratings", str(pairs), "--out", str(out), "--split", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "alpha" in shown and "sts_mine.csv" in shown
    assert run(["cxc", "ratings", str(pairs), "--out", str(out), "--split", "mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert f"{told['alpha']:.4g}" in shown and [rater["name"] for rater in told["raters"]] == ["Ann", "Ben"]
    judged = ["cxc", "evaluate", "--ratings", str(out), "--split", "mine", "--correlation.samples", "5", "--json"]
    assert run([*judged, "--coco", str(made_up.karpathy), *given]) == 2  # Karpathy's file has no split 'mine'
    assert "It has: test, train" in capsys.readouterr().err
    np.savez(
        tmp_path / "i.npz",
        embeddings=np.load(files / "images.npy"),
        ids=read_collection(made_up.karpathy, "test").images,
    )
    assert run([*judged, "--images", str(tmp_path / "i.npz")]) == 0
    tables = {table["title"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert [row[0] for row in tables["Correlation with people"]["rows"]] == ["SIS"]
