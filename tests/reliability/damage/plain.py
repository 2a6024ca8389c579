"""Damage to the bytes and to the text of a file, whatever they mean."""

import json
import re
import struct
from dataclasses import dataclass
from typing import Any

from reliability.damage import values

__all__ = ["Choice", "bytes_damaged", "json_damaged", "lines_damaged", "table_damaged"]


@dataclass(frozen=True)
class Choice:
    """What to do and where, whatever the file turns out to be.

    Attributes:
        how: which of the ways that a file's kind knows, counted round.
        at: a place in the file, 0 to 1.
        size: how much.
        value: which of the unexpected values, counted round.
    """

    how: int
    at: float
    size: int
    value: int

    def of(self, options):
        """One of some options."""
        return options[self.value % len(options)]

    def place(self, length: int) -> int:
        """A place in something of a length, at most the last."""
        return min(int(self.at * length), max(length - 1, 0))

    def inner(self) -> "Choice":
        """Another choice for what is inside: the way is the rest of the division that picked the outer one."""
        return Choice(self.how // 7, self.size / 4096 % 1, self.size, self.value)


def bytes_damaged(data: bytes, choice: Choice) -> bytes:
    """The bytes cut, flipped, overwritten, doubled or followed by more."""
    at, size = choice.place(len(data)), 1 + choice.size % 4096
    number = choice.of(values.NUMBERS)
    few = 1 + choice.size % 8
    overwrite = {
        0: lambda: bytes([data[at] ^ (1 << choice.size % 8)]) if data else b"",
        1: lambda: struct.pack("<I", number % 2**32),
        2: lambda: struct.pack(">I", number % 2**32),
        3: lambda: struct.pack("<Q", number % 2**64),
        4: lambda: struct.pack(">Q", number % 2**64),
        5: lambda: struct.pack("<H", number % 2**16),
        6: lambda: b"\0" * few,
        7: lambda: b"\xff" * few,
    }
    way = choice.how % (len(overwrite) + 9)
    if way in overwrite:
        return data[:at] + overwrite[way]() + data[at + len(overwrite[way]()) :]
    return (
        lambda: data[:at],
        lambda: b"",
        lambda: data[:at] + data[at + size :],
        lambda: data[:at] + data[at : at + size] * 2 + data[at + size :],
        lambda: data[:at] + bytes(size) + data[at:],
        lambda: data + bytes(range(256)),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data[:at] + b"\xc3\x28\xed\xa0\x80" + data[at:],
        lambda: data[:few] + data[few:][::-1],
    )[way - len(overwrite)]()


def json_damaged(data: bytes, choice: Choice) -> bytes:
    """One value of a JSON text replaced, removed, renamed, doubled or wrapped; bytes where it is not JSON."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return bytes_damaged(data, choice)
    places = list(_places(tree))
    if not places:
        return choice.of(values.JSON).encode()
    parent, key = places[choice.place(len(places))]
    raw = choice.of(values.JSON)
    way = choice.how % 8
    token = "@raw@"
    if way <= 2:
        parent[key] = token
    elif way == 3:
        del parent[key]
    elif way == 4 and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    elif way == 5:
        parent[key] = [parent[key]]
    elif way == 6:
        other, name = places[choice.size % len(places)]
        copied = json.loads(json.dumps((parent[key], other[name])))
        parent[key], other[name] = copied[1], copied[0]
    elif isinstance(parent, dict):
        text = json.dumps(tree)
        written = json.dumps(key) + ": "
        return text.replace(written, f"{written}{raw}, {written}", 1).encode("utf-8", "surrogatepass")
    else:
        parent.insert(key, token)
    text = json.dumps(tree, ensure_ascii=choice.size % 2 == 0)
    return text.replace(json.dumps(token), raw).encode("utf-8", "surrogatepass")


def _places(tree: Any, limit: int = 3000):
    """Each container and key of a tree, the outer ones first."""
    waiting = [tree]
    found = 0
    while waiting and found < limit:
        node = waiting.pop(0)
        items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        for key, value in items:
            found += 1
            yield node, key
            if isinstance(value, (dict, list)) and value:
                waiting.append(value)


def lines_damaged(data: bytes, choice: Choice) -> bytes:
    """A line of JSON damaged as JSON, or lines dropped, doubled and swapped."""
    lines = data.split(b"\n")
    at = choice.place(len(lines))
    way = choice.how % 8
    if way <= 4:
        lines[at] = json_damaged(lines[at], choice.inner())
    elif way == 5:
        del lines[at]
    elif way == 6:
        lines.insert(at, lines[choice.size % len(lines)])
    else:
        lines[at] = lines[at][: choice.size % (len(lines[at]) + 1)]
    return b"\n".join(lines)


def table_damaged(data: bytes, choice: Choice) -> bytes:
    """A cell or word of a text replaced, removed or added, or a line dropped or doubled."""
    text = data.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    at = choice.place(len(lines))
    parts = re.split(r"([\t,;:=<>/|\"' ]+)", lines[at])
    word = 2 * (choice.size % ((len(parts) + 1) // 2))
    value = choice.of(values.TEXTS)
    way = choice.how % 8
    if way <= 2:
        parts[word] = value
    elif way == 3:
        del parts[word : word + 2]
    elif way == 4:
        parts[word:word] = [value, parts[1] if len(parts) > 1 else ","]
    elif way == 5:
        lines.insert(at, lines[choice.size % len(lines)])
    elif way == 6:
        lines.insert(at, value)
    if way <= 4:
        lines[at] = "".join(parts)
    elif way == 7:
        del lines[at]
    return "\n".join(lines).encode("utf-8", "surrogatepass" if "\ud800" in value else "surrogateescape")
