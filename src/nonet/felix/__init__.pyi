"""The public names of the wing and the rooms they are in; see ``__init__.py``."""

from .config import DecodeConfig as DecodeConfig
from .config import EditorConfig as EditorConfig
from .config import LabelConfig as LabelConfig
from .config import LearningConfig as LearningConfig
from .data import Pair as Pair
from .data import read_pairs as read_pairs
from .data import write_pairs as write_pairs
from .editor import Edited as Edited
from .editor import Editor as Editor
from .encoders import open_encoder as open_encoder
from .evaluate import judge as judge
from .labels import label as label
from .labels import realise as realise
from .run import open_any as open_any
from .sari import sari_easse as sari_easse
from .sari import sari_t2t as sari_t2t
from .tokens import Vocabulary as Vocabulary
from .train import train_editor as train_editor
