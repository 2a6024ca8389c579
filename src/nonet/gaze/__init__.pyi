"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .events import detect as detect
from .events import idt as idt
from .events import ivt as ivt
from .events import noise_adaptive as noise_adaptive
from .geometry import Screen as Screen
from .model import GazeNet as GazeNet
from .personal import Calibration as Calibration
from .personal import Fit as Fit
from .personal import choose as choose
from .samples import Samples as Samples
from .store import Store as Store
