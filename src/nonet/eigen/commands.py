"""``nonet eigen``: one command, which needs no verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["COMMANDS"]


def eigen(
    matrix: Annotated[str, tyro.conf.Positional] = "",
    *,
    accuracy: bool = False,
    study: Path | None = None,
    count: int = 300,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Explain the eigenvalues of a 2x2 matrix, step by step.

    Example: nonet eigen "3 1; 4 1"

    Args:
        matrix: two rows of two numbers; fractions such as 1/3 are read too.
        accuracy: measure instead how many units of the last place each method loses, on hard classes of matrices.
        study: measure every claim anew instead, and write report.html and report.json to this folder.
        count: with --accuracy and --study, how many matrices of each class.
        seed: with --accuracy and --study, of the random matrices.
        json: print for other programs.

    Raises:
        UsageError: if there is no 2x2 matrix to explain.
    """
    from nonet.eigen import lesson
    from nonet.foundation.errors import UsageError

    if bool(matrix) + accuracy + (study is not None) > 1:
        raise UsageError("A matrix, --accuracy and --study are three different tasks.", fix="Ask for one of them.")
    if count < 1:
        raise UsageError(f"{count} matrices cannot be measured.", where="--count", fix="Give at least 1.")
    if study is not None:
        _write_study(study, count, seed, json)
        return
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
        right=["right digits"],
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
        right=names,
    )
    wrong = {name: sum(row.misjudged.get(name, 0) for row in rows) for name in names[:3]}
    console.say("")
    console.summary("Real taken for complex, or complex for real", wrong)


def _write_study(folder: Path, count: int, seed: int, json: bool) -> None:
    from nonet.eigen.config import StudyConfig
    from nonet.eigen.study import study
    from nonet.foundation import console

    with console.progress("measuring"):
        report = study(StudyConfig(count=count, seed=seed))
    report.publish(folder, f"nonet eigen --study {folder} --count {count} --seed {seed}", as_json=json)


COMMANDS = eigen
