"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .ellipses import Ellipse as Ellipse
from .ellipses import anisotropy as anisotropy
from .ellipses import bcea as bcea
from .ellipses import condition as condition
from .ellipses import ellipse as ellipse
from .ellipses import orientation as orientation
from .matrices import MatrixError as MatrixError
from .model import Eig as Eig
from .model import Eigh as Eigh
from .model import Schur as Schur
from .model import eig as eig
from .model import eigh as eigh
from .model import eigvals as eigvals
from .model import eigvalsh as eigvalsh
from .model import schur as schur
