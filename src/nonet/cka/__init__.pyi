"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .accumulator import Accumulator as Accumulator
from .accumulator import Layer as Layer
from .blocks import Block as Block
from .blocks import find_blocks as find_blocks
from .blocks import untrained as untrained
from .comparing import accumulate as accumulate
from .comparing import cka as cka
from .comparing import compare as compare
from .config import BlockOptions as BlockOptions
from .config import CompareOptions as CompareOptions
from .config import NetworkConfig as NetworkConfig
from .config import RecipeConfig as RecipeConfig
from .findings import Findings as Findings
from .kernels import linear_cka as linear_cka
from .kernels import rbf_cka as rbf_cka
from .model import ResNet as ResNet
from .similarity import Similarity as Similarity
from .spectrum import Principal as Principal
from .spectrum import principal as principal
