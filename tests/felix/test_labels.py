import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.felix.config import LabelConfig
from nonet.felix.labels import Labels, TagSet, Unrealisable, label, order_of, realise

VARIANTS = ("felix", "infill", "insert")
GREEDY = LabelConfig(alignment="greedy")
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", ".", ","]), max_size=14).map(
    lambda words: ["<", *words, ">"]
)


def test_the_article_codes_own_vectors():
    assert label("ADBED", "ABDD", GREEDY).points == (2, 4, 1, 0, 0)
    with pytest.raises(Unrealisable):
        label("ABED", "ABCDD", GREEDY)
    source = ["Turing", "was", "born", "in", "1912", ".", "Turing", "died", "in", "1954", "."]
    target = ["Turing", "was", "born", "in", "1912", "and", "died", "in", "1954", "."]
    for rule in ("greedy", "lcs"):
        found = label(source, target, LabelConfig(alignment=rule))
        assert found.points == (1, 2, 3, 4, 7, 0, 0, 8, 9, 10, 0)
        assert [i for i, new in enumerate(found.inserted) if new] == [4]
        assert found.inserted[4] == ("and",)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("alignment", ["greedy", "lcs"])
@settings(max_examples=30, deadline=None)
@given(source=TEXTS, target=TEXTS)
def test_realising_labels_gives_the_target(variant, alignment, source, target):
    config = LabelConfig(variant, alignment, max_mask=20)
    try:
        labels = label(source, target, config)
    except Unrealisable:
        assert variant == "insert"
        return
    assert realise(source, labels) == target
    order = order_of(labels.points)
    assert len(set(order)) == len(order) == len(labels.kept)
    if variant == "insert":
        assert order == sorted(order)


@settings(max_examples=30, deadline=None)
@given(source=TEXTS, target=TEXTS)
def test_no_pointer_variant_puts_a_replacement_on_the_deleted_token(source, target):
    labels = label(source, target, LabelConfig("insert", max_mask=20))
    for index, new in enumerate(labels.inserted):
        if new and index in labels.kept:
            following = index + 1
            assert following == len(source) or following in labels.kept


def test_a_long_replacement_spills_onto_the_next_deleted_token():
    found = label(["<", "a", "b", "c", ">"], ["<", "1", "2", "3", "4", "5", ">"], LabelConfig("insert", max_mask=3))
    assert found.inserted == ((), ("1", "2", "3"), ("4", "5"), (), ())
    with pytest.raises(Unrealisable, match="too long"):
        label(["<", "a", ">"], ["<", "1", "2", "3", "4", ">"], LabelConfig("insert", max_mask=3))


def test_a_tagger_has_exactly_as_many_classes_as_there_are_labels():
    """The article's code has 13 classes for 14 labels, so that its longest insertion is out of range."""
    tags = TagSet.of(LabelConfig(max_mask=10))
    assert [str(tag) for tag in tags.tags] == ["DELETE", "KEEP", *(f"KEEP|{k}" for k in range(1, 11))]
    longest = label("<>", ["<", *"abcdefghij", ">"], LabelConfig(max_mask=10))
    assert max(tags.numbers(longest)) == len(tags) - 1
    assert len(TagSet.of(LabelConfig("insert", max_mask=10))) == 22
    assert [str(tag) for tag in TagSet.of(LabelConfig("infill")).tags] == ["DELETE", "KEEP", "KEEP|4"]


def test_what_is_longer_than_any_class_is_refused():
    found = label("<>", ["<", *"abc", ">"], LabelConfig(max_mask=2))
    with pytest.raises(Unrealisable, match="too long"):
        TagSet.of(LabelConfig(max_mask=2)).numbers(found)
    with pytest.raises(Unrealisable, match="too long"):
        TagSet.of(LabelConfig("infill", infill_span=2)).numbers(found)


def test_points_that_loop_or_lose_a_token_are_refused():
    with pytest.raises(ValueError, match="loop"):
        order_of([1, 2, 1, 0])
    with pytest.raises(ValueError, match="no path"):
        order_of([3, 2, 0, 0])


def test_a_target_equal_to_its_source_changes_nothing():
    found = label("<abc>", "<abc>", LabelConfig())
    assert found == Labels((1, 2, 3, 4, 0), ((),) * 5)


@pytest.mark.slow
@pytest.mark.data
def test_forty_thousand_real_pairs_are_realised_exactly(real_data):
    from nonet.felix.sources.official import read_official

    pairs = []
    for name, folder in (("wikisplit-fuse", "wikisplit"), ("disfl-qa", "disfl-qa"), ("mlqe-pe", "mlqe-pe")):
        for part in read_official(name, real_data / "felix" / folder).pairs.values():
            pairs += [(pair.source, pair.targets[0]) for pair in part]
    pairs += [(target, source) for source, target in pairs[::40]]
    assert len(pairs) >= 40_000
    for both in pairs:
        source, target = (["<", *text.split(), ">"] for text in both)
        assert realise(source, label(source, target, LabelConfig())) == target
