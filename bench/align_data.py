"""Making of the data: the rules against pandas, and reading of pages against the bare parser.

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
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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


def with_pandas(path: Path, vocabulary: int) -> int:
    """The same rules as people write them with pandas and a Counter."""
    import pandas as pd

    table = pd.read_parquet(path)
    shorter, longer = table[["width", "height"]].min(axis=1), table[["width", "height"]].max(axis=1)
    distinct = table[["image", "alt"]].drop_duplicates()
    texts_of, images_of = distinct.groupby("image").size(), distinct.groupby("alt").size()
    split = {text: re.findall(r"\w+", text.lower()) for text in table["alt"].unique()}
    pairs = table["alt"].value_counts()
    grams: Counter = Counter()
    for text, count in pairs.items():
        words = split[text]
        for gram in (*words, *pairwise(words)):
            grams[gram] += count
    kept = {gram for gram, _ in grams.most_common(vocabulary)}
    good = {
        text
        for text, words in split.items()
        if 3 <= len(words) <= 20 and all(gram in kept for gram in (*words, *pairwise(words)))
    }
    rows = (shorter > 200) & (longer < 3 * shorter)
    rows &= table["image"].map(texts_of) <= 1000
    rows &= table["alt"].map(images_of) <= 10
    return int((rows & table["alt"].isin(good)).sum())


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
        write_rows(path, rows)
        funnel, took = cpu(lambda: filter_pairs([path], out, Rules(vocabulary=vocabulary), config))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"ours   {rows / took:9,.0f} rows per CPU-s, {funnel.pairs_out:,} of {rows:,} kept, peak {peak:.2f} GB")
        if not ours_alone:
            kept, other = cpu(lambda: with_pandas(path, vocabulary))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"pandas {rows / other:9,.0f} rows per CPU-s, {kept:,} kept, peak {peak:.2f} GB")
            print(f"ratio {other / took:.2f}")
        _, read = cpu(lambda: sum(len(batch) for batch in pq.ParquetFile(path).iter_batches()))
        print(f"limit: reading the table, {rows / read:,.0f} rows per CPU-s")


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
