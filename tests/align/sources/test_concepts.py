import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonet.align.sources.concepts import groups, neutral_name, neutral_sequence


def points(text: str) -> list[int]:
    return [ord(character) for character in text]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("👩🏽‍🚀", "🧑‍🚀"),
        ("🏃🏿‍♀️‍➡️", "🏃"),
        ("👨‍🦰", "🧑🏾‍🦱"),
        ("👨‍👩‍👧‍👦", "👪"),
        ("👩🏻‍🤝‍👨🏿", "👭"),
        ("👩‍❤️‍💋‍👨", "💏"),
        ("👨🏼‍❤️‍👨🏽", "💑"),
        ("🤴🏻", "👸"),
        ("🧑‍🎄", "🎅🏿"),
        ("🫱🏻‍🫲🏿", "🤝"),
        ("❤️", "❤"),
        ("👧🏽", "🧒"),
    ],
)
def test_variants_of_a_drawing_have_one_neutral_sequence(one, other):
    assert neutral_sequence(points(one)) == neutral_sequence(points(other))


@pytest.mark.parametrize(("one", "other"), [("👩‍🚀", "👩‍🔬"), ("🐱", "🐶"), ("👶", "🧒"), ("🏃", "🚶"), ("👍", "👎")])
def test_different_drawings_have_different_sequences(one, other):
    assert neutral_sequence(points(one)) != neutral_sequence(points(other))


def test_names_without_the_words_of_a_variant():
    assert neutral_name("woman running facing right medium-light skin tone") == "running"
    assert neutral_name("man’s shoe") == neutral_name("woman’s shoe") == "shoe"
    assert neutral_name("mango") == "mango"
    assert neutral_name("snowman") == "snowman"
    assert neutral_name("person") == ""


@pytest.mark.slow
@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=12))
def test_groups_are_the_connected_components(keys):
    found = groups(keys)
    # the same by brute force: spread the smallest number along shared keys until nothing changes
    label = list(range(len(keys)))
    for _ in keys:
        for a in range(len(keys)):
            for b in range(len(keys)):
                if keys[a] & keys[b]:
                    label[a] = label[b] = min(label[a], label[b])
    assert found == label
