"""All seven tasks at full size against the way of the public re-implementations, in one run.

Theirs (VSE-infinity and its copies for retrieval, PromCSE's loop for correlation, written anew here): the whole
similarity matrix, a full argsort for every query, a search in the ranking for every positive, ids found with
``list.index``; samples drawn one by one in Python and correlated with scipy. Each side runs in a process of its own,
so that memory is its own. Ours runs before and after theirs and its slower run counts, in CPU seconds. Asserted:
equal recall and median ranks, equal plain correlations, and sampled ones that differ by chance alone.

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

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402
from record import Row, record  # noqa: E402

DIM = 640
SAMPLES = 1000
PEER_SAMPLES = 20  # timed, and scaled to as many as ours: every sample costs the same


def vectors(image_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((5_000, DIM), dtype=np.float32)
    captions = images[image_of] + 4 * rng.standard_normal((25_000, DIM), dtype=np.float32)
    return tuple(rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, captions))


def ours(folder: Path) -> dict[str, float]:
    from nonet.cxc import CorrelationRules, Material, judge, read_ratings
    from nonet.cxc.correlation import correlate
    from nonet.cxc.data import collection_from_ratings

    ratings = read_ratings(folder, "test")
    collection = collection_from_ratings(ratings)
    images, captions = vectors(collection.image_of)
    times = [("start", time.process_time())]
    found = judge(
        Material(collection, images, captions),
        ratings,
        None,
        CorrelationRules(samples=SAMPLES),
        done=lambda task: times.append((task, time.process_time())),
    )
    clock = dict(times)
    figures = {"seconds": times[-1][1] - times[0][1], "retrieval": clock["I→I"] - clock["start"]}
    figures |= {"sampling": clock["SITS"] - clock["I→I"], "T→T": clock["T→T"] - clock["T→I"]}
    for run in found.retrieval:
        figures |= named(run.result.task, [estimate.value for estimate in run.result.recall], run.result.median_rank)
    for result, scored in zip(found.correlation, found.scores, strict=True):
        plain = correlate(scored.pairs, scored.similarity, CorrelationRules(method="plain"))
        figures |= {result.kind: result.mean, f"{result.kind} std": result.std, f"{result.kind} plain": plain.mean}
    return figures


def named(task: str, recall: list[float], median: float) -> dict[str, float]:
    return {f"{task} R@{k}": value for k, value in zip((1, 5, 10), recall, strict=True)} | {f"{task} median": median}


def retrieval(
    task: str, similarity: np.ndarray, ids: list[str], positives: list[list[str]], own: list[list[int]] | None = None
) -> dict[str, float]:
    ranks = []
    for row, wanted in enumerate(positives):
        places = [ids.index(name) for name in wanted] + (own[row] if own else [])
        if not places:
            continue
        ranking = np.argsort(similarity[row])[::-1]
        ranks.append(min(np.where(ranking == place)[0][0] for place in places))
    found = np.array(ranks)
    return named(task, [float(np.mean(found < k)) for k in (1, 5, 10)], float(np.median(found)) + 1)


def peer(folder: Path) -> dict[str, float]:
    from nonet.cxc import read_ratings
    from nonet.cxc.data import collection_from_ratings

    ratings = read_ratings(folder, "test")
    collection = collection_from_ratings(ratings)
    images, captions = vectors(collection.image_of)
    image_ids, caption_ids = list(collection.images), list(collection.captions)
    start = time.process_time()
    figures = peer_retrieval(ratings, collection.image_of, image_ids, caption_ids, images, captions)
    middle = time.process_time()
    figures |= peer_sampling(ratings, dict(zip(image_ids + caption_ids, [*images, *captions], strict=True)))
    sampling = (time.process_time() - middle) * SAMPLES / PEER_SAMPLES
    for kind in ("sts", "sis", "sits"):
        figures[f"{kind} plain"] = peer_plain(getattr(ratings, kind), image_ids, caption_ids, images, captions)
    return figures | {"seconds": middle - start + sampling, "retrieval": middle - start, "sampling": sampling}


def peer_retrieval(ratings, image_of, image_ids, caption_ids, images, captions) -> dict[str, float]:
    links = {name: [] for name in image_ids + caption_ids}
    for caption, row in zip(caption_ids, image_of, strict=True):
        links[caption].append(image_ids[row])
        links[image_ids[row]].append(caption)
    same = {name: [] for name in links}
    for part, least, table in ((ratings.sits, 3.0, links), (ratings.sts, 3.0, same), (ratings.sis, 2.5, same)):
        for left, right, score in zip(part.left, part.right, part.score, strict=True):
            if score >= least:
                table[left].append(right)
                table[right].append(left)
    across = images @ captions.T
    figures = retrieval("i2t", across, caption_ids, [links[name] for name in image_ids])
    figures |= retrieval("t2i", across.T, image_ids, [links[name] for name in caption_ids])
    del across
    within = captions @ captions.T
    np.fill_diagonal(within, -1)
    siblings = [[c for c in range(5 * (row // 5), 5 * (row // 5) + 5) if c != row] for row in range(25_000)]
    figures |= retrieval("t2t", within, caption_ids, [same[name] for name in caption_ids], siblings)
    del within
    within = images @ images.T
    np.fill_diagonal(within, -1)
    return figures | retrieval("i2i", within, image_ids, [same[name] for name in image_ids])


def peer_sampling(ratings, vector) -> dict[str, float]:
    from scipy.stats import spearmanr

    figures = {}
    for part, query in ((ratings.sts, "left"), (ratings.sis, "left"), (ratings.sits, "right")):
        scores = [float(vector[a] @ vector[b]) for a, b in zip(part.left, part.right, strict=True)]
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
    return figures


def peer_plain(part, image_ids, caption_ids, images, captions) -> float:
    from scipy.stats import spearmanr

    rows = {name: row for names in (image_ids, caption_ids) for row, name in enumerate(names)}
    left = (images if part.kind == "sis" else captions)[[rows[name] for name in part.left]]
    right = (captions if part.kind == "sts" else images)[[rows[name] for name in part.right]]
    return float(spearmanr(part.score, np.einsum("ij,ij->i", left, right)).statistic)


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
    before, theirs, after = (measured(side, options.ratings) for side in ("ours", "peer", "ours"))
    report(max(before, after, key=lambda run: run["seconds"]), theirs)


def report(mine: dict[str, float], theirs: dict[str, float]) -> None:
    check(mine, theirs)
    flops = 2 * DIM * (5_000 * 25_000 + (25_000**2 + 5_000**2) / 2)  # within a modality half of the products suffice
    probe = np.ones((2_048, 2_048), dtype=np.float32)
    probe @ probe
    start = time.process_time()
    for _ in range(5):
        probe @ probe
    limit = flops / (5 * 2 * 2_048**3 / (time.process_time() - start))
    print(f"seven tasks of 5,000 images and 25,000 captions, {DIM} dimensions, {SAMPLES:,} samples; CPU seconds")
    print(f"{'':14}{'all':>9}{'retrieval':>11}{'sampling':>10}{'memory':>11}")
    for name, side in (("nonet", mine), ("public way", theirs)):
        columns = f"{side['seconds']:9.1f}{side['retrieval']:11.1f}{side['sampling']:10.1f}{side['MiB']:7.0f} MiB"
        print(f"{name:14}{columns}")
    faster = [theirs[part] / mine[part] for part in ("seconds", "retrieval", "sampling")]
    print(f"{'ratio':14}{faster[0]:8.1f}x{faster[1]:10.1f}x{faster[2]:9.1f}x{mine['MiB'] / theirs['MiB']:8.2f}")
    print(f"T→T alone takes nonet {mine['T→T']:.1f} s; theirs sampled {PEER_SAMPLES} times, its time scaled")
    print(f"limit: {limit:.1f} s for the multiplications alone at this machine's speed")
    what, peer = "of 5,000 images and 25,000 captions", "whole matrices and argsort"
    products = (limit, "the multiplications alone", "less")
    record(
        "cxc",
        "cxc",
        [
            Row(f"all seven tasks {what}", "CPU-seconds", mine["seconds"], peer, theirs["seconds"], *products),
            Row(f"retrieval {what}", "CPU-seconds", mine["retrieval"], peer, theirs["retrieval"], *products),
            Row("3 × 1,000 samples", "CPU-seconds", mine["sampling"], peer, theirs["sampling"], better="less"),
            Row(f"all seven tasks {what}", "MiB of memory", mine["MiB"], peer, theirs["MiB"], better="less"),
        ],
    )


def check(mine: dict[str, float], theirs: dict[str, float]) -> None:
    """Both sides found the same."""
    for task in ("i2t", "t2i", "t2t", "i2i"):
        for figure in ("R@1", "R@5", "R@10", "median"):
            name = f"{task} {figure}"
            assert abs(mine[name] - theirs[name]) < 1e-12, (name, mine[name], theirs[name])
    for kind in ("sts", "sis", "sits"):
        assert abs(mine[f"{kind} plain"] - theirs[f"{kind} plain"]) < 1e-6, kind  # rounding moves ranks
        chance = 5 * mine[f"{kind} std"] / PEER_SAMPLES**0.5
        assert abs(mine[kind] - theirs[kind]) < chance, (kind, mine[kind], theirs[kind])


if __name__ == "__main__":
    main()
