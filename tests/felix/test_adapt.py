import pytest

from nonet.felix.adapt import adapt_encoder
from nonet.felix.config import LearningConfig
from nonet.felix.encoders import open_encoder
from nonet.felix.model import Inserter
from nonet.felix.sources.prose import Document
from nonet.foundation.errors import DataError

pytestmark = pytest.mark.slow
TEXT = "The cat sat on the mat and the dog ran to the sea where the boat was. " * 3


def test_a_head_learns_to_fill_masks_and_comes_back_with_its_encoder(tiny, tmp_path):
    documents = [Document(str(number), (TEXT,) * 3) for number in range(11)]
    config = LearningConfig(steps=12, batch_size=8, learning_rate=5e-3)
    found = adapt_encoder(tiny, documents, config, tmp_path / "encoder")
    assert found.before > 1000  # a random head knows no word of three thousand
    assert found.after < found.before / 10
    assert found.measured > 20
    loaded = open_encoder(str(tmp_path / "encoder"))
    assert loaded.head
    assert len(loaded.vocabulary) == len(tiny.vocabulary)
    head = Inserter.start(loaded).head.state_dict()
    assert all((head[name] == loaded.head[name]).all() for name in loaded.head)


def test_too_little_text_is_said(tiny, tmp_path):
    with pytest.raises(DataError, match="fewer than a batch"):
        adapt_encoder(tiny, [Document("a", (TEXT,))], LearningConfig(steps=1), tmp_path / "encoder")
