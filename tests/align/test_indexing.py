from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from align.fakes import ColourModel, paint
from nonet.align.index import Index
from nonet.align.indexing import open_or_create, update
from nonet.align.listing import Listed, Listing, list_pictures
from nonet.foundation.errors import ArtifactError, DataError, ResourceError, UsageError


@pytest.fixture
def model() -> ColourModel:
    return ColourModel()


@pytest.fixture
def index(tmp_path: Path, model: ColourModel) -> Index:
    return open_or_create(tmp_path / "index", model, tmp_path / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue", "yellow"):
        paint(tmp_path / "photos" / "deep" / f"{colour}.png", colour)
    return tmp_path / "photos"


def paths(index: Index) -> set[str]:
    return {Path(path).name for _, path in index.snapshot().columns("path")}


def test_a_second_run_embeds_nothing_and_keeps_ids(index: Index, model: ColourModel, photos: Path) -> None:
    first = update(index, model, list_pictures(photos))
    assert (first.embedded, first.unchanged, first.dropped) == (4, 0, 0)
    ids = [id for id, _ in index.snapshot().columns("path")]
    second = update(index, model, list_pictures(photos))
    assert (second.embedded, second.unchanged, second.dropped) == (0, 4, 0)
    assert model.pictures_seen == 4
    assert [id for id, _ in index.snapshot().columns("path")] == ids


def test_changed_moved_copied_and_vanished_pictures(index: Index, model: ColourModel, photos: Path) -> None:
    update(index, model, list_pictures(photos))
    paint(photos / "deep" / "red.png", "cyan")  # changed
    (photos / "deep" / "green.png").rename(photos / "moved.png")
    (photos / "copy.png").write_bytes((photos / "deep" / "blue.png").read_bytes())
    (photos / "deep" / "yellow.png").unlink()
    model.pictures_seen = 0
    outcome = update(index, model, list_pictures(photos))
    assert (outcome.embedded, outcome.reused, outcome.unchanged, outcome.dropped) == (1, 2, 1, 2)
    assert model.pictures_seen == 1
    assert paths(index) == {"red.png", "moved.png", "copy.png", "blue.png"}
    hits = index.snapshot().search(model.embed_texts(["cyan", "green"]), 1)
    found = index.snapshot().pictures(hits.ids[:, 0].tolist())
    assert [Path(found[id].path).name for id in hits.ids[:, 0].tolist()] == ["red.png", "moved.png"]


def test_another_source_is_added_and_does_not_disturb_the_first(
    index: Index, model: ColourModel, photos: Path, tmp_path: Path
) -> None:
    update(index, model, list_pictures(photos))
    paint(tmp_path / "more" / "white.png", "white")
    update(index, model, list_pictures(tmp_path / "more"))
    assert paths(index) == {"red.png", "green.png", "blue.png", "yellow.png", "white.png"}


def test_bad_pictures_are_counted_and_the_rest_is_indexed(index: Index, model: ColourModel, photos: Path) -> None:
    whole = (photos / "deep" / "red.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "letter.jpg").write_text("dear reader")
    (photos / "nothing.gif").write_bytes(b"")
    paint(photos / "dot.png", "red", (1, 1))
    Image.new("1", (12_000, 12_000)).save(photos / "bomb.png")
    Image.new("CMYK", (20, 20)).save(photos / "print.jpg")
    outcome = update(index, model, list_pictures(photos))
    assert outcome.embedded == 5
    assert sum(reason.count for reason in outcome.skipped.skipped.values()) == 5
    assert "print.jpg" in paths(index)
    assert {"cut.png", "letter.jpg", "nothing.gif", "dot.png", "bomb.png"}.isdisjoint(paths(index))


def test_a_picture_that_breaks_leaves_the_index(index: Index, model: ColourModel, photos: Path) -> None:
    update(index, model, list_pictures(photos))
    (photos / "deep" / "red.png").write_bytes(b"broken")
    outcome = update(index, model, list_pictures(photos))
    assert outcome.dropped == 1
    assert "red.png" not in paths(index)


def test_interrupted_it_goes_on_where_it_was(index: Index, model: ColourModel, tmp_path: Path) -> None:
    for number in range(20):
        paint(tmp_path / "many" / f"{number:02}.png", (number * 10, 0, 0))

    class Interrupted(ColourModel):
        def embed_images(self, pictures):
            if self.pictures_seen >= 12:
                raise KeyboardInterrupt
            return super().embed_images(pictures)

    with pytest.raises(KeyboardInterrupt):
        update(index, Interrupted(), list_pictures(tmp_path / "many"), commit=4, batch=2)
    assert len(Index.open(index.folder).snapshot()) == 12
    again = update(Index.open(index.folder), model, list_pictures(tmp_path / "many"), commit=4)
    assert (again.unchanged, again.embedded) == (12, 8)
    assert len(index.snapshot()) == 20


def test_many_small_segments_and_dead_rows_are_merged_away(index: Index, model: ColourModel, tmp_path: Path) -> None:
    for number in range(24):
        paint(tmp_path / "many" / f"{number:02}.png", (number * 10, 0, 0))
    update(index, model, list_pictures(tmp_path / "many"), commit=2)
    assert len(index.snapshot().manifest.segments) == 1
    for number in range(12):
        (tmp_path / "many" / f"{number:02}.png").unlink()
    update(index, model, list_pictures(tmp_path / "many"))
    assert index.snapshot().manifest.segments[0].dead == 0
    assert len(index.snapshot()) == 12


def test_the_embedding_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(7):
        noise = Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8))
        noise.save(paint(tmp_path / "p" / f"{number}.png", "red"))
    both = []
    for batch in (1, 5):
        model = ColourModel()
        index = open_or_create(tmp_path / f"index{batch}", model, tmp_path)
        update(index, model, list_pictures(tmp_path / "p"), batch=batch, commit=3)
        both.append(index.snapshot().vectors(range(7)))
    assert all((both[0][id] == both[1][id]).all() for id in range(7))


def test_an_index_of_another_model_is_refused(index: Index, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="another model"):
        open_or_create(index.folder, ColourModel("other"), tmp_path / "model")


def test_the_model_may_have_moved(index: Index, model: ColourModel, tmp_path: Path) -> None:
    open_or_create(index.folder, model, tmp_path / "elsewhere")
    assert Index.open(index.folder).snapshot().manifest.model == str(tmp_path / "elsewhere")


def test_an_update_keeps_others_from_writing(index: Index, model: ColourModel, photos: Path) -> None:
    def meanwhile(_: int) -> None:
        with pytest.raises(ResourceError, match="Another process"):
            Index.open(index.folder).delete([0])

    assert update(index, model, list_pictures(photos), advance=meanwhile).embedded == 4


def test_a_list_names_pictures_and_captions(tmp_path: Path, photos: Path) -> None:
    text = "photos/deep/red.png\ta red thing\n\nphotos/deep/blue.png\nphotos/deep/red.png\tsecond caption\n"
    (tmp_path / "list.tsv").write_text("\ufeff" + text, encoding="utf-8")
    listing = list_pictures(tmp_path / "list.tsv")
    assert listing == Listing(
        str(tmp_path / "list.tsv"),
        [
            Listed(photos / "deep" / "red.png", ("a red thing", "second caption")),
            Listed(photos / "deep" / "blue.png"),
        ],
    )


def test_a_changed_caption_is_taken_over_without_the_model(
    tmp_path: Path, index: Index, model: ColourModel, photos: Path
) -> None:
    for caption in ("one", "two"):
        (tmp_path / "list.txt").write_text(f"photos/deep/red.png\t{caption}\n")
        update(index, model, list_pictures(tmp_path / "list.txt"))
    assert [captions for _, captions in index.snapshot().columns("captions")] == [["two"]]
    assert model.pictures_seen == 1


def test_a_missing_file_of_a_list_is_counted(tmp_path: Path, index: Index, model: ColourModel, photos: Path) -> None:
    (tmp_path / "list.txt").write_text("photos/deep/red.png\nnowhere.png\n")
    outcome = update(index, model, list_pictures(tmp_path / "list.txt"))
    assert outcome.embedded == 1
    assert [reason.count for reason in outcome.skipped.skipped.values()] == [1]


def test_hidden_files_and_other_endings_are_not_pictures(photos: Path) -> None:
    paint(photos / ".cache" / "thumb.png", "red")
    (photos / "notes.txt").write_text("no")
    assert len(list_pictures(photos).pictures) == 4


def test_one_picture_is_a_source(photos: Path) -> None:
    assert list_pictures(photos / "deep" / "red.png").pictures == [Listed(photos / "deep" / "red.png")]


def test_sources_that_cannot_be_used(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9.png\n")
    with pytest.raises(DataError, match="no such file"):
        list_pictures(tmp_path / "nowhere")
    with pytest.raises(DataError, match="No pictures"):
        list_pictures(tmp_path / "empty")
    with pytest.raises(DataError, match="neither a picture nor a list"):
        list_pictures(tmp_path / "latin.txt")
    with pytest.raises(UsageError, match="Only a pairs folder"):
        list_pictures(photos, split="test")
