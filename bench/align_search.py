"""Search: our index against exact search and against usearch, in queries per CPU-second at equal recall.

    python bench/align_search.py --rows 1000000          # ours against exact search
    python bench/align_search.py --rows 100000 --peer    # and usearch, in a process of its own

Vectors are synthetic, as a trained model's are shaped: clusters of like pictures, and queries by words that lie apart
from all pictures (the modality gap). One thread. Printed with the limit: what reading all vectors once per query costs.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from record import Row, record

from nonet.align import exact
from nonet.align.ann import Ann, build, recall
from nonet.align.ann_config import AnnConfig

DIM, K, QUERIES, BLOCK = 640, 10, 400, 20_000


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def world(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres of clusters (about 500 rows each), and the gap between pictures and words."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((max(200, rows // 500), DIM)), 1.2 * unit(rng.standard_normal((1, DIM)))


def around(centres: np.ndarray, count: int, spread: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return unit(centres[rng.integers(len(centres), size=count)] + spread * rng.standard_normal((count, DIM)))


def write_vectors(path: Path, rows: int) -> np.ndarray:
    centres, _ = world(rows)
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, DIM))
    for number, start in enumerate(range(0, rows, BLOCK)):
        size = min(BLOCK, rows - start)
        vectors[start : start + size] = around(centres, size, 0.8, 10 + number)
    vectors.flush()
    return np.load(path, mmap_mode="r")


def queries(rows: int) -> dict[str, np.ndarray]:
    centres, gap = world(rows)
    return {"image": around(centres, QUERIES, 0.8, 1), "text": unit(around(centres, QUERIES, 0.9, 2) + gap)}


def cpu(work, repeat: int = 1):
    start = time.process_time()
    for _ in range(repeat):
        result = work()
    return result, (time.process_time() - start) / repeat


def one_by_one(search, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows found and CPU-seconds a query, each query alone as a visitor asks it."""
    found, took = cpu(lambda: np.concatenate([search(query[None])[1] for query in asked]))
    return found, took / len(asked)


def peer(path: Path, rows: int) -> None:
    """Usearch in its own process: beside faiss in one it crashes faiss's training."""
    from usearch.index import Index

    vectors, asked = np.load(path, mmap_mode="r"), queries(rows)
    index = Index(ndim=DIM, metric="ip", dtype="f16", connectivity=16, expansion_add=128, expansion_search=64)
    _, took = cpu(lambda: index.add(np.arange(rows), np.asarray(vectors), threads=1))
    print(f"usearch HNSW f16         build {took:8.1f} CPU-s")
    for kind, own in asked.items():
        _, best = exact.scan(vectors, own, K)
        for expansion in (16, 32, 64, 128, 256, 512):
            index.expansion_search = expansion
            found, each = one_by_one(lambda q: (None, index.search(q[0], K).keys[None].astype(np.int64)), own)
            reached = recall(found, best)
            if reached >= 0.95 or expansion == 512:
                print(f"usearch, {kind:5} ef {expansion:4}  {1 / each:9.0f} queries per CPU-s, recall@10 {reached:.3f}")
                break


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--coding", default="sq8")
    options.add_argument("--recall", type=float, default=0.96)
    options.add_argument("--peer", action="store_true")
    options.add_argument("--as-peer", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    faiss.omp_set_num_threads(1)
    if given.as_peer:
        peer(given.as_peer, given.rows)
        return
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "vectors.npy"
        vectors, asked = write_vectors(path, given.rows), queries(given.rows)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (Path(home) / "ann").mkdir()
        tuning = {kind: own[: QUERIES // 2] for kind, own in asked.items()}
        config = AnnConfig(recall=given.recall, coding=given.coding)
        facts, took = cpu(lambda: build(vectors, tuning, config, Path(home) / "ann"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(
            f"{given.rows:,} x {DIM}, {facts.cells} cells, {given.coding}: {took:.0f} CPU-s to build and tune,"
            f" {peak / 1024:.0f} MB more memory"
        )
        ann, kept = Ann(Path(home) / "ann"), []
        for kind, own in asked.items():
            fresh = own[QUERIES // 2 :]
            (_, best), batched = cpu(lambda own=fresh: exact.scan(vectors, own, K))
            _, alone = one_by_one(lambda q: exact.scan(vectors, q, K), fresh[:5])
            ann.search(vectors, fresh[:20], K, kind)
            found, each = one_by_one(lambda q, kind=kind: ann.search(vectors, q, K, kind), fresh)
            kept.append((kind, 1 / each, recall(found, best), 1 / alone))
            print(
                f"{kind:5} nprobe {facts.probes[kind]:4}: {1 / each:7.0f} queries per CPU-s,"
                f" recall@10 {recall(found, best):.3f}; exact {1 / alone:6.1f} alone ({alone / each:.0f}x),"
                f" {len(fresh) / batched:6.1f} in a batch of {len(fresh)} ({batched / len(fresh) / each:.1f}x)"
            )
        _, took = cpu(
            lambda: [np.asarray(vectors[s : s + BLOCK]).view(np.uint16).sum() for s in range(0, given.rows, BLOCK)]
        )
        print(
            f"limit of exact search alone: reading all vectors takes {1000 * took:.0f} CPU-ms ({1 / took:.1f} a second)"
        )
        size = f"{given.rows:,} vectors of {DIM} numbers, queries by"
        rows = [
            Row(f"{size} {kind}, recall@10 {reached:.3f}", "queries per CPU-second", ours, "exact search", alone,
                1 / took, "of exact search: reading all vectors")
            for kind, ours, reached, alone in kept
        ]  # fmt: skip
        record(f"align_search{'-peer' if given.peer else ''}", "align", rows)
        if given.peer:
            subprocess.run([sys.executable, __file__, "--rows", str(given.rows), "--as-peer", str(path)], check=True)


if __name__ == "__main__":
    main()
