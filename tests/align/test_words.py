import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonet.align.words import MAX_CHARACTERS, clean_text, decode_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  a\tcat \n asleep ", "a cat asleep"),
        ("a\u00a0cat\u3000here", "a cat here"),
        ("\u202eevil\u202c \u200fright\u2066", "evil right"),
        ("nul\0l and\x07bell", "nul l and bell"),
        ("cafe\u0301", "café"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ufeffcat", "cat"),
        ("\u200b \u2060", ""),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_texts_are_cleaned(raw, text):
    assert clean_text(raw).text == text


def test_a_text_of_a_million_characters_is_cut_at_a_space():
    clean = clean_text("word " * 200_000)
    assert clean.cut and len(clean.text) <= MAX_CHARACTERS and clean.text.endswith("word")
    assert clean_text("x" * 1_000_000).text == "x" * MAX_CHARACTERS
    assert not clean_text("x" * MAX_CHARACTERS).cut


@given(st.text(max_size=3000))
def test_cleaning_is_bounded_and_has_an_end(raw):
    once = clean_text(raw)
    assert len(once.text) <= MAX_CHARACTERS
    assert once.text == " ".join(once.text.split())
    assert clean_text(once.text).text == once.text


def test_bytes_that_are_not_utf8_are_read_as_the_encoding_of_windows():
    assert decode_text("größe".encode()) == ("größe", True)
    assert decode_text("größe".encode("latin-1")) == ("größe", False)
    assert decode_text("“quoted” – ".encode("cp1252")) == ("“quoted” – ", False)
    assert decode_text(b"\xef\xbb\xbfcat") == ("cat", True)
