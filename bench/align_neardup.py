"""Near-duplicates of evaluation pictures: recall on planted copies, and how often others are taken for copies.

    python bench/align_neardup.py --photos $NONET_DATA/flickr8k-800.tar $NONET_DATA/coco-363.tar --small cifar10/train

Some of the photographs are to evaluate with; their copies, changed in known ways, are planted among the others and
among small pictures of a labelled folder. Printed: the share found of each change; the pairs of unlike pictures that
came out as near-duplicates, of all that there are, and the pictures removed wrongly, each with its upper bound of
95 % (Clopper-Pearson); the recall of the buckets alone, against comparing every pair.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from record import Row, record
from scipy.stats import beta

from nonet.align.deduplicate import fingerprints
from nonet.align.encoders import image_encoder
from nonet.align.labelled import class_folders
from nonet.align.neardup import Buckets, cells_of, matches
from nonet.align.neardup_config import NearDuplicates

Change = Callable[[Image.Image], Image.Image]


def crop(share: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        return ImageOps.crop(picture, border=round(min(picture.size) * (1 - share) / 2))

    return change


def encode(kind: str, quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, kind, quality=quality)
        return Image.open(file).convert("RGB")

    return change


CHANGES: dict[str, Change] = {
    "cropped to 95 %": crop(0.95),
    "JPEG, quality 50": encode("JPEG", 50),
    "WebP, quality 30": encode("WEBP", 30),
    "mirrored": ImageOps.mirror,
    "halved": lambda picture: picture.reduce(2),
    "128 pixels wide": lambda picture: ImageOps.contain(picture, (128, 128)),
    "mirrored, cropped, JPEG": lambda picture: encode("JPEG", 60)(crop(0.97)(ImageOps.mirror(picture))),
}
HARD: dict[str, Change] = {"cropped to 80 %": crop(0.8)}


def photographs(archives: list[Path]) -> Iterator[Image.Image]:
    for archive in archives:
        with tarfile.open(archive) as tar:
            for name in sorted(name for name in tar.getnames() if name.endswith(".jpg")):
                yield Image.open(io.BytesIO(tar.extractfile(name).read())).convert("RGB")


def upper(wrong: int, of: int) -> float:
    return float(beta.ppf(0.95, wrong + 1, of - wrong)) if of > wrong else 1.0


def plant(photos: list[Image.Image], evaluated: int, home: Path) -> tuple[list[Path], list[Path], list[tuple]]:
    """Files to evaluate with and to look among, and of each of the latter (photograph, change)."""
    first, files, kinds = [], [], []
    for number, photo in enumerate(photos):
        copies = {"": photo}
        if number < evaluated:
            first.append(home / f"{number}.png")
            photo.save(first[-1], compress_level=1)
            copies = {name: change(photo) for name, change in (CHANGES | HARD).items()}
        for name, copy in copies.items():
            files.append(home / f"{number} {name.replace('%', '')}.png")
            copy.save(files[-1], compress_level=1)
            kinds.append((number, name))
    return first, files, kinds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--photos", type=Path, nargs="+", required=True)
    options.add_argument("--small", type=Path, help="a folder with a folder for each class")
    options.add_argument("--evaluated", type=int, default=400)
    options.add_argument("--most", type=int, default=300, help="small pictures of each class")
    given = options.parse_args()
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        photos = list(photographs(given.photos))
        order = np.random.default_rng(0).permutation(len(photos))
        first, files, kinds = plant([photos[row] for row in order.tolist()], given.evaluated, home)
        small = class_folders(given.small, given.most).images if given.small else []
        encoder, cache = image_encoder("efficientnet-lite0", size=128), home / "cache"
        judged, others = fingerprints(encoder, first, cache), fingerprints(encoder, [*files, *small], cache)
        report(judged, others, kinds + [(-1, "small")] * len(small))
    print(f"{time.process_time() - start:.0f} CPU-s")


def report(judged: np.ndarray, others: np.ndarray, kinds: list[tuple]) -> None:
    options = NearDuplicates()
    found = list(matches([others], Buckets(judged, cells_of(others, options.cells), options)))
    like = {match.row: match.evaluated for match in found}
    print(f"{len(judged)} photographs to evaluate with, {len(others):,} pictures to look among")
    shares = {}
    for name in (*CHANGES, *HARD):
        rows = [row for row, kind in enumerate(kinds) if kind[1] == name]
        shares[name] = [like.get(row) == kinds[row][0] for row in rows]
        print(f"  {name:24} {sum(shares[name]):4} of {len(rows)} found")
    planted = np.concatenate([shares[name] for name in CHANGES])
    print(f"recall of {len(planted):,} planted copies (without the last): {planted.mean():.4f}")
    what = f"planted copies of {len(judged)} photographs found among {len(others):,} pictures"
    record("align_neardup", "align", [Row(what, "recall", float(planted.mean()), limit=1.0, limit_is="all of them")])
    above = others @ judged.T > options.cosine
    own = np.array([kind[0] for kind in kinds])[:, None] == np.arange(len(judged))
    wrong, pairs = int((above & ~own).sum()), int((~own).sum())
    print(f"pairs of unlike pictures: {wrong} of {pairs:,} above {options.cosine}, below {upper(wrong, pairs):.1e}")
    for name, unlike in (("photographs", {""}), ("small pictures", {"small"}), ("both", {"", "small"})):
        rows = [row for row, kind in enumerate(kinds) if kind[1] in unlike]
        if rows:
            hit = sum(row in like for row in rows)
            print(f"{name} removed wrongly: {hit} of {len(rows):,}, below {upper(hit, len(rows)):.1e}")
    compared = np.flatnonzero(above.any(1))
    print(f"buckets find {sum(row in like for row in compared)} of {len(compared)} that comparing all finds")


if __name__ == "__main__":
    main()
