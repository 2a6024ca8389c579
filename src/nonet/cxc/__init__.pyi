"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .config import CorrelationRules as CorrelationRules
from .config import RetrievalRules as RetrievalRules
from .config import SelectConfig as SelectConfig
from .config import TrainConfig as TrainConfig
from .correlation import correlate as correlate
from .data import Collection as Collection
from .data import read_collection as read_collection
from .embeddings import read_embeddings as read_embeddings
from .evaluate import Evaluation as Evaluation
from .evaluate import Material as Material
from .evaluate import judge as judge
from .evaluate import material as material
from .model import CxcModel as CxcModel
from .ratings import Ratings as Ratings
from .ratings import RatingSet as RatingSet
from .ratings import read_ratings as read_ratings
from .selection import select_pairs as select_pairs
