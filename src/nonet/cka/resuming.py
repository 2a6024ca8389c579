"""How far a comparison is: sums on disk for resuming, and how the values settle as batches come in."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.torch import save

from nonet.cka.accumulator import Accumulator, Layer
from nonet.cka.config import CompareOptions
from nonet.cka.similarity import from_sums, normalised
from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import made_sense_of

__all__ = ["Progress"]

_EVERY = 10.0  # seconds between two writings
_SPARE = "The stored progress is of other data or options."


class Progress:
    """Keeps a comparison's sums in a file and follows how they settle.

    Args:
        path: the file; None keeps nothing.
        options: a comparison with others refuses the file.
    """

    def __init__(self, path: Path | None, options: CompareOptions) -> None:
        self._path = path
        self._print = hashlib.sha256(json.dumps(asdict(options), sort_keys=True).encode()).hexdigest()
        self._stored: Accumulator | None = None
        self._done, self._chain, self._expected = 0, 0, 0
        self._written = time.monotonic()
        self._last: np.ndarray | None = None
        self.settling: list[tuple[int, float]] = []
        if path is not None and path.exists():
            self._read(path)

    def seen(self, number: int, checksum: int) -> bool:
        """Whether batch ``number`` is in the stored sums already.

        Raises:
            DataError: if the batches are not the ones that were seen before.
        """
        if number >= self._done:
            return False
        self._chain = hash((self._chain, checksum)) % 2**61
        if number == self._done - 1 and self._chain != self._expected:
            raise DataError(
                "The data does not come in the order of the interrupted comparison.",
                where=self._path,
                fix="Take shuffle=False or a seeded order, or delete the file to begin anew.",
            )
        return True

    def taken_up(self) -> Accumulator | None:
        """The stored sums, if there are any."""
        return self._stored

    def keep(self, accumulator: Accumulator, number: int, checksum: int) -> None:
        """Notes a batch; writes the sums every few seconds."""
        self._chain = hash((self._chain, checksum)) % 2**61
        if accumulator.batches & (accumulator.batches - 1) == 0:  # 1, 2, 4, 8 …
            now = normalised(accumulator.total())
            if self._last is not None:
                change = np.abs(now - self._last)
                self.settling.append((accumulator.batches, float(np.nanmax(change, initial=0.0))))
            self._last = now
        if self._path is not None and time.monotonic() - self._written > _EVERY:
            self._write(accumulator, number + 1)

    def settled(self, accumulator: Accumulator, tolerance: float | None) -> bool:
        """Whether every interval is narrower than the tolerance to either side."""
        if tolerance is None or accumulator.batches < accumulator.groups:
            return False
        maps = from_sums(accumulator).values()
        return all(one.half_width() <= tolerance for one in maps)

    def done(self) -> None:
        """Removes the file: there is nothing to resume."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _write(self, accumulator: Accumulator, done: int) -> None:
        about = {"print": self._print, "done": str(done), "chain": str(self._chain)}
        replace_file(self._path, save(accumulator.state_dict(), metadata=about))  # type: ignore[arg-type]
        self._written = time.monotonic()

    def _read(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata()
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except Exception as error:
            raise ArtifactError("The file of progress is damaged.", where=path, fix="Delete it.") from error
        if (about or {}).get("print") != self._print:
            raise ArtifactError(_SPARE, where=path, fix="Delete it, or repeat the command that was interrupted.")
        with made_sense_of(path, ArtifactError, what="The file of progress is damaged", fix="Delete it."):
            stored = Accumulator([Layer("", "")])
            stored.load_state_dict(state)
            self._done, self._expected = int(about["done"]), int(about["chain"])
        self._stored = stored
