from nonet.felix.template import fill, template


def words(vocabulary, ids):
    return [vocabulary.tokenizer.id_to_token(number) for number in ids]


def test_deleted_tokens_stand_in_brackets_before_the_masks(vocabulary):
    source = vocabulary.encode(["the big cat sat"])[0]
    made = template(source, [0, 1, 3, 4, 5], [0, 2, 0, 0, 1, 0], vocabulary)
    shown = ["[CLS]", "the", "[unused1]", "big", "[unused2]", "[MASK]", "[MASK]", "cat", "sat", "[MASK]", "[SEP]"]
    assert words(vocabulary, made.ids) == shown
    assert made.segments == (0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0)  # never 2, which no two-segment encoder knows
    assert made.masks == (5, 6, 9)
    assert made.anchors == (1, 1, 4)


def test_insertions_on_deleted_tokens_come_where_the_token_was(vocabulary):
    source = vocabulary.encode(["the big cat sat"])[0]
    made = template(source, [0, 1, 3, 4, 5], [0, 0, 2, 0, 0, 0], vocabulary)
    assert made.anchors == (1, 1)


def test_order_is_that_of_the_result(vocabulary):
    source = vocabulary.encode(["a b c"])[0]
    made = template(source, [0, 3, 2, 1, 4], [0] * 5, vocabulary)
    assert words(vocabulary, made.ids) == ["[CLS]", "c", "b", "a", "[SEP]"]


def test_deleted_tokens_are_left_out_before_anything_is_cut(vocabulary):
    source = vocabulary.encode(["a b c d e f"])[0]
    counts = [3] + [0] * 7
    whole = template(source, [0, 1, 7], counts, vocabulary)
    assert template(source, [0, 1, 7], counts, vocabulary, limit=len(whole.ids)) == whole
    less = template(source, [0, 1, 7], counts, vocabulary, limit=6)
    assert words(vocabulary, less.ids) == ["[CLS]", "[MASK]", "[MASK]", "[MASK]", "a", "[SEP]"]
    assert template(source, [0, 1, 7], counts, vocabulary, limit=5) is None


def test_padding_stands_for_nothing():
    assert fill([0, 2, 1, 3], [0, 0, 2, 2], [7, 0, 0, 0], padding=0) == [0, (7,), 2, 1, 3]
