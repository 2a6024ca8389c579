from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.felix.alignment import NEW, align, common_subsequence

LETTERS = st.text("abcd", max_size=12)


def longest(first: str, second: str) -> int:
    """The textbook table."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@settings(max_examples=40, deadline=None)
@given(LETTERS, LETTERS)
def test_the_common_subsequence_is_one_and_is_as_long_as_it_can_be(source, target):
    aligned = common_subsequence(source, target)
    taken = [index for index in aligned if index != NEW]
    assert taken == sorted(set(taken))
    assert all(index == NEW or source[index] == letter for index, letter in zip(aligned, target, strict=True))
    assert len(taken) == longest(source, target)


@settings(max_examples=40, deadline=None)
@given(LETTERS, LETTERS)
def test_both_rules_reuse_as_many_tokens_as_there_are(source, target):
    wrapped = [*"<", *source, *">"], [*"<", *target, *">"]
    new = {rule: align(*wrapped, rule, moves=True).count(NEW) for rule in ("greedy", "lcs")}
    kept = sum(min(source.count(letter), target.count(letter)) for letter in "abcd")
    assert new == dict.fromkeys(new, len(target) - kept)


def test_the_full_stop_is_not_grabbed_early():
    source = ["<", "he", "left", ".", "the", "dog", "stayed", ".", ">"]
    target = ["<", "he", "left", "and", "the", "dog", "stayed", ".", ">"]
    assert align(source, target, "lcs", moves=True) == [0, 1, 2, NEW, 4, 5, 6, 7, 8]
    source, target = ["<", "a", "b", ".", ">"], ["<", "a", ".", "b", ".", ">"]
    greedy, kept = (align(source, target, rule, moves=True) for rule in ("greedy", "lcs"))
    assert greedy == [0, 1, 3, 2, NEW, 4]  # the only full stop goes to the first place: two jumps
    assert kept == [0, 1, NEW, 2, 3, 4]


def test_left_over_blocks_move_whole():
    source, target = ["<", "a", "b", "c", "x", "y", "z", ">"], ["<", "x", "y", "z", "a", "b", "c", ">"]
    aligned = align(source, target, "lcs", moves=True)
    assert aligned in ([0, 4, 5, 6, 1, 2, 3, 7],)
