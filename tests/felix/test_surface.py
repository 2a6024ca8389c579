import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.felix.casing import Casing
from nonet.felix.config import LabelConfig
from nonet.felix.labels import label, order_of
from nonet.felix.surface import render

CASING = Casing.learn(["We met Alan Turing in London.", "He saw the cat and Anna."])


def edited(vocabulary, before: str, after: str, variant="felix") -> str:
    """The text that the labels of a pair make, without any network."""
    source, target = vocabulary.encode([before, after])
    labels = label(source.ids, target.ids, LabelConfig(variant))
    items, following = [], 0
    for index in order_of(labels.points):
        items.append(index)
        new = list(labels.inserted[index])
        following = index + 1
        while following < len(source) and following not in labels.kept:
            new += labels.inserted[following]
            following += 1
        if new:
            items.append(tuple(new))
    return render(source, items, vocabulary, CASING)


@pytest.mark.slow  # the tables of Unicode take seconds
@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_keeping_everything_returns_the_text_byte_for_byte(vocabulary, text):
    source = vocabulary.encode([text])[0]
    assert render(source, range(len(source)), vocabulary, CASING) == text


@pytest.mark.parametrize(
    "text",
    [
        "  Two  spaces\tand a tab \r\n",
        "👩‍👩‍👧‍👦 and 🇨🇭, naïve café — “quoted” …",
        "https://example.org/a?b=c&d=%20#e costs $1,234.50!",
        "NUL \0 and bell \a inside",
        "中文 и русский עברית ไทย",
        "",
        " ",
    ],
)
def test_odd_texts_come_back_whole(vocabulary, text):
    assert edited(vocabulary, text, text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Turing was born in 1912. Turing died in 1954.", "Turing was born in 1912 and died in 1954."),
        ("The cat ate the mouse.", "The mouse was eaten by the cat."),
        ("It rained. However, they left.", "They left. It rained."),
        ("He left .", "He left , too ."),
        ("She paid 1 euro", "She paid 1,000 euro"),
        ("I saw him", "I saw (and heard) him"),
        ("they said so", 'they said "yes" so'),
        ("Anna came. She left.", "Anna came and she left."),
        ("We met in town", "We met Alan Turing in town"),
        ("a well known man", "a well-known man"),
        ("We go", "Anna, we go!"),
    ],
)
def test_spaces_and_capitals_are_as_a_person_writes_them(vocabulary, before, after):
    assert edited(vocabulary, before, after) == after


def test_names_keep_their_capital_where_they_move(vocabulary):
    assert edited(vocabulary, "Anna saw Boris.", "Boris was seen by Anna.") == "Boris was seen by Anna."
    assert edited(vocabulary, "The dog saw Boris.", "Boris was seen by the dog.") == "Boris was seen by the dog."


def test_the_writers_own_spelling_is_kept(vocabulary):
    assert edited(vocabulary, "Ms. ÖZGÜR left iOS behind .", "left iOS behind .") == "Left iOS behind ."
    assert edited(vocabulary, "MS. ÖZGÜR really left", "MS. ÖZGÜR left") == "MS. ÖZGÜR left"


def test_texts_without_capitals_stay_without(vocabulary):
    assert edited(vocabulary, "it rained . then it stopped .", "then it stopped . it rained .") == (
        "then it stopped . it rained ."
    )
