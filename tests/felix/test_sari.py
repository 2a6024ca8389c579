import pytest

from nonet.felix.sari import sari_easse, sari_t2t, sari_t2t_sentence

SOURCE = ["About", "95", "species", "are", "currently", "accepted", "."]
REFERENCES = [
    ["About", "95", "species", "are", "currently", "known", "."],
    ["About", "95", "species", "are", "now", "accepted", "."],
    ["95", "species", "are", "now", "accepted", "."],
]


@pytest.mark.parametrize(
    ("edited", "score"),
    [  # the sentences of Xu et al. 2016 under Tensor2Tensor's definition (its own test's values)
        ("About 95 you now get in .", 26.95360),
        ("About 95 species are now agreed .", 61.70966),
        ("About 95 species are currently agreed .", 50.88682),
    ],
)
def test_tensor2tensors_golden_values(edited, score):
    assert sari_t2t_sentence(SOURCE, edited.split(), REFERENCES, beta=0).score == pytest.approx(score, abs=1e-4)


def test_easses_golden_value():
    """The example of EASSE's documentation."""
    sources = ["About 95 species are currently accepted.", "The cat perched on the mat."]
    edited = ["About 95 you now get in.", "Cat on mat."]
    references = [
        [
            "About 95 species are currently known.",
            "About 95 species are now accepted.",
            "95 species are now accepted.",
        ],
        ["The cat sat on the mat.", "The cat is on the mat.", "The cat sat."],
    ]
    assert sari_easse(sources, edited, references).score == pytest.approx(33.17472563619544, abs=1e-9)


def test_a_perfect_edit_is_100_and_nothing_of_nothing_is_where_the_definitions_part():
    assert sari_t2t([SOURCE], [REFERENCES[1]], [[REFERENCES[1]]]).score == pytest.approx(100)
    text = " ".join(SOURCE)
    assert sari_t2t([SOURCE], [SOURCE], [[SOURCE]]).score == pytest.approx(100)
    assert sari_easse([text], [text], [[text]]).score == pytest.approx(100 / 3)


@pytest.mark.slow
@pytest.mark.data
def test_doing_nothing_on_turkcorpus(real_data):
    """Within a point of the detokenised release (25.92 and 26.29): this is its tokenised form, cut in other places."""
    from nonet.felix.sari import easse_tokens
    from nonet.felix.sources.official import read_official

    test = read_official("turkcorpus", real_data / "felix" / "turkcorpus").pairs["test"]
    sources, references = [pair.source for pair in test], [pair.targets for pair in test]
    assert all(len(many) == 8 for many in references)
    assert sari_easse(sources, sources, references).score == pytest.approx(26.29, abs=1.0)
    cut = easse_tokens()
    words = [cut(text) for text in sources]
    found = sari_t2t(words, words, [[cut(text) for text in many] for many in references])
    assert (found.add, found.delete) == (0, 0)
    assert found.score == pytest.approx(25.92, abs=1.0)
    assert sari_t2t(words, words, [[cut(t) for t in many] for many in references], beta=0).score > 55
