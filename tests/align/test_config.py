import pytest

from nonet.align.config import HeadConfig, LearningConfig, with_recipe
from nonet.foundation.errors import UsageError


def test_the_paper_s_recipe_and_what_is_given_goes_before():
    heads, learning = with_recipe("paper", HeadConfig(), LearningConfig())
    assert (learning.optimizer, learning.learning_rate, learning.weight_decay) == ("lamb", 1e-3, 1e-5)
    assert (learning.batch_size, learning.chunk, learning.schedule, learning.smoothing) == (16_384, 16, "linear", 0.1)
    assert learning.warmup == pytest.approx(1 / 120)
    assert (heads.dim, heads.temperature, heads.temperature_kind) == (640, 1.0, "plain")
    assert (heads.image_projection, heads.text_projection) == ("none", "linear")
    heads, learning = with_recipe("paper", HeadConfig(dim=320), LearningConfig(batch_size=64, seed=3))
    assert (heads.dim, learning.batch_size, learning.seed, learning.optimizer) == (320, 64, 3, "lamb")
    heads, learning = with_recipe("retrieval", HeadConfig(), LearningConfig())
    assert (heads, learning.batch_size, learning.learning_rate) == (HeadConfig(), 2048, 1e-5)
    assert with_recipe("short", HeadConfig(), LearningConfig()) == (HeadConfig(), LearningConfig())


@pytest.mark.parametrize("wrong", [{"chunk": -1}, {"warmup": 1.0}, {"negatives": 0.0}, {"look_every": -2}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        LearningConfig(**wrong)
