"""All seven tasks at full size against the way of the public re-implementations, in one run.

Theirs (VSE-infinity and its copies for retrieval, PromCSE's loop for correlation, written anew here): the whole
similarity matrix, a full argsort for every query, a search in the ranking for every positive, ids found with
``list.index``; samples drawn one by one in Python and correlated with scipy. Each side runs in a process of its own,
so that memory is its own; sides alternate, the faster of two runs counts. Equal figures are asserted, not assumed.

    python bench/cxc.py [--ratings FOLDER]     the release's rating files; without them made-up ones of the same size
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

DIM = 640
SAMPLES = 1000
PEER_SAMPLES = 50  # timed, and scaled to as many as ours: every sample costs the same


def vectors(image_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((5_000, DIM), dtype=np.float32)
    captions = images[image_of] + 4 * rng.standard_normal((25_000, DIM), dtype=np.float32)
    return tuple(rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, captions))


def ours(folder: Path) -> dict[str, float]:
    from nonet.cxc import CorrelationRules, Material, judge, read_ratings
    from nonet.cxc.data import collection_from_ratings

    ratings = read_ratings(folder, "test")
    collection = collection_from_ratings(ratings)
    images, captions = vectors(collection.image_of)
    start = time.process_time()
    found = judge(Material(collection, images, captions), ratings, None, CorrelationRules(samples=SAMPLES))
    seconds = time.process_time() - start
    figures = {f"{run.result.task} R@1": run.result.recall[0].value for run in found.retrieval}
    return figures | {r.kind: r.mean for r in found.correlation} | {"seconds": seconds}


def recall_at_1(
    similarity: np.ndarray, ids: list[str], positives: list[list[str]], own: list[list[int]] | None
) -> float:
    ranks = []
    for row, wanted in enumerate(positives):
        places = [ids.index(name) for name in wanted] + (own[row] if own else [])
        if not places:
            continue
        ranking = np.argsort(similarity[row])[::-1]
        ranks.append(min(np.where(ranking == place)[0][0] for place in places))
    return float(np.mean(np.array(ranks) < 1))


def peer(folder: Path) -> dict[str, float]:
    from scipy.stats import spearmanr

    from nonet.cxc import read_ratings
    from nonet.cxc.data import collection_from_ratings

    ratings = read_ratings(folder, "test")
    collection = collection_from_ratings(ratings)
    images, captions = vectors(collection.image_of)
    image_ids, caption_ids = list(collection.images), list(collection.captions)
    start = time.process_time()
    links = {name: [] for name in image_ids + caption_ids}
    for caption, row in zip(caption_ids, collection.image_of, strict=True):
        links[caption].append(image_ids[row])
        links[image_ids[row]].append(caption)
    same = {name: [] for name in links}
    for part, least, table in ((ratings.sits, 3.0, links), (ratings.sts, 3.0, same), (ratings.sis, 2.5, same)):
        for left, right, score in zip(part.left, part.right, part.score, strict=True):
            if score >= least:
                table[left].append(right)
                table[right].append(left)
    figures = {}
    across = images @ captions.T
    figures["i2t R@1"] = recall_at_1(across, caption_ids, [links[name] for name in image_ids], None)
    figures["t2i R@1"] = recall_at_1(across.T, image_ids, [links[name] for name in caption_ids], None)
    del across
    within = captions @ captions.T
    np.fill_diagonal(within, -1)
    siblings = [[c for c in range(5 * (row // 5), 5 * (row // 5) + 5) if c != row] for row in range(25_000)]
    figures["t2t R@1"] = recall_at_1(within, caption_ids, [same[name] for name in caption_ids], siblings)
    del within
    within = images @ images.T
    np.fill_diagonal(within, -1)
    figures["i2i R@1"] = recall_at_1(within, image_ids, [same[name] for name in image_ids], None)
    seconds = time.process_time() - start

    row = {
        name: vector
        for ids, rows in ((image_ids, images), (caption_ids, captions))
        for name, vector in zip(ids, rows, strict=True)
    }
    start = time.process_time()
    for part, query in ((ratings.sts, "left"), (ratings.sis, "left"), (ratings.sits, "right")):
        scores = [float(row[a] @ row[b]) for a, b in zip(part.left, part.right, strict=True)]
        rated: dict[str, list[int]] = {}
        for place, name in enumerate(getattr(part, query)):
            rated.setdefault(name, []).append(place)
        names, rng, values = list(rated), np.random.default_rng(0), []
        for _ in range(PEER_SAMPLES):
            chosen = rng.choice(len(names), len(names) // 2, replace=False)
            places = [rated[names[one]][rng.integers(len(rated[names[one]]))] for one in chosen]
            human = [part.score[place] for place in places]
            values.append(spearmanr(human, [scores[place] for place in places]).statistic)
        figures[part.kind] = float(np.mean(values))
    sampling = (time.process_time() - start) * SAMPLES / PEER_SAMPLES
    return figures | {"seconds": seconds + sampling, "retrieval": seconds, "sampling": sampling}


def measured(side: str, folder: Path) -> dict[str, float]:
    """Runs one side in a process of its own; its greatest memory in MiB comes with the figures."""
    command = [sys.executable, __file__, "--side", side, "--ratings", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    default = Path(os.environ["NONET_DATA"]) / "cxc" if "NONET_DATA" in os.environ else None
    parser.add_argument("--ratings", type=Path, default=default)
    parser.add_argument("--side", choices=["ours", "peer"])
    options = parser.parse_args()
    if options.ratings is None:
        print("No ratings: name the release's data folder with --ratings, or set NONET_DATA. Skipped.")
        return
    if options.side:
        figures = {"ours": ours, "peer": peer}[options.side](options.ratings)
        figures["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(figures))
        return
    runs = {"ours": [], "peer": []}
    for side in ("ours", "peer", "ours", "peer"):
        runs[side].append(measured(side, options.ratings))
    report(*(min(runs[side], key=lambda run: run["seconds"]) for side in ("ours", "peer")))


def report(mine: dict[str, float], theirs: dict[str, float]) -> None:
    for name in ("i2t R@1", "t2i R@1", "t2t R@1", "i2i R@1"):
        assert abs(mine[name] - theirs[name]) < 1e-12, (name, mine[name], theirs[name])
    for name in ("sts", "sis", "sits"):
        assert abs(mine[name] - theirs[name]) < 0.01, (name, mine[name], theirs[name])
    flops = 2 * DIM * (2 * 5_000 * 25_000 + 25_000**2 + 5_000**2)
    probe = np.ones((2_048, 2_048), dtype=np.float32)
    probe @ probe
    start = time.process_time()
    for _ in range(5):
        probe @ probe
    limit = flops / (5 * 2 * 2_048**3 / (time.process_time() - start))
    parts = f"retrieval {theirs['retrieval']:.1f} s, sampling {theirs['sampling']:.1f} s (scaled)"
    faster, memory = theirs["seconds"] / mine["seconds"], mine["MiB"] / theirs["MiB"]
    print(f"nonet        {mine['seconds']:8.1f} s {mine['MiB']:8.0f} MiB   seven tasks, {SAMPLES} samples")
    print(f"public way   {theirs['seconds']:8.1f} s {theirs['MiB']:8.0f} MiB   {parts}")
    print(f"ratio        {faster:8.1f} x {memory:8.2f} of the memory; equal R@1, correlations within 0.01")
    print(f"limit        {limit:8.1f} s for the multiplications alone, at this machine's speed")


if __name__ == "__main__":
    main()
