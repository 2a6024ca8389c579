import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from nonet.felix.tokens import Vocabulary, windows
from nonet.foundation.errors import ArtifactError, UsageError


def byte_level() -> Vocabulary:
    """A vocabulary of single bytes and a few words, of RoBERTa's kind."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, "th", "the", "Ġt", "Ġth", "Ġthe"]
    merges = [("Ġ", "t"), ("Ġt", "h"), ("Ġth", "e"), ("t", "h"), ("th", "e")]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return Vocabulary(tokenizer)


def test_marks_brackets_and_case_of_minilm(vocabulary):
    assert (vocabulary.cls, vocabulary.sep, vocabulary.mask, vocabulary.pad) == (101, 102, 103, 0)
    assert vocabulary.brackets == (2, 3)  # [unused1], [unused2]
    assert vocabulary.lowers
    assert {0, 2, 3, 100, 101, 102, 103} <= set(vocabulary.special)


def test_pieces_know_where_they_stand(vocabulary):
    pieces = vocabulary.encode(["Unbelievably, Ångström!"])[0]
    assert [pieces.of(i) for i in range(1, len(pieces) - 1)] == [
        "Un",
        "bel",
        "ie",
        "va",
        "bly",
        ",",
        "Ång",
        "ström",
        "!",
    ]
    assert pieces.glued[1:6] == (False, True, True, True, True)
    assert pieces.keys[7] == "ang"


def test_marks_typed_by_a_user_are_text(vocabulary):
    pieces = vocabulary.encode(["a [MASK] b [SEP]"])[0]
    assert vocabulary.mask not in pieces.ids
    assert pieces.ids.count(vocabulary.sep) == 1


def test_unknown_characters_are_told_apart(vocabulary):
    first, second = vocabulary.encode(["𝔸", "𝔹"])
    assert first.ids == second.ids
    assert first.keys != second.keys


@pytest.mark.slow  # the tables of Unicode take seconds
@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=400), limit=st.integers(8, 40))
def test_windows_follow_one_another_without_a_gap(vocabulary, text, limit):
    pieces = vocabulary.encode([text])[0]
    parts = windows(pieces, limit)
    assert "".join(part.text for part in parts) == text
    assert sum(len(part) - 2 for part in parts) == len(pieces) - 2
    assert all(len(part) <= limit for part in parts)
    inner = [part.of(i) for part in parts for i in range(1, len(part) - 1)]
    assert inner == [pieces.of(i) for i in range(1, len(pieces) - 1)]


def test_a_window_ends_behind_a_sentence(vocabulary):
    text = "One two three four five six. Seven eight nine ten eleven twelve."
    assert [part.text for part in windows(vocabulary.encode([text])[0], 12)] == [
        "One two three four five six.",
        " Seven eight nine ten eleven twelve.",
    ]


def test_byte_level_pieces_are_read_and_written():
    words = byte_level()
    pieces = words.encode(["the the é"])[0]
    assert [pieces.of(i) for i in range(1, len(pieces) - 1) if pieces.of(i)] == ["the", "the", "é"]
    assert words.words(pieces.ids[1:3]) == [("the", True), ("the", False)]
    assert not words.lowers


def test_a_vocabulary_without_a_mask_is_refused():
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3}, unk_token="[UNK]"))
    with pytest.raises(UsageError, match="no MASK"):
        Vocabulary(tokenizer)


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(ArtifactError, match="not a tokenizer"):
        Vocabulary.from_json("{}")
