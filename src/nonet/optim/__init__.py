"""L-BFGS with strong Wolfe line search, with bounds, equality and inequality constraints, in torch.

After Sigrid Keydana, "torch for optimization", RStudio AI Blog (April 2021), whose two faces it keeps: a function to
minimise and an optimizer for the parameters of a module. `minimize` is the first, `LBFGS` the second.
"""

from nonet.optim.batched import BatchResult, minimize_batch
from nonet.optim.checking import GradientReport, check_grad
from nonet.optim.config import Options
from nonet.optim.constraints import Constraint, at_least, at_most, between, equal
from nonet.optim.implicit import argmin
from nonet.optim.minimize import minimize
from nonet.optim.optimizer import LBFGS
from nonet.optim.result import Result, Status, Step

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
