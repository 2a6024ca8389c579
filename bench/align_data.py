"""Making of the data: the rules against pandas and Daft, and reading of pages against the bare parser.

    python bench/align_data.py rules --rows 500000
    python bench/align_data.py rules --rows 20000000 --memory 4GB --ours     # at scale: within four gigabytes
    python bench/align_data.py pages $NONET_DATA/web/pages-real.tar.xz

Rows are synthetic, drawn so that words and whole texts repeat as on the web (Zipf). CPU-seconds, one thread.
"""

from __future__ import annotations

import argparse
import re
import resource
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from record import Row, record

from nonet.align.filtering.config import Rules, TableConfig
from nonet.align.filtering.funnel import filter_pairs
from nonet.align.filtering.schema import CANDIDATES

_BLOCK = 250_000


def write_rows(path: Path, rows: int) -> None:
    """Synthetic candidates: a third of the texts are met before, sizes and shapes as mixed as on pages."""
    rng = np.random.default_rng(0)
    words = pa.array([f"w{number:x}" for number in range(200_000)])
    with pq.ParquetWriter(path, CANDIDATES, compression="zstd") as table:
        for start in range(0, rows, _BLOCK):
            size = min(_BLOCK, rows - start)
            ends = np.cumsum(rng.integers(1, 18, size))
            drawn = words.take(pa.array(np.minimum(rng.zipf(1.3, ends[-1]) - 1, len(words) - 1)))
            texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), drawn), " ")
            common = _after("common text number ", rng.zipf(1.5, size) % 100_000)
            numbers = rng.integers(0, max(1, rows * 4 // 5), size)
            host = pc.binary_join_element_wise(_after("https://h", numbers % 997), ".example/", "")
            columns = {
                "image": pc.utf8_lpad(_after("", numbers), 64, "0"),
                "url": pc.binary_join_element_wise(host, _after("", numbers), ".jpg", ""),
                "alt": pc.if_else(pa.array(rng.random(size) < 0.3), common, texts),
                "width": pa.array(100 + numbers * 7919 % 900, pa.int32()),
                "height": pa.array(100 + numbers * 104729 % 900, pa.int32()),
                "page": host,
                "language": pa.array(["en"] * size),
            }
            table.write_table(pa.table(columns, schema=CANDIDATES))


def _after(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


Gram = str | tuple[str, str]


def most_common(counts: Counter[Gram], size: int) -> set[Gram]:
    """The vocabulary as a Counter gives it: of equally frequent n-grams those that were met first."""
    return {gram for gram, _ in counts.most_common(size)}


def in_our_order(counts: Counter[Gram], size: int) -> set[Gram]:
    """The vocabulary as our rules define it: of equally frequent n-grams unigrams, then the alphabetically first."""
    if len(counts) <= size:
        return set(counts)
    edge = sorted(counts.values(), reverse=True)[size - 1]
    kept = {gram for gram, count in counts.items() if count > edge}
    level = (gram for gram, count in counts.items() if count == edge)
    ranked = sorted(level, key=lambda gram: (1, *gram) if isinstance(gram, tuple) else (0, gram))
    return kept.union(ranked[: size - len(kept)])


def with_pandas(path: Path, vocabulary: int, choose: Callable[[Counter[Gram], int], set[Gram]] = most_common) -> int:
    """The same rules as people write them with pandas and a Counter."""
    import pandas as pd

    table = pd.read_parquet(path)
    shorter, longer = table[["width", "height"]].min(axis=1), table[["width", "height"]].max(axis=1)
    distinct = table[["image", "alt"]].drop_duplicates()
    texts_of, images_of = distinct.groupby("image").size(), distinct.groupby("alt").size()
    split = {text: re.findall(r"\w+", text.lower()) for text in table["alt"].unique()}
    pairs = table["alt"].value_counts()
    grams: Counter[Gram] = Counter()
    for text, count in pairs.items():
        words = split[text]
        for gram in (*words, *pairwise(words)):
            grams[gram] += count
    kept = choose(grams, vocabulary)
    good = {
        text
        for text, words in split.items()
        if 3 <= len(words) <= 20 and all(gram in kept for gram in (*words, *pairwise(words)))
    }
    rows = (shorter > 200) & (longer < 3 * shorter)
    rows &= table["image"].map(texts_of) <= 1000
    rows &= table["alt"].map(images_of) <= 10
    return int((rows & table["alt"].isin(good)).sum())


def with_daft(path: Path, vocabulary: int) -> int:
    """The same rules in Daft; of equally frequent n-grams any are in the vocabulary."""
    import daft
    from daft import col

    table = daft.read_parquet(str(path))
    images = table.groupby("image").agg(col("alt").count_distinct().alias("texts")).where(col("texts") <= 1000)
    texts = table.groupby("alt").agg(col("image").count_distinct().alias("images"), col("image").count().alias("pairs"))
    texts = texts.with_column("words", col("alt").lower().regexp_extract_all(r"\w+"))
    texts = texts.with_column("length", col("words").list_count().cast(daft.DataType.int64())).collect()
    unigrams = texts.select("alt", "pairs", col("words").alias("gram")).explode("gram")
    ends = {"first": col("words").slice(0, col("length") - 1), "second": col("words").slice(1, col("length"))}
    bigrams = texts.where(col("length") > 1).with_columns(ends).explode("first", "second")
    grams = unigrams.concat(bigrams.select("alt", "pairs", (col("first") + " " + col("second")).alias("gram")))
    kept = grams.groupby("gram").agg(col("pairs").sum().alias("count")).sort("count", desc=True).limit(vocabulary)
    rare = grams.join(kept, on="gram", how="anti").select("alt").distinct()
    good = texts.where((col("images") <= 10) & (col("length") >= 3) & (col("length") <= 20))
    good = good.join(rare, on="alt", how="anti")
    wide = col("width") > col("height")
    shorter, longer = wide.if_else(col("height"), col("width")), wide.if_else(col("width"), col("height"))
    rows = table.where((shorter > 200) & (longer < 3 * shorter))
    return rows.join(images, on="image", how="semi").join(good, on="alt", how="semi").count_rows()


def cpu(work):
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def rules(rows: int, vocabulary: int, memory: str, ours_alone: bool) -> None:
    with tempfile.TemporaryDirectory() as home:
        path, out = Path(home) / "candidates.parquet", Path(home) / "out"
        config = TableConfig(memory=memory, threads=1)
        write_rows(path, 1000)
        filter_pairs([path], out, Rules(vocabulary=100), config)  # what is imported on first use counts for nobody
        peers = {} if ours_alone else {"pandas": with_pandas, "daft": with_daft}
        for peer in peers.values():
            peer(path, 100)
        write_rows(path, rows)
        funnel, took = cpu(lambda: filter_pairs([path], out, Rules(vocabulary=vocabulary), config))
        print(f"{rows:,} rows; the most frequent {vocabulary:,} n-grams; memory {memory}")
        print(f"ours   {rows / took:9,.0f} rows per CPU-s, {funnel.pairs_out:,} kept, peak {_peak():.2f} GB")
        found = []
        for name, peer in peers.items():
            kept, other = cpu(lambda peer=peer: peer(path, vocabulary))
            print(f"{name:6} {rows / other:9,.0f} rows per CPU-s, {kept:,} kept, peak {_peak():.2f} GB")
            print(f"ratio  {other / took:9.2f}")
            found.append((name, rows / other))
        if peers:  # they cut through equally frequent n-grams elsewhere; cut where ours does, pandas keeps the same
            print(f"pandas with our order of ties: {with_pandas(path, vocabulary, in_our_order):,} kept")
        _, read = cpu(lambda: sum(len(batch) for batch in pq.ParquetFile(path).iter_batches()))
        print(f"limit: reading the table, {rows / read:,.0f} rows per CPU-s")
        what, limit = f"the data rules on {rows:,} candidates", (rows / read, "reading the table")
        kept = [Row(what, "rows per CPU-second", rows / took, *one, *limit) for one in found or [("", None)]]
        record("align_data-rules", "align", kept)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def pages(archive: Path, repeat: int = 3) -> None:
    from resiliparse.parse.html import HTMLTree

    from nonet.align.alttext.extract import decode_page, extract

    with tarfile.open(archive) as tar:
        content = [tar.extractfile(member).read() for member in tar if member.isfile()]

    def bare() -> None:
        for html in content:
            for image in HTMLTree.parse(decode_page(html)).document.query_selector_all("img")[:]:
                image.getattr("src"), image.getattr("alt")

    def ours() -> None:
        for html in content:
            extract(html, "https://example.org/", links=False)

    took = {"bare": 0.0, "ours": 0.0}
    for _ in range(repeat):
        for name, work in (("bare", bare), ("ours", ours)):
            took[name] += cpu(work)[1] / repeat
    for name, seconds in took.items():
        print(f"{name} {len(content) / seconds:7.0f} pages per CPU-s")
    print(f"ratio {took['bare'] / took['ours']:.2f} of the bare parser, which is the limit")
    ours_rate, bare_rate = (len(content) / took[name] for name in ("ours", "bare"))
    what = f"reading {len(content)} real pages"
    row = Row(what, "pages per CPU-second", ours_rate, "the bare parser", bare_rate, bare_rate, "the bare parser")
    record("align_data-pages", "align", [row])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = options.add_subparsers(dest="kind", required=True)
    of_rules = kinds.add_parser("rules")
    of_rules.add_argument("--rows", type=int, default=500_000)
    of_rules.add_argument("--vocabulary", type=int, default=500_000)
    of_rules.add_argument("--memory", default="4GB")
    of_rules.add_argument("--ours", action="store_true")
    kinds.add_parser("pages").add_argument("archive", type=Path)
    given = options.parse_args()
    if given.kind == "rules":
        rules(given.rows, given.vocabulary, given.memory, given.ours)
    else:
        pages(given.archive)


if __name__ == "__main__":
    main()
