"""``nonet eigen MATRIX``, which needs no verb, and ``nonet eigen study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

__all__ = ["COMMANDS"]


def eigen(
    matrix: Annotated[str, tyro.conf.Positional] = "",
    *,
    accuracy: bool = False,
    count: int = 300,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Explain the eigenvalues of a 2x2 matrix, step by step.

    The claims of the lesson are re-made by `nonet eigen study --out study/`.

    Example: nonet eigen "3 1; 4 1"

    Args:
        matrix: two rows of two numbers; fractions such as 1/3 are read too.
        accuracy: measure instead how many units of the last place each method loses, on hard classes of matrices.
        count: with --accuracy, how many matrices of each class.
        seed: with --accuracy, of the random matrices.
        json: print for other programs.

    Raises:
        UsageError: if there is no 2x2 matrix to explain.
    """
    from nonet.eigen import lesson
    from nonet.foundation.errors import UsageError

    if matrix and accuracy:
        raise UsageError("A matrix and --accuracy are two different tasks.", fix="Ask for one of them.")
    _require_matrices(count)
    if accuracy:
        _show_accuracy(count, seed, json)
        return
    if not matrix:
        raise UsageError("There is no matrix.", fix='Write one, such as: nonet eigen "3 1; 4 1"')
    _show_lesson(lesson.explain(*lesson.parse_matrix(matrix)), json)


def _show_lesson(found, json: bool) -> None:
    from dataclasses import asdict

    from nonet.foundation import console

    if json:
        console.print_json(asdict(found))
        return
    for number, step in enumerate(found.steps, 1):
        console.say(f"{number}. {step}")
    console.say("")
    if found.real:
        console.table(
            ["eigenvalue", "eigenvector"],
            [
                (repr(value), f"({vector[0][0]:.6g}, {vector[1][0]:.6g})")
                for (value, _), vector in zip(found.eigenvalues, found.eigenvectors, strict=True)
            ],
        )
        console.say("")
    console.table(
        ["method", "right digits"],
        [(name, "all" if digits == 17 else f"{digits:.1f}") for name, digits in found.digits.items()],
    )


def _show_accuracy(count: int, seed: int, json: bool) -> None:
    from dataclasses import asdict

    from nonet.eigen import evaluate
    from nonet.foundation import console

    with console.progress("measuring"):
        rows = evaluate.accuracy(count, seed)
    if json:
        console.print_json([asdict(row) for row in rows])
        return
    names = list(evaluate.METHODS)
    console.table(
        ["matrices", *names],
        [(row.name, *(f"{row.units[name]:.2g}" if name in row.units else "" for name in names)) for row in rows],
        title=f"Largest error in units of the last place, {count} matrices a class",
    )
    wrong = {name: sum(row.misjudged.get(name, 0) for row in rows) for name in names[:3]}
    console.say("")
    console.summary("Real taken for complex, or complex for real", wrong)


def _require_matrices(count: int) -> None:
    from nonet.foundation.errors import UsageError

    if count < 1:
        raise UsageError(f"{count} matrices cannot be measured.", where="--count", fix="Give at least 1.")


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    count: int | None = None,
    json: bool = False,
) -> None:
    """Re-make the lesson's claims, and measure what its formula loses in floating point.

    Example: nonet eigen study --out study/

    Args:
        out: a folder for the report.
        scale: minutes measures 300 matrices of each class, hours 20,000.
        seed: of the random matrices.
        data: a folder of real data sets; this study needs none.
        count: how many matrices of each class instead.
        json: print for other programs.
    """
    from dataclasses import replace

    from nonet.eigen.config import SCALES
    from nonet.eigen.study import study as made
    from nonet.foundation import console

    config = replace(SCALES[scale], seed=seed)
    if count is not None:
        _require_matrices(count)
        config = replace(config, count=count)
    with console.progress("measuring"):
        report = made(config)
    report.publish(out, console.command_line(), as_json=json)


COMMANDS = {"": eigen, "study": study}
