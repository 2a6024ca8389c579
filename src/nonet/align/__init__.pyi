"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .data import Pairs as Pairs
from .evaluate import retrieval as retrieval
from .index import Index as Index
from .interchange import open_model as open_model
from .interchange import to_transformers as to_transformers
from .loss import contrastive_loss as contrastive_loss
from .model import DualEncoder as DualEncoder
from .pictures import Limits as Limits
from .pictures import open_picture as open_picture
from .search import Searcher as Searcher
from .writing import write_pairs as write_pairs
