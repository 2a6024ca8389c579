import pytest

from nonet.felix.config import DecodeConfig, LabelConfig, LearningConfig
from nonet.felix.data import read_pairs
from nonet.felix.run import Run, learn, open_any
from nonet.foundation.artifact import Card

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("method", ["lasertagger", "seq2seq"])
def test_a_baseline_learns_from_the_same_pairs_and_comes_back_from_disk(method, tiny, toy_folder, tmp_path):
    pairs = read_pairs(toy_folder, "train")
    learning = LearningConfig(steps=60 if method == "lasertagger" else 4, batch_size=16, learning_rate=3e-3)
    run = Run(toy_folder, tmp_path, method, labels=LabelConfig(), learning=learning)
    learnt = learn(run, pairs, [], tmp_path / "run", tiny)
    texts = [pair.source for pair in pairs[:20]]
    made = [one.text for one in learnt.editor.edit(texts)]
    learnt.editor.save(tmp_path / "editor", Card("x"))
    back = open_any(tmp_path / "editor")
    assert back.config.method == method
    assert [one.text for one in back.edit(texts)] == made
    if method == "lasertagger":
        for cautious in (DecodeConfig(keep_bias=100.0), DecodeConfig(min_edit_probability=1.0)):
            assert [one.text for one in back.edit(texts, cautious)] == texts
    if method == "lasertagger":
        assert sum(text == pair.targets[0] for text, pair in zip(made, pairs, strict=False)) > 5
