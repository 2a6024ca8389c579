"""Near-duplicates: against comparing everything with everything, and planted ones among real photographs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from align.tiny import paint_captioned
from nonet.align.data import Pairs
from nonet.align.neardup import Buckets, cells_of, matches
from nonet.align.neardup_config import NearDuplicates
from nonet.cli import run
from nonet.foundation.errors import UsageError


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_planted_copies_are_found_and_others_are_not():
    rng = np.random.default_rng(0)
    train = unit(rng.standard_normal((4000, 32)) + 2 * rng.standard_normal((1, 32)))
    evaluated = unit(rng.standard_normal((300, 32)) + 2 * rng.standard_normal((1, 32)))
    rows = rng.permutation(4000)[:200]
    train[rows] = unit(evaluated[:200] + 0.02 * rng.standard_normal((200, 32)))
    truth = {
        (int(row), int(evaluation)) for row, evaluation in zip(*np.nonzero(train @ evaluated.T > 0.975), strict=True)
    }
    buckets = Buckets(evaluated, cells_of(train, 200), NearDuplicates())
    found = list(matches(np.array_split(train, 7), buckets))
    assert len({match.row for match in found} & set(rows.tolist())) >= 0.98 * 200
    assert all((match.row, match.evaluated) in truth for match in found)  # the cosine is looked at, whatever shares
    by_row = {match.row: match for match in found}
    for row, evaluation in list(truth)[:50]:
        if row in by_row:
            assert by_row[row].cosine >= float(train[row] @ evaluated[evaluation]) - 1e-5
    shared = sum(len(buckets._pairs(block)) for block in np.array_split(train, 7))
    assert shared < 0.2 * len(train) * len(evaluated)  # most pairs were never compared


def test_a_picture_is_in_a_bucket_for_each_three_of_its_ten_nearest_cells():
    rng = np.random.default_rng(1)
    cells, pictures = unit(rng.standard_normal((50, 8))), unit(rng.standard_normal((5, 8)))
    keys = Buckets(pictures, cells, NearDuplicates())._keys(pictures)
    assert keys.shape == (5, 120)
    nearest = np.sort(np.argsort(-pictures @ cells.T, axis=1)[:, :10], axis=1)
    for row, own in zip(keys, nearest, strict=True):
        decoded = {(int(k) // 2500, int(k) // 50 % 50, int(k) % 50) for k in row}
        assert len(decoded) == 120
        assert all(set(three) <= set(own.tolist()) and three == tuple(sorted(three)) for three in decoded)
    with pytest.raises(UsageError):
        NearDuplicates(nearest=2, together=3)


def recompressed(picture, quality):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def cropped(picture, share):
    width, height = picture.size
    left, top = int(width * (1 - share) / 2), int(height * (1 - share) / 2)
    return picture.crop((left, top, width - left, height - top))


CHANGES = {
    "crop": lambda picture: cropped(picture, 0.95),
    "compress": lambda picture: recompressed(picture, 50),
    "mirror": ImageOps.mirror,
    "shrink": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
}


@pytest.mark.slow
@pytest.mark.data
def test_changed_copies_of_photographs_are_found(real_data, tmp_path):
    """Four changes of 15 photographs among 45 others: recall at least 0.98, none found wrongly."""
    import tarfile

    from nonet.align.deduplicate import find
    from nonet.align.encoders import image_encoder

    with tarfile.open(real_data / "flickr8k-800.tar") as tar:
        names = sorted(name for name in tar.getnames() if name.endswith(".jpg"))[400:460]
        photos = [Image.open(io.BytesIO(tar.extractfile(name).read())).convert("RGB") for name in names]
    train, evaluated, planted = [], [], {}
    for number, photo in enumerate(photos):
        path = tmp_path / f"{number}.png"
        if number < 15:
            photo.save(path, compress_level=0)
            evaluated.append(path)
            for name, change in CHANGES.items():
                copy = tmp_path / f"{number}-{name}.png"
                change(photo).save(copy, compress_level=0)
                planted[len(train)] = (number, name)
                train.append(copy)
        else:
            photo.save(path, compress_level=0)
            train.append(path)
    encoder = image_encoder("efficientnet-lite0", size=128)
    matches_found = find(encoder, train, evaluated, NearDuplicates(), tmp_path / "cache")
    found = {match.row: match.evaluated for match in matches_found}
    right = [row for row, (number, _) in planted.items() if found.get(row) == number]
    wrong = [row for row in found if row not in planted]
    assert len(right) >= 0.98 * len(planted)
    assert not wrong


@pytest.mark.slow
def test_the_command_writes_what_is_left(tmp_path, capsys):
    source = paint_captioned(tmp_path / "source")
    assert run(["align", "pairs", "folder", str(source), "--out", str(tmp_path / "pairs")]) == 0
    (tmp_path / "evaluation").mkdir()
    Image.open(source / "red-3.png").resize((80, 80)).save(tmp_path / "evaluation" / "red.png")
    words = ["align", "deduplicate", str(tmp_path / "pairs"), "--against", str(tmp_path / "evaluation")]
    words += ["--out", str(tmp_path / "clean"), "--cache", str(tmp_path / "cache"), "--cosine", "0.9999"]
    assert run(words) == 0
    assert "pictures removed" in capsys.readouterr().out
    before, after = Pairs.open(tmp_path / "pairs"), Pairs.open(tmp_path / "clean")
    left = {path.name for path in after.images}
    assert "red-3.png" not in left
    assert {f"blue-{copy}.png" for copy in range(6)} <= left
    assert set(after.digests) < set(before.digests)
