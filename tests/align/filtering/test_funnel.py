"""The rules against a reference in plain Python, on DuckDB and on Spark."""

import collections
import dataclasses
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nonet import cli
from nonet.align.filtering.config import Rules, TableConfig
from nonet.align.filtering.funnel import filter_pairs
from nonet.align.filtering.tables import CANDIDATES
from nonet.foundation.errors import DataError, UsageError

OPEN = Rules(
    language=None,
    shorter_side_above=None,
    aspect_below=None,
    texts_per_image_at_most=None,
    images_per_text_at_most=None,
    words_at_least=None,
    words_at_most=None,
    vocabulary=None,
)


def row(alt="a plain text here", image="i", width=400, height=400, language=None, url="u"):
    return {"image": image, "url": url, "alt": alt, "width": width, "height": height, "page": "p", "language": language}


def write(path: Path, rows: list[dict]) -> Path:
    numbered = [{**row, "url": f"u{place}"} for place, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(numbered, schema=CANDIDATES), path)
    return path


def survivors(folder: Path) -> list[int]:
    return sorted(int(url[1:]) for url in pq.read_table(folder / "kept")["url"].to_pylist())


def run(tmp_path: Path, rows: list[dict], rules: Rules, tables: TableConfig | None = None):
    source = write(tmp_path / "candidates.parquet", rows)
    funnel = filter_pairs([source], tmp_path / "out", rules, tables or TableConfig(threads=1))
    return survivors(tmp_path / "out"), {drop.rule: drop.pairs for drop in funnel.dropped if drop.pairs}, funnel


def reference(rows: list[dict], rules: Rules) -> list[int]:
    """The paper's rules, written a second time and as plainly as possible."""
    words = [re.sub(r"[^\w]|_", " ", row["alt"].lower()).split() for row in rows]
    counts = collections.Counter()
    for text in words:
        counts.update((word, "") for word in text)
        counts.update(itertools.pairwise(text))
    ranked = sorted(counts, key=lambda gram: (-counts[gram], gram[1] != "", gram))
    vocabulary = set(ranked[: rules.vocabulary])
    texts_of, images_of = collections.defaultdict(set), collections.defaultdict(set)
    for row in rows:
        texts_of[row["image"]].add(row["alt"])
        images_of[row["alt"]].add(row["image"])
    kept = []
    for place, (row, text) in enumerate(zip(rows, words, strict=True)):
        short, long = sorted((row["width"], row["height"]))
        grams = [(word, "") for word in text] + list(itertools.pairwise(text))
        if (
            (row["language"] or "en").split("-")[0] == rules.language
            and short > rules.shorter_side_above
            and long < rules.aspect_below * short
            and len(texts_of[row["image"]]) <= rules.texts_per_image_at_most
            and len(images_of[row["alt"]]) <= rules.images_per_text_at_most
            and rules.words_at_least <= len(text) <= rules.words_at_most
            and all(gram in vocabulary for gram in grams)
        ):
            kept.append(place)
    return kept


WORDS = ["a", "cat", "on", "Über", "mat", "7", "—", "don't", "x_y"]
TABLES = st.lists(
    st.builds(
        row,
        alt=st.lists(st.sampled_from(["a", "cat", "on", "Über", "mat", "7", "—", "don't", "x_y"]), max_size=6).map(
            " ".join
        ),
        image=st.sampled_from("ijklm"),
        width=st.sampled_from([199, 200, 201, 400, 603, 1300]),
        height=st.sampled_from([200, 201, 400]),
        language=st.sampled_from([None, "en", "en-GB", "de"]),
    ),
    min_size=1,
    max_size=40,
)
STRICT = Rules(texts_per_image_at_most=6, images_per_text_at_most=2, words_at_least=2, words_at_most=4, vocabulary=12)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=TABLES, vocabulary=st.integers(1, 40))
def test_survivors_are_those_of_the_plain_reference(tmp_path_factory, rows, vocabulary):
    folder = tmp_path_factory.mktemp("funnel")
    rules = dataclasses.replace(STRICT, vocabulary=vocabulary)
    kept, _, funnel = run(folder, rows, rules)
    assert kept == reference(rows, rules)
    assert funnel.pairs_out == len(kept)
    assert funnel.pairs_in == len(rows) == funnel.pairs_out + sum(drop.pairs for drop in funnel.dropped)


@pytest.mark.slow
def test_a_vocabulary_that_ends_among_many_equally_frequent_ngrams_is_that_of_the_plain_reference(tmp_path):
    """Texts of words as frequent as on the web: most bigrams are met once, and the vocabulary ends among those."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(1500):
        words = [f"w{word:x}" for word in np.minimum(rng.zipf(1.3, rng.integers(1, 24)), 5000)]
        alt = f"common text {rng.zipf(1.5) % 50}" if rng.random() < 0.3 else " ".join(words)
        width, height = (int(side) for side in rng.integers(150, 900, 2))
        rows.append(row(alt, image=str(rng.integers(1000)), width=width, height=height))
    rules = Rules(texts_per_image_at_most=4, images_per_text_at_most=10, vocabulary=4500)
    kept, drops, _ = run(tmp_path, rows, rules)
    assert kept == reference(rows, rules)
    assert len(kept) > 100
    assert drops["rare_ngram"] > 100
    assert len(drops) == 7  # all rules but those of language and of what cannot be judged


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "inside", "outside"),
    [
        ({"shorter_side_above": 200}, row(width=201, height=300), row(width=200, height=300)),
        ({"aspect_below": 3.0}, row(width=899, height=300), row(width=900, height=300)),
        ({"words_at_least": 3}, row("one two three"), row("one two")),
        ({"words_at_most": 20}, row(" ".join("abcdefghijklmnopqrst")), row(" ".join("abcdefghijklmnopqrstu"))),
        ({"language": "en"}, row(language="en_US"), row(language="fr")),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) and len(value) == 1 else "",
)
def test_thresholds_are_as_strict_as_the_paper_says(tmp_path, rules, inside, outside):
    kept, drops, _ = run(tmp_path, [inside, outside], dataclasses.replace(OPEN, **rules))
    assert kept == [0]
    assert sum(drops.values()) == 1


def test_an_image_may_have_as_many_texts_as_allowed_and_no_more(tmp_path):
    rules = dataclasses.replace(OPEN, texts_per_image_at_most=2)
    rows = [row("a", "few"), row("b", "few"), row("b", "few"), row("a", "many"), row("b", "many"), row("c", "many")]
    kept, drops, _ = run(tmp_path, rows, rules)
    assert kept == [0, 1, 2]  # the same text twice is one text
    assert drops == {"texts_per_image": 3}


def test_a_text_may_be_shared_by_as_many_images_as_allowed_and_no_more(tmp_path):
    rules = dataclasses.replace(OPEN, images_per_text_at_most=2)
    rows = [row("fine", "i"), row("fine", "j"), row("alt_img", "i"), row("alt_img", "j"), row("alt_img", "k")]
    kept, drops, _ = run(tmp_path, rows, rules)
    assert kept == [0, 1]
    assert drops == {"images_per_text": 3}


def test_frequencies_are_counted_on_the_raw_table(tmp_path):
    rules = dataclasses.replace(OPEN, vocabulary=5, shorter_side_above=200)
    # "red fox" is frequent only because of small images, which another rule drops
    rows = [row("red fox", str(n), width=10) for n in range(5)] + [row("red fox", "big"), row("blue fox", "other")]
    kept, drops, _ = run(tmp_path, rows, rules)
    assert 5 in kept
    assert drops["shorter_side"] == 5


def test_rows_that_cannot_be_judged_are_counted(tmp_path):
    rows = [row(), row(alt=None), row(image=None), row(width=None), row(height=0)]
    kept, drops, _ = run(tmp_path, rows, OPEN)
    assert kept == [0]
    assert drops == {"unusable": 4}


def test_safety_filters_are_off_by_default_and_drop_what_they_are_told(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("bad\nvery  Rude\n")
    scores = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"image": ["s", "t"], "score": [0.9, 0.1]}), scores)
    rows = [
        row("a bad word"),
        row("badly put"),
        row("a VERY rude one"),
        row("rude very"),
        row(image="s"),
        row(image="t"),
    ]
    assert run(tmp_path, rows, OPEN)[0] == [0, 1, 2, 3, 4, 5]
    kept, drops, _ = run(tmp_path, rows, dataclasses.replace(OPEN, safety_words=words, safety_scores=scores))
    assert kept == [1, 3, 5]
    assert drops == {"safety_words": 2, "safety_scores": 1}


def test_report_shows_counts_and_examples(tmp_path):
    _, _, funnel = run(tmp_path, [row("tiny <img>", width=9), row()], dataclasses.replace(OPEN, shorter_side_above=200))
    told = json.loads((tmp_path / "out" / "funnel.json").read_text())
    assert ["shorter_side", 1, 50.0, 1] in told["tables"][0]["rows"]
    assert told["tables"][1]["rows"] == [["shorter_side", "tiny <img>", "9×400", "u0"]]
    assert "tiny &lt;img&gt;" in (tmp_path / "out" / "funnel.html").read_text()
    assert (funnel.images_out, funnel.texts_out) == (1, 1)


def test_an_empty_table_gives_an_empty_funnel(tmp_path):
    kept, drops, funnel = run(tmp_path, [], Rules())
    assert kept == []
    assert drops == {}
    assert funnel.pairs_in == 0


@pytest.mark.slow
def test_spark_keeps_the_same_rows_as_duckdb(tmp_path, local_spark):
    texts = ["a cat on a mat", "Über Straße 7", "a cat", "rare words only here", "one — two", "a cat on a mat today"]
    rows = [row(texts[n % 6], image=str(n % 6 + 10 * (n % 2)), width=150 + 40 * (n % 9)) for n in range(80)]
    rules = dataclasses.replace(STRICT, vocabulary=30)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    local = run(here, rows, rules)
    source = write(there / "candidates.parquet", rows)
    chosen: list[str] = []
    for name, value in dataclasses.asdict(rules).items():
        chosen += [f"--{name.replace('_', '-')}", str(value)]
    words = ["align", "filter", str(source), "--out", str(there / "out"), *chosen]
    assert cli.run([*words, "--engine", "spark", "--master", local_spark]) == 0
    kept, drops, _ = local
    assert survivors(there / "out") == kept
    told = json.loads((there / "out" / "funnel.json").read_text())["tables"][0]["rows"]
    assert {cells[0]: int(str(cells[1]).replace(",", "")) for cells in told if cells[0] in drops} == drops
    tables = [
        pq.read_table(folder / "out" / "kept").select(CANDIDATES.names).sort_by("url") for folder in (here, there)
    ]
    assert tables[0].to_pylist() == tables[1].to_pylist()
    assert len(tables[0]) > 0


def test_a_table_of_another_schema_is_refused(tmp_path):
    source = tmp_path / "other.parquet"
    pq.write_table(pa.table({"text": ["x"]}), source)
    with pytest.raises(DataError, match="The columns image, url"):
        filter_pairs([source], tmp_path / "out", Rules(), TableConfig())
    pq.write_table(pa.Table.from_pylist([row()]).set_column(3, "width", pa.array(["wide"])), source)
    with pytest.raises(DataError, match="width is string"):
        filter_pairs([source], tmp_path / "out", Rules(), TableConfig())


def test_a_torn_file_and_a_missing_one_are_refused(tmp_path):
    source = write(tmp_path / "c.parquet", [row()])
    source.write_bytes(source.read_bytes()[:-9])
    with pytest.raises(DataError, match="not a whole Parquet"):
        filter_pairs([source], tmp_path / "out", Rules(), TableConfig())
    with pytest.raises(DataError, match="no such file"):
        filter_pairs([tmp_path / "none"], tmp_path / "out", Rules(), TableConfig())


def test_rules_that_contradict_are_refused():
    with pytest.raises(UsageError, match="at least 9 and at most 2"):
        Rules(words_at_least=9, words_at_most=2)
    with pytest.raises(UsageError, match="aspect below 1"):
        Rules(aspect_below=0.5)


def test_a_failure_leaves_the_former_result(tmp_path, monkeypatch):
    run(tmp_path, [row()], OPEN)
    monkeypatch.setattr("nonet.align.filtering.funnel.label", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        run(tmp_path, [row(), row()], OPEN)
    assert survivors(tmp_path / "out") == [0]
    assert not (tmp_path / "out" / ".scratch").exists()
