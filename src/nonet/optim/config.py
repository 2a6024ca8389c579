"""What can be chosen in a solve; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass

from nonet.foundation.errors import UsageError

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """How long to search and how exactly.

    Every tolerance is relative, so multiplying the function by a constant changes no decision. A tolerance of None
    takes its value from the precision of the numbers (``eps``: 2.2e-16 in float64, 1.2e-7 in float32).

    Attributes:
        gradient_tolerance: the projected gradient is small when it is below this share of the largest gradient seen;
            None is ``eps ** 0.5``.
        value_tolerance: and when the decrease that the quadratic model still promises is below this share of the value
            (or of ``eps ** 0.5`` times the decrease so far, where that is more); None is ``eps ** 0.75``.
        constraint_tolerance: largest violation of a constraint that counts as met, relative to the size of the
            constraint's gradient at the start; None is ``0.1 * eps ** 0.5``.
        history: pairs of steps that the curvature is learnt from. None keeps the whole matrix up to `dense_limit`
            variables and 10 pairs above.
        dense_limit: number of variables up to which the whole matrix is kept when `history` is None.
        max_evaluations: evaluations of the function with its gradient.
        max_iterations: accepted steps; None for no limit.
        sufficient_decrease: first Wolfe condition, in (0, 0.5).
        curvature: second Wolfe condition, in (sufficient_decrease, 1).
        first_step: length of the very first trial step, in units of x. None is 1, or the way to the corner of the
            bounds that lies downhill, where there is one that is not absurdly far.
        trace: whether to keep every accepted step in the result.
    """

    gradient_tolerance: float | None = None
    value_tolerance: float | None = None
    constraint_tolerance: float | None = None
    history: int | None = None
    dense_limit: int = 100
    max_evaluations: int = 10_000
    max_iterations: int | None = None
    sufficient_decrease: float = 1e-4
    curvature: float = 0.5
    first_step: float | None = None
    trace: bool = False

    @property
    def first_length(self) -> float:
        """Length of the first trial step where no corner of the bounds is taken."""
        return 1.0 if self.first_step is None else self.first_step

    def __post_init__(self) -> None:
        if not 0 < self.sufficient_decrease < self.curvature < 1:
            raise UsageError(
                f"The Wolfe conditions {self.sufficient_decrease} and {self.curvature} are out of order.",
                where="Options",
                fix="Choose 0 < sufficient_decrease < curvature < 1, such as 1e-4 and 0.5.",
            )
        if self.history is not None and self.history < 1:
            raise UsageError(
                f"A history of {self.history} pairs learns nothing.", where="Options.history", fix="Take 10."
            )
        if self.max_evaluations < 1:
            raise UsageError("At least one evaluation is needed.", where="Options.max_evaluations", fix="Take 1000.")
        if self.first_step is not None and not self.first_step > 0:
            raise UsageError("The first step has no length.", where="Options.first_step", fix="Take 1.0.")
        for name in ("gradient_tolerance", "value_tolerance", "constraint_tolerance"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise UsageError(f"{value} is not a tolerance.", where=f"Options.{name}", fix="Take 1e-8, or None.")
