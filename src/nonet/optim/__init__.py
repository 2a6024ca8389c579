"""L-BFGS with strong Wolfe line search, with bounds, equality and inequality constraints, in torch.

After Sigrid Keydana, "torch for optimization", RStudio AI Blog (April 2021), whose two faces it keeps: a function to
minimise and an optimizer for the parameters of a module. `minimize` is the first, `LBFGS` the second.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nonet.optim.batched import BatchResult, minimize_batch
    from nonet.optim.checking import GradientReport, check_grad
    from nonet.optim.config import Options
    from nonet.optim.constraints import Constraint, at_least, at_most, between, equal
    from nonet.optim.implicit import argmin
    from nonet.optim.optimizer import LBFGS
    from nonet.optim.result import Result, Status, Step
    from nonet.optim.solve import minimize

__all__ = [
    "LBFGS",
    "BatchResult",
    "Constraint",
    "GradientReport",
    "Options",
    "Result",
    "Status",
    "Step",
    "argmin",
    "at_least",
    "at_most",
    "between",
    "check_grad",
    "equal",
    "minimize",
    "minimize_batch",
]

# loaded at first use: torch is heavy
_ROOMS = {
    "BatchResult": "batched",
    "Constraint": "constraints",
    "GradientReport": "checking",
    "LBFGS": "optimizer",
    "Options": "config",
    "Result": "result",
    "Status": "result",
    "Step": "result",
    "argmin": "implicit",
    "at_least": "constraints",
    "at_most": "constraints",
    "between": "constraints",
    "check_grad": "checking",
    "equal": "constraints",
    "minimize": "solve",
    "minimize_batch": "batched",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.optim' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.optim.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
