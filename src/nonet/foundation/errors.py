"""The few exceptions that users see.

Every message says what was wrong, where, and what to do. The command line prints it as one paragraph, the web
application returns it as JSON; neither shows a traceback unless asked.
"""

from __future__ import annotations

import errno
from pathlib import Path

__all__ = [
    "ArtifactError",
    "DataError",
    "MissingError",
    "NonetError",
    "ResourceError",
    "UsageError",
    "readable",
]


class NonetError(Exception):
    """An error to show to a person.

    Args:
        what: what was wrong, a sentence.
        where: the file, row, option or object it was found in.
        fix: what to do about it, a sentence.
    """

    def __init__(self, what: str, *, where: object = None, fix: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.fix}" if self.fix else ""
        return f"{place}{self.what}{remedy}"

    def __reduce__(self):  # keyword arguments would be lost on the way back from a worker process
        return _rebuild, (type(self), self.what, self.where, self.fix)


def _rebuild(kind: type[NonetError], what: str, where: str | None, fix: str | None) -> NonetError:
    return kind(what, where=where, fix=fix)


class DataError(NonetError):
    """Input data cannot be read or breaks its format."""


class ArtifactError(NonetError):
    """A saved model, index or run is damaged, foreign, or of another version."""


class UsageError(NonetError):
    """Options or arguments that cannot be meant together."""


class MissingError(NonetError):
    """A library, a data package or a program that this job needs is not installed."""


class ResourceError(NonetError):
    """The machine ran out of something: disk, memory, a port."""


_OS_ADVICE = {
    errno.ENOSPC: ("The disk is full.", "Free some space and run the same command again."),
    errno.EDQUOT: ("The disk quota is used up.", "Free some space and run the same command again."),
    errno.ENOENT: ("There is no such file or folder.", "Check the spelling of the path."),
    errno.EACCES: ("Permission denied.", "Check who owns the file, or choose another place."),
    errno.EROFS: ("The file system is read-only.", "Choose another place to write to."),
    errno.EISDIR: ("This is a folder where a file was expected.", "Name a file."),
    errno.EEXIST: ("Something else has this name already.", "Choose another name."),
    errno.ENOTDIR: ("This is a file where a folder was expected.", "Name a folder."),
    errno.ELOOP: ("The link leads back to itself.", "Remove the link, or name another file."),
    errno.ENAMETOOLONG: ("The name is too long for this file system.", "Choose a shorter one."),
    errno.EADDRINUSE: ("The port is in use by another program.", "Choose another with --port."),
    errno.EMFILE: ("Too many files are open.", "Raise the limit with `ulimit -n`."),
}


def readable(error: BaseException, extra: str = "all") -> NonetError | None:
    """The user-facing form of an exception, or None if it is a defect of ours.

    Args:
        error: any exception that reached a front door.
        extra: the extra of nonet that brings the libraries of the command that failed.
    """
    if isinstance(error, NonetError):
        return error
    if isinstance(error, MemoryError):
        return ResourceError("The machine ran out of memory.", fix="Try a smaller batch or fewer rows at once.")
    if isinstance(error, OSError) and error.errno in _OS_ADVICE:
        what, fix = _OS_ADVICE[error.errno]
        where = Path(error.filename) if isinstance(error.filename, str) else None
        return ResourceError(what, where=where, fix=fix)
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("nonet"):
        return MissingError(
            f"The library '{error.name}' is not installed.",
            fix=f"Run: pip install 'nonet[{extra}]'. `nonet doctor` tells what else is missing.",
        )
    return None
