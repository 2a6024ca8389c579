"""``pairs.json``: where a folder of pairs came from, what was left out of it, and the format it is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.reading import parse_json

__all__ = ["DESCRIPTION", "read_description"]

DESCRIPTION = "pairs.json"


def read_description(folder: Path, reads: int, command: str) -> dict[str, Any]:
    """What the description of a folder of pairs says.

    Args:
        folder: of the pairs.
        reads: the format that is read.
        command: what makes such a folder.
    Raises:
        DataError: if there is no such folder or it holds no pairs.
        ArtifactError: if the file is damaged or of another format.
    """
    path, again = folder / DESCRIPTION, f"Make the pairs again with `{command}`."
    if not path.is_file():
        what = "This folder holds no pairs." if folder.is_dir() else "There is no such folder of pairs."
        raise DataError(what, where=folder, fix=f"Make one: {command} --help shows how.")
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"The file is damaged ({error}).", where=path, fix=again) from error
    if not isinstance(found, Mapping) or "format" not in found:
        raise ArtifactError("This is not a description of pairs.", where=path, fix=again)
    if found["format"] != reads:
        raise ArtifactError(
            f"The pairs are of format {found['format']}; this version of nonet reads format {reads}.",
            where=path,
            fix=again,
        )
    return dict(found)
