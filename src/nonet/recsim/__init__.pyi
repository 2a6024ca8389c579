"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .gradients import expected_return_gradient as expected_return_gradient
from .language import Population as Population
from .language import Story as Story
from .language import Variable as Variable
from .language import parameter as parameter
from .language import story as story
from .language import variables as variables
from .populations import each as each
from .populations import group as group
from .populations import total as total
from .probability import log_prob as log_prob
from .probability import site_log_probs as site_log_probs
from .probability import sites as sites
from .random import key as key
from .runtime import Record as Record
from .runtime import State as State
from .runtime import Trajectory as Trajectory
from .runtime import advance as advance
from .runtime import start as start
from .simulation import profile as profile
from .simulation import simulate as simulate
