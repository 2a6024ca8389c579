import pytest
import torch
from torch.nn import functional as F

from nonet.felix.config import LabelConfig, LearningConfig
from nonet.felix.data import Pair
from nonet.felix.examples import Insertion, Insertions, insertion, labelled
from nonet.felix.train import pointer_loss, tag_loss, train_editor
from nonet.foundation.errors import DataError

pytestmark = pytest.mark.slow


def test_rare_tags_of_an_example_weigh_more():
    """By hand: three KEEP and one DELETE count; the last mark does not."""
    scores = torch.randn(1, 6, 3)
    tags, mask = torch.tensor([[1, 1, 0, 1, 1, 0]]), torch.tensor([[True] * 5 + [False]])
    losses = F.cross_entropy(scores[0], tags[0], reduction="none")
    weights = torch.tensor([4 / (3 * 2), 4 / (3 * 2), 4 / (1 * 2), 4 / (3 * 2), 0, 0])
    expected = (losses * weights).sum() / weights.sum()
    assert tag_loss(scores, tags, mask).item() == pytest.approx(expected.item(), rel=1e-5)
    assert tag_loss(scores, tags, mask, 0.0).item() == pytest.approx(losses[:4].mean().item(), rel=1e-5)


def test_deleted_tokens_are_in_the_pointers_loss():
    points, wanted = torch.randn(1, 4, 4), torch.tensor([[2, 0, 3, 0]])
    mask = torch.ones(1, 4, dtype=torch.bool)
    changed = points.clone()
    changed[0, 1, 0] += 1
    assert pointer_loss(changed, wanted, mask) < pointer_loss(points, wanted, mask)
    assert pointer_loss(points, wanted, mask).item() == pytest.approx(F.cross_entropy(points[0], wanted[0]).item())


def test_more_masks_than_twenty_are_learnt_and_filled(vocabulary):
    """The article's code asserts, and loses the batch."""
    pair = Pair("a b c d e f g h", ("a 1 2 3 4 5 b 1 2 3 4 5 c 1 2 3 4 5 d 1 2 3 4 5 e 1 2 3 4 5 f g h",))
    example = next(labelled([pair], vocabulary, LabelConfig()))
    made = insertion(example, vocabulary, LabelConfig(), 128)
    assert len(made.masks) == len(made.wanted) == 25


def test_infill_pads_what_a_span_does_not_need(vocabulary):
    config = LabelConfig("infill")
    example = next(labelled([Pair("a b", ("a x y b",))], vocabulary, config))
    made = insertion(example, vocabulary, config, 128)
    assert len(made.masks) == 4
    assert made.wanted[2:] == (vocabulary.pad,) * 2


def test_texts_without_masks_get_random_ones_that_are_no_marks(vocabulary):
    ids = vocabulary.encode(["the cat sat on the mat and then it left"])[0].ids
    data = Insertions([Insertion(ids, (0,) * len(ids), (), ())], vocabulary)
    batch = data.collate([data[0]])
    place = int(batch["places"][0])
    assert 0 < place < len(ids) - 1
    assert batch["ids"][0, place] == vocabulary.mask
    assert batch["wanted"][0] == ids[place]


def test_reasons_for_leaving_out_are_counted(vocabulary):
    from collections import Counter

    pairs = [Pair("a b", ("a 𝔸 b",)), Pair("word " * 200, ("word",)), Pair("a", ("a " + "x " * 30,)), Pair("a", ("a",))]
    left_out = Counter()
    assert len(list(labelled(pairs, vocabulary, LabelConfig(), left_out))) == 1
    assert left_out == {
        "a new token is not in the vocabulary": 1,
        "the source is too long": 1,
        "an insertion is too long": 1,
    }


def test_nothing_that_can_be_learnt_is_said(tiny, tmp_path):
    with pytest.raises(DataError, match="No pair can be learnt"):
        train_editor([Pair("a " * 300, ("b",))], [], tiny, LabelConfig(), LearningConfig(), folder=tmp_path)


def test_predicted_tags_can_be_shown_to_the_pointer_and_the_same_seed_gives_the_same(tiny, tmp_path):
    pairs = [Pair(f"a {n} b c", (f"c a {n} b",)) for n in range(40)]
    weights = []
    for name in ("first", "second"):
        config = LearningConfig(steps=2, batch_size=8, predicted_tags=0.5)
        made = train_editor(pairs, [], tiny, LabelConfig(), config, folder=tmp_path / name)
        weights.append(made.editor.backend.tagger.state_dict())
    assert all(torch.equal(weights[0][name], tensor) for name, tensor in weights[1].items())
