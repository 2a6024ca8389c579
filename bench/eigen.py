"""A million 2×2 matrices: nonet beside NumPy (LAPACK) and torch, in interleaved rounds, with the memory's limit beside.

Every contender gets its matrices in the layout it likes, and allocates its own result. The limits are the times to read
what a contender must read, and to read and write it, with library calls. All times are processor time of one thread;
those of two workers are elapsed time, as are the times of NumPy that they are compared with.

    python bench/eigen.py [MATRICES [WORD …]]     only the rows that have one of the words in their name
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.pop("OPENBLAS_CORETYPE", None)  # LAPACK shall choose its kernels for this processor

import numpy as np  # noqa: E402
import torch  # noqa: E402
from record import Row, record  # noqa: E402

from nonet import eigen  # noqa: E402
from nonet.foundation import console  # noqa: E402

ROUNDS = 9
MILLI = 1e3


def contenders(count: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    general = rng.standard_normal((count, 2, 2))
    symmetric = general + np.swapaxes(general, -1, -2)
    a, b, d = (np.ascontiguousarray(symmetric[:, i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    entries = [np.ascontiguousarray(general[:, i, j]) for i in (0, 1) for j in (0, 1)]
    on_torch, torch_symmetric = torch.from_numpy(general), torch.from_numpy(symmetric)
    covariances = general @ np.swapaxes(general, -1, -2)
    huge = general * 1e200
    read, write = np.ones(3 * count), np.empty(2 * count)
    return {
        "numpy.linalg.eigvals": lambda: np.linalg.eigvals(general),
        "nonet eigvals, (n, 2, 2)": lambda: eigen.eigvals(general),
        "nonet eigvals, a b c d": lambda: eigen.eigvals(*entries),
        "torch.linalg.eigvals": lambda: torch.linalg.eigvals(on_torch),
        "nonet eigvals on torch": lambda: eigen.eigvals(on_torch),
        "nonet eigvals, all × 1e200": lambda: eigen.eigvals(huge),
        "numpy.linalg.eigvalsh": lambda: np.linalg.eigvalsh(symmetric),
        "nonet eigvalsh, (n, 2, 2)": lambda: eigen.eigvalsh(symmetric),
        "nonet eigvalsh, a b d": lambda: eigen.eigvalsh(a, b, d),
        "torch.linalg.eigvalsh": lambda: torch.linalg.eigvalsh(torch_symmetric),
        "nonet eigvals, two workers": lambda: eigen.eigvals(general, workers=2),
        "nonet eigvalsh, two workers": lambda: eigen.eigvalsh(symmetric, workers=2),
        "nonet eigvalsh, covariances": lambda: eigen.eigvalsh(covariances),
        "numpy.linalg.eig": lambda: np.linalg.eig(general),
        "nonet eig": lambda: eigen.eig(general),
        "numpy.linalg.eigh": lambda: np.linalg.eigh(symmetric),
        "nonet eigh": lambda: eigen.eigh(symmetric),
        "memory: read 32 MB": lambda: symmetric.max(),
        "memory: read 32 MB, write 16 MB": lambda: (symmetric.max(), write.fill(0.0)),
        "memory: read 32 MB, write 32 MB": lambda: general.copy(),
        "memory: read 24 MB, write 16 MB": lambda: (read.sum(), write.fill(0.0)),
    }


PEERS = {
    "nonet eigvals": "numpy.linalg.eigvals",
    "nonet eigvalsh": "numpy.linalg.eigvalsh",
    "nonet eig": "numpy.linalg.eig",
    "nonet eigh": "numpy.linalg.eigh",
}


def peer_of(name: str) -> str | None:
    base = name.split(",")[0].removesuffix(" on torch")
    return "torch.linalg.eigvals" if name.endswith("on torch") else PEERS.get(base)


def measure(work: dict[str, Callable[[], object]]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """CPU time of this thread, which a busy machine spoils less, and elapsed time, in interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in work}
    elapsed: dict[str, list[float]] = {name: [] for name in work}
    for run in work.values():
        run()  # compiles, and touches the memory
    with console.progress("rounds", ROUNDS) as bar:
        for _ in range(ROUNDS):
            for name, run in work.items():
                began, start = time.perf_counter(), time.thread_time()
                run()
                times[name].append(time.thread_time() - start)
                elapsed[name].append(time.perf_counter() - began)
            bar.advance()
    return times, elapsed


def main(count: int, words: list[str]) -> None:
    torch.set_num_threads(1)
    work = contenders(count)
    on_one, elapsed = measure({k: run for k, run in work.items() if not words or any(word in k for word in words)})
    rows = []
    for name in on_one:
        times = elapsed if name.endswith("workers") else on_one
        peer, best = peer_of(name), min(times[name])
        rounds = [] if peer is None else [p / q for p, q in zip(times[peer], times[name], strict=True)]
        rows.append(
            (
                name,
                f"{best * MILLI:.2f}",
                f"{best / count * 1e9:.2f}",
                f"{min(times[peer]) / best:.0f}×" if peer else "",
                f"{min(rounds):.0f} to {max(rounds):.0f}" if rounds else "",
            )
        )
    columns = ["", "ms", "ns a matrix", "faster than its peer", "over the rounds"]
    console.table(columns, rows, title=f"{count:,} matrices, float64, one thread")
    limits = {name: min(times) * MILLI for name, times in on_one.items() if name.startswith("memory")}
    kept = []
    for name in on_one:
        peer, times = peer_of(name), elapsed if name.endswith("workers") else on_one
        if peer:
            read = "memory: read 32 MB, write 16 MB" if "eigvalsh" in name else "memory: read 32 MB, write 32 MB"
            limit = (
                (limits[read], read.removeprefix("memory: ")) if read in limits and "eigvals" in name else (None, "")
            )
            ours, theirs = (min(times[each]) * MILLI for each in (name, peer))
            kept.append(Row(f"{name}; {count:,} matrices", "ms", ours, peer, theirs, *limit, "less"))
    record("eigen", "eigen", kept)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2:])
