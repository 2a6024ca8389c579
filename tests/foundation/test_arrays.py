import io
import zipfile

import numpy as np
import pytest

from nonet.foundation.arrays import read_array, read_arrays


def test_arrays_are_read_as_numpy_writes_them(tmp_path):
    given = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"]), "c": np.zeros((0, 4), np.int8)}
    np.savez_compressed(tmp_path / "a.npz", **given)
    found = read_arrays(tmp_path / "a.npz")
    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], given[name]) and found[name].dtype == given[name].dtype for name in given)
    assert read_arrays(tmp_path / "a.npz", ["b"]).keys() == {"b"}
    with pytest.raises(ValueError, match="d"):
        read_arrays(tmp_path / "a.npz", ["d"])
    np.save(tmp_path / "a.npy", given["a"])
    for mapped in (False, True):
        assert np.array_equal(read_array(tmp_path / "a.npy", mapped=mapped), given["a"])


def claiming(shape, kind="<f8") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(80)


@pytest.mark.parametrize(
    "content",
    [
        claiming((2**40,)),
        claiming((2**31, 2**31, 2**31)),
        claiming((11,)),
        claiming((2,), "|O"),
        b"",
        b"\x93NUMPY\x07\x00",
        b"\x93NUMPY\x01\x00\x20\x00{'descr': (((((((((((((((((((((",
        b"not an array",
    ],
)
def test_an_array_that_claims_what_it_has_not_is_refused_before_memory_is_taken(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as packed:
        packed.writestr("a.npy", content)
    for read in (lambda: read_array(tmp_path / "a.npy"), lambda: read_arrays(tmp_path / "a.npz")):
        with pytest.raises(ValueError):
            read()


def test_damaged_archives_of_arrays_are_one_kind_of_error(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.random.default_rng(0).random(1000))
    whole = (tmp_path / "a.npz").read_bytes()
    for place in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "a.npz").write_bytes(damaged)
        try:
            read_arrays(tmp_path / "a.npz")
        except ValueError:
            continue
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "absent.npz")
