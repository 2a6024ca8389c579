"""Ten thousand two-parameter fits: all at once, one by one with SciPy, and the evaluations alone as the limit.

Usage: python bench/optim_fits.py
"""

from __future__ import annotations

import time

import numpy as np
import scipy.optimize
import torch
from record import Row, record
from torch import Tensor

from nonet.foundation import console
from nonet.foundation.report import Table
from nonet.optim import Options, minimize_batch

FITS = 10_000


def decay(p: Tensor, y: Tensor) -> Tensor:
    t = torch.linspace(0, 4, 20, dtype=p.dtype)
    return (p[0] * torch.exp(-p[1] * t) - y).square().sum()


def fits() -> Table:
    """Ours and a SciPy loop with analytic gradient, interleaved three times."""
    generator = torch.Generator().manual_seed(0)
    true = torch.rand(FITS, 2, generator=generator, dtype=torch.float64) * 2 + 0.5
    t = torch.linspace(0, 4, 20, dtype=torch.float64)
    y = true[:, :1] * torch.exp(-true[:, 1:] * t) + 0.01 * torch.randn(
        FITS, 20, generator=generator, dtype=torch.float64
    )
    start, times, rows = torch.ones(FITS, 2, dtype=torch.float64), t.numpy(), y.numpy()

    def fit(p: np.ndarray, seen: np.ndarray) -> tuple[float, np.ndarray]:
        shape = np.exp(-p[1] * times)
        gap = p[0] * shape - seen
        return gap @ gap, np.array([2 * gap @ shape, -2 * p[0] * (gap * shape) @ times])

    alike = Options(
        gradient_tolerance=1e-6, value_tolerance=2.2e-9, curvature=0.9
    )  # SciPy's ftol, and a tenth of its gtol
    minimize_batch(decay, start[:64], y[:64])
    spent, worst, sample = ([], []), 0.0, 500
    for turn in range(3):
        begin = time.process_time()
        found = minimize_batch(decay, start, y, options=alike)
        spent[0].append(time.process_time() - begin)
        begin = time.process_time()
        for i in range(turn * sample, (turn + 1) * sample):
            peer = scipy.optimize.minimize(fit, [1.0, 1.0], args=(rows[i],), jac=True, method="L-BFGS-B")
            worst = max(worst, float(found.value[i]) - float(peer.fun))
        spent[1].append((time.process_time() - begin) * FITS / sample)
    ours_s, scipy_s = min(spent[0]), min(spent[1])
    lockstep = int(found.evaluations.max())
    begin = time.process_time()
    both = torch.func.vmap(torch.func.grad_and_value(decay))
    for _ in range(lockstep):
        both(start, y)
    limit = time.process_time() - begin
    return Table(
        "10,000 two-parameter fits, CPU seconds, one thread",
        ["solver", "seconds", "ratio"],
        [
            ("nonet minimize_batch", ours_s, scipy_s / ours_s),
            ("SciPy L-BFGS-B loop, default tolerances", scipy_s, 1.0),
            (f"limit: {lockstep} evaluations of everything, no solver", limit, scipy_s / limit),
        ],
        f"SciPy's time is that of {sample} fits scaled up; its value is never below ours by more than {worst:.0e}; "
        f"{float(found.success.double().mean()):.2%} of ours converged.",
    )


def main() -> None:
    torch.set_num_threads(1)
    table = fits()
    rows = [(name, f"{seconds:.3f}", f"{ratio:.1f}") for name, seconds, ratio in table.rows]
    console.table(table.columns, rows, title=table.title)
    console.say(table.caption)
    (_, ours, _), (peer, theirs, _), (_, limit, _) = table.rows
    what = f"{FITS:,} two-parameter fits"
    row = Row(what, "CPU-seconds", ours, peer, theirs, limit, "the evaluations alone", "less")
    record("optim_fits", "optim", [row])


if __name__ == "__main__":
    main()
