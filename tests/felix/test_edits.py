from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.felix.config import LabelConfig
from nonet.felix.edits import compose, plan_edits, without_unsure
from nonet.felix.labels import label, order_of

WORDS = ["the", "cat", "sat", "on", "a", "mat", ",", "dog", "ran", "far", "."]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def planner(vocabulary, source):
    words = lambda ids: " ".join(text for text, _ in vocabulary.words(ids))  # noqa: E731
    arrivals = dict.fromkeys(range(len(source)), 0.8)
    return lambda items: plan_edits(source, items, words, [0.9] * len(source), arrivals, {})


def plan(vocabulary, before, after):
    source, target = vocabulary.encode([before, after])
    labels = label(source.ids, target.ids, LabelConfig())
    items = []
    for index in order_of(labels.points):
        items.append(index)
        if labels.inserted[index]:
            items.append(labels.inserted[index])
    return planner(vocabulary, source)(items)


@settings(deadline=None, max_examples=25)
@given(before=TEXTS, after=TEXTS, data=st.data())
def test_edits_can_be_taken_back(vocabulary, before, after, data):
    made = plan(vocabulary, before, after)
    assert compose(made, []) == list(made.items)
    assert compose(made, range(len(made.edits))) == list(range(len(made.source)))
    some = data.draw(st.sets(st.sampled_from(range(len(made.edits))))) if made.edits else set()
    items = compose(made, some)
    kept = [item for item in items if isinstance(item, int)]
    assert len(set(kept)) == len(kept)
    assert (kept[0], kept[-1]) == (0, len(made.source) - 1)
    gone = {i for n, e in enumerate(made.edits) if n not in some and e.kind in {"delete", "replace"} for i in e.tokens}
    assert set(kept) == set(range(len(made.source))) - gone


@settings(deadline=None, max_examples=25)
@given(before=TEXTS, after=TEXTS)
def test_unsure_edits_alone_are_left_out(vocabulary, before, after):
    made = plan(vocabulary, before, after)
    again = planner(vocabulary, made.source)
    assert without_unsure(made, 0.8, again) == made
    sure = without_unsure(made, 0.85, again)
    assert not any(edit.kind == "move" for edit in sure.edits)
    assert {i for i in sure.items if isinstance(i, int)} == {i for i in made.items if isinstance(i, int)}
    assert compose(sure, []) == list(sure.items)
    assert compose(sure, range(len(sure.edits))) == list(range(len(made.source)))
    assert without_unsure(made, 1.01, again).unchanged


def test_a_replacement_a_deletion_and_an_insertion_are_told_apart(vocabulary):
    made = plan(vocabulary, "the cat sat on a mat", "the dog sat far on mat")
    assert [(e.kind, e.old, e.new) for e in made.edits] == [
        ("replace", "cat", "dog"),
        ("insert", "", "far"),
        ("delete", "a", ""),
    ]
    assert made.source.text[made.edits[0].start : made.edits[0].end] == "cat"


def test_a_block_that_moves_is_one_edit(vocabulary):
    made = plan(vocabulary, "the cat sat on a mat .", "on a mat the cat sat .")
    moves = [edit for edit in made.edits if edit.kind == "move"]
    assert len(made.edits) == len(moves) == 1
    assert moves[0].old in {"on a mat", "the cat sat"}
    assert moves[0].probability == 0.8
