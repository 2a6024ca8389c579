"""Pairs from folders and archives of pictures, whole and broken."""

import io
import json
import tarfile

import pytest
from PIL import Image

from nonet.align.data import Pairs, describe
from nonet.align.sources.folder import FolderConfig, make_pairs, words_of_name
from nonet.foundation.errors import DataError


def picture(path, colour="red", size=(20, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def shelf(tmp_path):
    folder = tmp_path / "shelf"
    for name, colour in {"a.png": "red", "sub/b.jpg": "blue", "c.png": "green"}.items():
        picture(folder / name, colour)
    return folder


def said(folder, tmp_path, **options):
    make_pairs(folder, tmp_path / "out", FolderConfig(**options))
    pairs = Pairs.open(tmp_path / "out")
    return sorted((pairs.images[row].name, text) for text, row in zip(pairs.texts, pairs.image_of, strict=True))


def skipped(tmp_path):
    return {name: entry["count"] for name, entry in describe(tmp_path / "out")["skipped"].items()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions.tsv", 'image\tcaption\na.png\tone "two"\nb.jpg\t"a, ""b"""\n'),
        ("captions.tsv", 'a.png\tone "two"\nb.jpg\t"a, ""b"""\n'),
        ("captions.csv", 'id,file_name,caption\n1,a.png,"one ""two"""\n2,sub/b.jpg,"a, ""b"""\n'),
        ("captions.jsonl", '{"image": "a.png", "text": "one \\"two\\""}\n{"image": "b", "captions": ["a, \\"b\\""]}\n'),
        ("captions.txt", 'a.png#0\tone "two"\nb.jpg#1\ta, "b"\n'),
        (
            "captions.json",
            '{"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.jpg"}], "annotations": '
            '[{"image_id": 1, "caption": "one \\"two\\""}, {"image_id": 2, "caption": "a, \\"b\\""}]}',
        ),
    ],
)
def test_captions_in_every_layout(shelf, tmp_path, name, content):
    (shelf / name).write_text(content)
    assert said(shelf, tmp_path) == [("a.png", 'one "two"'), ("b.jpg", 'a, "b"')]
    assert skipped(tmp_path) == {"a picture without a caption": 1}


def test_the_splits_of_a_karpathy_file_are_kept(shelf, tmp_path):
    entries = [
        {"filename": name, "split": split, "sentences": [{"raw": f"{name} one"}, {"raw": f"{name} two"}]}
        for name, split in {"a.png": "restval", "b.jpg": "val", "c.png": "test"}.items()
    ]
    (shelf / "dataset.json").write_text(json.dumps({"images": entries}))
    make_pairs(shelf, tmp_path / "out", FolderConfig(captions=shelf / "dataset.json"))
    pairs = Pairs.open(tmp_path / "out")
    assert {path.name: split for path, split in zip(pairs.images, pairs.splits, strict=True)} == {
        "a.png": "train",
        "b.jpg": "validation",
        "c.png": "test",
    }
    assert len(pairs) == 6


def test_sidecars_and_names(shelf, tmp_path):
    (shelf / "a.txt").write_text("a red field\nred\n")
    picture(shelf / "red-balloon_02.jpg", "yellow")
    assert said(shelf, tmp_path) == [("a.png", "a red field"), ("a.png", "red")]
    assert ("red-balloon_02.jpg", "red balloon") in said(shelf, tmp_path, names=True)
    assert words_of_name(shelf / "IMG_2034.jpg") == ""


def test_bad_rows_and_pictures_are_counted_and_the_rest_is_kept(shelf, tmp_path):
    whole = picture(shelf / "cut.jpg", "pink", (200, 200)).read_bytes()
    (shelf / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    picture(shelf / "dot.png", size=(1, 1))
    picture(shelf / "one/same.png"), picture(shelf / "two/same.png", "blue")
    rows = [
        b"image\tcaption",
        b"a.png\tgood",
        b"a.png\tgood",
        b"a.png\t \xe2\x80\x8b",
        b"absent.png\tx",
        b"a.png\tgr\xfcn",
    ]
    rows += [b"a.png\t" + b"long " * 200_000, b"same.png\tx", b"cut.jpg\tx", b"dot.png\tx", b"c.png", b"\tx"]
    (shelf / "captions.tsv").write_bytes(b"\n".join(rows))
    kept = said(shelf, tmp_path)
    assert [text[:9] for _, text in kept] == ["good", "grün", "long long"]
    described = describe(tmp_path / "out")
    assert skipped(tmp_path) == {
        "a picture without a caption": 3,
        "an empty text": 2,
        "The picture is broken": 1,
        "The picture is too small": 1,
        "a caption whose picture is not there": 1,
        "a caption without a picture's name": 1,
        "several pictures have this name": 1,
        "the same picture with the same text again": 1,
    }
    assert described["rows"] == described["pairs"] + sum(skipped(tmp_path).values())
    assert {name: entry["count"] for name, entry in described["changed"].items()} == {
        "a long text was cut": 1,
        "a text that was not UTF-8 was read as Windows-1252": 1,
    }


def test_an_archive_is_extracted_once_and_safely(shelf, tmp_path):
    (shelf / "captions.tsv").write_text("a.png\tone\n../../../evil.png\ttwo\n")
    archive = tmp_path / "set.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(shelf, "set")
        link = tarfile.TarInfo("set/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    assert said(archive, tmp_path) == [("a.png", "one")]
    (extracted,) = (tmp_path / "out" / "extracted").iterdir()
    before = (extracted / "set/a.png").stat().st_ino
    assert said(archive, tmp_path) == [("a.png", "one")]
    assert (extracted / "set/a.png").stat().st_ino == before
    assert not (extracted / "set/link.png").exists()
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        info = tarfile.TarInfo("../../escaped.png")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(DataError, match="unsafe"):
        make_pairs(evil, tmp_path / "evil-out", FolderConfig())
    assert not list(tmp_path.rglob("escaped.png"))


def test_a_truncated_archive_is_refused_and_leaves_nothing(shelf, tmp_path):
    archive = tmp_path / "set.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(shelf, "set")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DataError, match="damaged"):
        make_pairs(archive, tmp_path / "out", FolderConfig())
    assert not list((tmp_path / "out").rglob("*.png"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "no such folder"),
        (lambda folder: folder.mkdir(), "no pictures"),
        (lambda folder: folder.write_text("x"), "neither a folder nor an archive"),
        (lambda folder: picture(folder / "a.png"), "No pair was left"),
    ],
)
def test_folders_without_pairs_are_refused(tmp_path, make, says):
    make(tmp_path / "folder")
    with pytest.raises(DataError, match=says):
        make_pairs(tmp_path / "folder", tmp_path / "out", FolderConfig())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("c.tsv", "", "empty"),
        ("c.tsv", "one\ttwo\tthree\n", "do not say which"),
        ("c.jsonl", "{", "Line 1 is not JSON"),
        ("c.json", "[1]", "not objects"),
        ("absent.tsv", None, "no such captions file"),
    ],
)
def test_captions_that_cannot_be_read_are_refused(shelf, tmp_path, name, content, says):
    if content is not None:
        (shelf / name).write_text(content)
    with pytest.raises(DataError, match=says):
        make_pairs(shelf, tmp_path / "out", FolderConfig(captions=shelf / name))


@pytest.mark.data
@pytest.mark.parametrize(("name", "pictures", "texts"), [("flickr8k-800", 800, 4000), ("coco-363", 363, 1816)])
def test_real_sets_are_read_whole(real_data, tmp_path, name, pictures, texts):
    make_pairs(real_data / f"{name}.tar", tmp_path / "out", FolderConfig())
    pairs = Pairs.open(tmp_path / "out")
    assert (len(pairs.images), len(pairs)) == (pictures, texts)
