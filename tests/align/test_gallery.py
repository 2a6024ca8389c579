import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from align.fakes import ColourModel, paint
from nonet.align.embedder import open_for_embedding
from nonet.align.gallery import Gallery
from nonet.align.indexing import open_or_create, update
from nonet.align.listing import list_pictures
from nonet.align.segments import Picture
from nonet.foundation.errors import DataError


def indexed(folder: Path, path: Path) -> Picture:
    model = ColourModel()
    index = open_or_create(folder / "index", model, folder)
    update(index, model, list_pictures(path))
    (picture,) = index.snapshot().pictures([0]).values()
    return picture


def test_a_thumbnail_is_small_and_made_once(tmp_path: Path) -> None:
    picture = indexed(tmp_path, paint(tmp_path / "red.png", "red", (800, 200)))
    gallery = Gallery(tmp_path / "index")
    shown = gallery.thumbnail(picture)
    with Image.open(io.BytesIO(shown.content)) as image:
        assert image.size == (256, 64)
        assert image.format == "WEBP"
        assert image.convert("RGB").getpixel((100, 30))[0] > 240
    Path(picture.path).unlink()
    assert Gallery(tmp_path / "index").thumbnail(picture) == shown  # from the cache


@pytest.mark.parametrize("suffix", ["png", "jpeg", "gif", "webp"])
def test_browser_formats_are_given_as_they_are(tmp_path: Path, suffix: str) -> None:
    path = paint(tmp_path / f"red.{suffix}", "red")
    shown = Gallery(tmp_path).whole(indexed(tmp_path, path))
    assert (shown.content, shown.media_type) == (path.read_bytes(), f"image/{suffix}")


def test_other_formats_are_converted(tmp_path: Path) -> None:
    shown = Gallery(tmp_path).whole(indexed(tmp_path, paint(tmp_path / "red.tiff", "red")))
    assert shown.media_type == "image/png"
    with Image.open(io.BytesIO(shown.content)) as image:
        assert image.getpixel((5, 5)) == (255, 0, 0)


def test_another_file_put_in_the_place_is_not_shown(tmp_path: Path) -> None:
    picture = indexed(tmp_path, paint(tmp_path / "red.png", "red"))
    (tmp_path / "red.png").write_text("the password is swordfish")
    with pytest.raises(DataError, match="changed since"):
        Gallery(tmp_path / "index").whole(picture)
    with pytest.raises(DataError, match="changed since"):
        Gallery(tmp_path / "index").thumbnail(picture)
    (tmp_path / "red.png").unlink()
    with pytest.raises(DataError, match="gone"):
        Gallery(tmp_path / "index").whole(picture)


def test_an_upload_is_kept_small_without_metadata_under_its_hash(tmp_path: Path) -> None:
    image = Image.new("RGB", (3000, 1500), "blue")
    exif = Image.Exif()
    exif[271] = "a camera"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    gallery = Gallery(tmp_path)
    kept = gallery.keep(buffer.getvalue())
    assert (kept.width, kept.height) == (3000, 1500)
    assert gallery.keep(buffer.getvalue()) == kept
    path = Gallery(tmp_path).upload(kept.sha256)  # after a restart
    with Image.open(path) as stored:
        assert stored.size == (1024, 512)
        assert not stored.getexif()
    assert open_for_embedding(path).picture.getpixel((9, 9))[2] > 250


def test_an_upload_that_is_no_longer_kept_is_said_so(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    kept = gallery.keep(paint(tmp_path / "p.png", "red").read_bytes())
    shutil.rmtree(tmp_path / ".cache" / "uploads")
    with pytest.raises(DataError, match="no longer kept"):
        gallery.upload(kept.sha256)


def test_a_read_only_index_is_served_from_a_temporary_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = indexed(tmp_path, paint(tmp_path / "red.png", "red"))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    gallery = Gallery(tmp_path / "index")
    assert gallery.thumbnail(picture).media_type == "image/webp"
    assert not list((tmp_path / "index" / ".cache").iterdir())


def test_a_full_disk_costs_no_thumbnail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    picture = indexed(tmp_path, paint(tmp_path / "red.png", "red"))
    gallery = Gallery(tmp_path / "index")
    monkeypatch.setattr("nonet.align.filecache.replace_file", full)
    assert gallery.thumbnail(picture).content
