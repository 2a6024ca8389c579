"""Damage to archives, compressed files, pictures and databases that keeps their format."""

import bz2
import gzip
import io
import sqlite3
import struct
import tarfile
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path

from PIL import Image

from nonet.foundation.reading import unpack
from reliability.damage import values
from reliability.damage.plain import Choice, bytes_damaged

__all__ = ["bz2_damaged", "gzip_damaged", "picture_damaged", "sqlite_damaged", "tar_damaged", "zip_damaged"]

_BLOCK = 64 * 2**20
_BLOCKS = 48  # 3 GiB


@cache
def _gzip_bomb() -> bytes:
    return gzip.compress(bytes(_BLOCK), 9, mtime=0) * _BLOCKS  # members follow one another


@cache
def _bz2_bomb() -> bytes:
    return bz2.compress(bytes(_BLOCK)) * _BLOCKS


def gzip_damaged(data: bytes, choice: Choice, inner) -> bytes:
    """What is inside damaged, or a bomb."""
    way = choice.how % 10
    if way == 0:
        return _gzip_bomb()
    if way <= 2:
        return bytes_damaged(data, choice.inner())
    try:
        return gzip.compress(inner(unpack(data, "gzip", _BLOCK), choice.inner()), 1, mtime=0)
    except ValueError:
        return bytes_damaged(data, choice.inner())


def bz2_damaged(data: bytes, choice: Choice, inner) -> bytes:
    """What is inside damaged, or a bomb."""
    way = choice.how % 10
    if way == 0:
        return _bz2_bomb()
    if way <= 2:
        return bytes_damaged(data, choice.inner())
    try:
        return bz2.compress(inner(unpack(data, "bz2", _BLOCK), choice.inner()), 1)
    except ValueError:
        return bytes_damaged(data, choice.inner())


def tar_damaged(data: bytes, choice: Choice, inner) -> bytes:
    """A member renamed, turned into a link or a device, declared huge, doubled, or damaged inside."""
    way = choice.how % 10
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = [(m, (f.read() if (f := archive.extractfile(m)) else b"")) for m in archive if m.isfile()]
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        return bytes_damaged(data, choice)
    if way == 0 or not members:
        return bytes_damaged(data, choice.inner())
    at = choice.place(len(members))
    member, content = members[at]
    if way == 1:
        member.name = choice.of(values.NAMES).replace("\0", "0")
    elif way == 2:
        member.type = choice.of((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE))
        member.linkname, content = choice.of(("/etc/passwd", "../../x", member.name)), b""
    elif way == 3:
        members.append((member, content))
    elif way == 4:
        del members[at]
    elif way > 5:
        content = inner(content, choice.inner(), member.name)
    if way != 4:
        members[at] = (member, content)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if data[:2] == b"\x1f\x8b" else "w") as archive:
        for entry, held in members:
            entry.size = len(held) if entry.isfile() else 0
            archive.addfile(entry, io.BytesIO(held))
    made = file.getvalue()
    if way == 5 and data[:2] != b"\x1f\x8b":  # the first member declared larger than the archive
        header = bytearray(made[:512])
        header[124:136] = b"%011o\0" % (abs(choice.of(values.NUMBERS)) % 8**11)
        header[148:156] = b"        "
        header[148:156] = b"%06o\0 " % sum(header)
        made = bytes(header) + made[512:]
    return made


def zip_damaged(data: bytes, choice: Choice, inner) -> bytes:
    """A member renamed, doubled, removed, replaced by a bomb, or damaged inside."""
    way = choice.how % 8
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = [(name, packed.read(name)) for name in packed.namelist()]
    except (zipfile.BadZipFile, OSError, zlib.error):
        return bytes_damaged(data, choice)
    if way == 0 or not members:
        return bytes_damaged(data, choice.inner())
    at = choice.place(len(members))
    name, content = members[at]
    if way == 1:
        name = choice.of(values.NAMES).replace("\0", "0")
    elif way == 2:
        members.append((name, content))
    elif way == 3:
        content = bytes(300 * 2**20)
    elif way > 4:
        content = inner(content, choice.inner(), name)
    members[at] = (name, content)
    if way == 4:
        del members[at]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, held in members:
            packed.writestr(member, held)
    return file.getvalue()


def picture_damaged(data: bytes, choice: Choice, suffix: str) -> bytes:
    """A picture of another size, mode or format under the same name, or one that claims to be huge."""
    way = choice.how % 6
    try:
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("RGB")
    except Exception:
        return bytes_damaged(data, choice)
    if way <= 1:
        return bytes_damaged(data, choice.inner())
    if way == 2 and data[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = (abs(choice.of(values.NUMBERS)) % 2**31, 1 + choice.size)
        head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
        return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    file = io.BytesIO()
    if way == 3:
        picture.resize(choice.of(((1, 1), (1, 5000), (3, 2), (6000, 6000)))).save(file, "PNG")
    elif way == 4:
        mode = choice.of(("1", "L", "P", "LA", "RGBA", "I", "CMYK"))
        picture.convert(mode).save(file, "TIFF" if mode in {"I", "CMYK"} else "PNG")
    else:
        picture.save(file, choice.of(("GIF", "BMP", "WEBP", "JPEG", "PPM", "TIFF", "ICO")))
    return file.getvalue()


def sqlite_damaged(data: bytes, choice: Choice) -> bytes:
    """A table dropped, a cell changed, or bytes."""
    way = choice.how % 4
    if way <= 1:
        return bytes_damaged(data, choice.inner())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.sqlite"
        path.write_bytes(data)
        try:
            base = sqlite3.connect(path, isolation_level=None)
            names = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            name = names[choice.place(len(names))]
            columns = [row[1] for row in base.execute(f'PRAGMA table_info("{name}")')]
            column = columns[choice.size % len(columns)]
            value = choice.of((None, -1, 2**62, "x", "", b"\0", 1.5))
            if way == 2:
                base.execute(f'DROP TABLE "{name}"')
            else:
                base.execute(f'UPDATE "{name}" SET "{column}" = ?', (value,))
            base.execute("PRAGMA journal_mode = DELETE")
            base.close()
        except (sqlite3.Error, IndexError):
            return bytes_damaged(data, choice.inner())
        return path.read_bytes()
