"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .batched import BatchResult as BatchResult
from .batched import minimize_batch as minimize_batch
from .checking import GradientReport as GradientReport
from .checking import check_grad as check_grad
from .config import Options as Options
from .constraints import Constraint as Constraint
from .constraints import at_least as at_least
from .constraints import at_most as at_most
from .constraints import between as between
from .constraints import equal as equal
from .implicit import argmin as argmin
from .optimizer import LBFGS as LBFGS
from .result import Result as Result
from .result import Status as Status
from .result import Step as Step
from .solve import minimize as minimize
