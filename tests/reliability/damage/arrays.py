"""Damage to files of arrays and tables that keeps their format: other types, shapes, names and values."""

import io
import json
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reliability.damage import values
from reliability.damage.plain import Choice, bytes_damaged, json_damaged

__all__ = ["npy_damaged", "npz_damaged", "parquet_damaged", "safetensors_damaged"]

_TYPES = ("<f8", "<f4", "<f2", ">f8", "<i8", "<i4", "|i1", "|u1", "|b1", "<c16", "<U3", "|S2", "<M8[s]", "|O", "|V4")


def _array_damaged(array: np.ndarray, choice: Choice) -> np.ndarray:
    ways: tuple[Callable[[], np.ndarray], ...] = (
        lambda: array.astype(choice.of(_TYPES[:12])),
        lambda: array.T,
        lambda: array.ravel(),
        lambda: array[None],
        lambda: array[:0],
        lambda: array[:-1],
        lambda: np.concatenate([array, array]),
        lambda: array[..., :0],
        lambda: array[..., :-1],
        lambda: _with(array, choice),
        lambda: np.full_like(array, choice.of(values.FLOATS if array.dtype.kind == "f" else (-1, 0, 1, 2**62))),
        lambda: np.zeros((), array.dtype),
        lambda: np.array([choice.of(values.TEXTS[:-1])]),
    )
    try:
        with np.errstate(all="ignore"):
            return ways[choice.how % len(ways)]()
    except (ValueError, IndexError, TypeError, OverflowError, UnicodeError):
        return array[:0] if array.ndim else array


def _with(array: np.ndarray, choice: Choice) -> np.ndarray:
    changed = array.copy()
    if changed.size:
        value = choice.of(values.FLOATS) if array.dtype.kind in "fc" else choice.of(values.NUMBERS)
        bits = np.asarray(value % 2**64 if isinstance(value, int) else value)
        changed.reshape(-1)[choice.place(changed.size)] = bits.astype(array.dtype)
    return changed


def npy_damaged(data: bytes, choice: Choice) -> bytes:
    """An array that is another one, or a header that claims what is not there."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError):
        return bytes_damaged(data, choice)
    way = choice.how % 5
    if way == 0:
        return bytes_damaged(data, choice.inner())
    file = io.BytesIO()
    if way == 1:  # a header for more than there is
        shape = (abs(choice.of(values.NUMBERS)) % 2**62, *array.shape[1:])
        header = {"descr": choice.of(_TYPES), "fortran_order": bool(choice.size % 2), "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file.getvalue() + array.tobytes()
    np.save(file, _array_damaged(array, choice.inner()), allow_pickle=False)
    return file.getvalue()


def npz_damaged(data: bytes, choice: Choice) -> bytes:
    """A member damaged, removed, renamed or added."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = {name: packed.read(name) for name in packed.namelist()}
    except (zipfile.BadZipFile, OSError):
        return bytes_damaged(data, choice)
    way = choice.how % 6
    if way == 0 or not members:
        return bytes_damaged(data, choice.inner())
    name = list(members)[choice.place(len(members))]
    if way == 1:
        del members[name]
    elif way == 2:
        members[choice.of(values.NAMES)] = members.pop(name)
    else:
        members[name] = npy_damaged(members[name], choice.inner())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if choice.size % 2 else zipfile.ZIP_STORED) as packed:
        for member, content in members.items():
            packed.writestr(member.replace("\0", "0"), content)
    return file.getvalue()


def safetensors_damaged(data: bytes, choice: Choice) -> bytes:
    """A tensor replaced, removed or renamed, or the header changed."""
    from safetensors.numpy import load, save

    way = choice.how % 6
    length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if way == 0 or length > len(data):
        return bytes_damaged(data, choice.inner())
    if way == 1:
        header = json_damaged(data[8 : 8 + length], choice.inner())
        return struct.pack("<Q", len(header)) + header + data[8 + length :]
    try:
        tensors = load(data)
    except Exception:  # bfloat16, or not a file of tensors any more
        return bytes_damaged(data, choice.inner())
    if not tensors:
        return bytes_damaged(data, choice.inner())
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__")
    name = sorted(tensors)[choice.place(len(tensors))]
    if way == 2:
        del tensors[name]
    elif way == 3:
        tensors[choice.of(values.TEXTS[:-1]).replace("\ud800", "?")] = tensors.pop(name)
    else:
        tensors[name] = _array_damaged(tensors[name], choice.inner())
    try:
        return save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata)
    except Exception:  # a type that safetensors has not
        return bytes_damaged(data, choice.inner())


def parquet_damaged(data: bytes, choice: Choice) -> bytes:
    """A column of another type, with other values, removed, renamed, or rows gone and doubled."""
    way = choice.how % 10
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError):
        return bytes_damaged(data, choice)
    if way == 0 or not table.num_columns:
        return bytes_damaged(data, choice.inner())
    column = choice.place(table.num_columns)
    name = table.column_names[column]
    made = _table_damaged(table, column, name, way, choice)
    file = io.BytesIO()
    pq.write_table(made.replace_schema_metadata(table.schema.metadata), file)
    return file.getvalue()


def _table_damaged(table: pa.Table, column: int, name: str, way: int, choice: Choice) -> pa.Table:
    if way == 1:
        return table.remove_column(column)
    if way == 2:
        return table.rename_columns([f"{n}x" if n == name else n for n in table.column_names])
    if way == 3:
        return table.slice(0, 0)
    if way == 4:
        return pa.concat_tables([table, table])
    cells = table[name].to_pylist()
    if way == 5:
        kinds = (pa.int8(), pa.float64(), pa.string(), pa.binary(), pa.bool_(), pa.list_(pa.string()), pa.null())
        try:
            return table.set_column(column, name, table[name].cast(choice.of(kinds)))
        except pa.ArrowException:
            return table.set_column(column, name, pa.nulls(len(table), choice.of(kinds)))
    if way == 6 and cells:
        cells[choice.size % len(cells)] = None
    elif way == 7:
        cells = [None] * len(cells)
    elif cells:
        row = choice.size % len(cells)
        options = {str: [t.replace("\ud800", "?") for t in values.TEXTS], int: values.NUMBERS, float: values.FLOATS}
        options |= {bool: (True, False), list: ([], [None]), bytes: (b"", b"\0", b"\xff" * 40), dict: ({}, None)}
        cells[row] = choice.of(options.get(type(cells[row]), (None,)))
    try:
        return table.set_column(column, name, pa.array(cells, table[name].type))
    except (pa.ArrowException, OverflowError):
        return table.set_column(column, name, pa.nulls(len(table), table[name].type))
