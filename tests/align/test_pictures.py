"""The one door for pictures: what it makes of odd files, and what it refuses."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nonet.align.pictures import Limits, inspect_picture, open_picture
from nonet.foundation.errors import DataError


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int = 64, height: int = 48) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it has ``width`` by ``height`` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_cmyk_becomes_rgb():
    picture = open_picture(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = picture.getpixel((4, 4))
    assert picture.mode == "RGB" and red > 200 and green < 60 and blue < 60


def test_transparency_is_laid_on_white():
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    half.paste((255, 0, 0, 255), (0, 0, 4, 8))
    picture = open_picture(encoded(half))
    assert picture.getpixel((0, 0)) == (255, 0, 0) and picture.getpixel((7, 0)) == (255, 255, 255)


def test_a_palette_with_a_transparent_colour_is_laid_on_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 9, 9, 9] + [0] * 762)
    assert open_picture(encoded(image, "GIF", transparency=0)).getpixel((1, 1)) == (255, 255, 255)


def test_greys_of_16_bits_keep_their_order():
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    picture = open_picture(encoded(Image.fromarray(ramp)))
    values = np.asarray(picture)[..., 0].ravel()
    assert values[0] == 0 and values[-1] == 255 and (np.diff(values.astype(int)) > 0).all()


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert open_picture(data).getpixel((0, 0)) == (255, 0, 0)


def test_the_orientation_of_the_camera_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    data = encoded(noise(64, 48), "JPEG", exif=exif)
    assert open_picture(data).size == (48, 64)
    assert (inspect_picture(data).width, inspect_picture(data).height) == (48, 64)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"<html>", "not a picture"),
        (encoded(noise(), "JPEG")[:-600], "broken"),
        (encoded(Image.new("RGB", (1, 1))), r"too small \(1×1\)"),
        (bomb(20_000, 20_000), "too many pixels"),
        (bomb(10_001, 10_001), r"too many pixels \(10001×10001\)"),
        (bomb(2**31 - 1, 2**31 - 1), "too many pixels|broken|not a picture"),
    ],
    ids=["empty", "text", "truncated", "1x1", "20000x20000", "over the limit", "bomb"],
)
def test_bad_pictures_are_refused_with_the_reason(tmp_path, data, says):
    with pytest.raises(DataError, match=says):
        open_picture(data)
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    with pytest.raises(DataError, match=says) as caught:
        inspect_picture(path)
    assert caught.value.where == str(path)


def test_files_over_the_limit_are_refused(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(encoded(noise()))
    with pytest.raises(DataError, match="larger than 100 bytes"):
        open_picture(path, Limits(max_bytes=100))
    with pytest.raises(DataError, match="cannot be read"):
        open_picture(tmp_path / "absent.png")


def test_facts_of_a_picture():
    data = encoded(noise(30, 20), "WEBP")
    facts = inspect_picture(data)
    assert (facts.width, facts.height, facts.suffix) == (30, 20, ".webp")
    assert facts.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_a_picture_or_a_clear_error(data):
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]))
    content = bytearray(encoded(noise(16, 12), kind))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        assert open_picture(bytes(content), Limits(max_pixels=10_000)).mode == "RGB"
    except DataError as error:
        assert error.what
