import re

import numpy as np
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
    """The values of the detokenised release, whose clitics stand at their words, which 13a never separates."""
    from nonet.felix.sari import easse_tokens
    from nonet.felix.sources.official import read_official

    test = read_official("turkcorpus", real_data / "felix" / "turkcorpus").pairs["test"]
    assert all(len(pair.targets) == 8 for pair in test)

    def joined(text):
        return re.sub(r" (n't|'s|'re|'ve|'ll|'d|'m|')(?= |$)", r"\1", text)

    sources, references = [joined(pair.source) for pair in test], [[joined(t) for t in p.targets] for p in test]
    corpus = sari_easse(sources, sources, references)
    assert (corpus.score, corpus.add, corpus.keep, corpus.delete) == pytest.approx((26.29, 0, 78.87, 0), abs=0.05)
    assert corpus.score == pytest.approx(26.29, abs=0.02)
    cut = easse_tokens()
    words, many = [cut(text) for text in sources], [[cut(text) for text in texts] for texts in references]
    found = sari_t2t(words, words, many)
    assert (found.score, found.add, found.keep, found.delete) == pytest.approx((25.92, 0, 77.75, 0), abs=0.03)
    assert sari_t2t(words, words, many, beta=0).score == pytest.approx(59.25, abs=0.02)
    alone = np.array(
        [[sari_t2t_sentence(a, a, [b]).score for b in texts] for a, texts in zip(words, many, strict=True)]
    )
    # the value with one reference does not say which: it is what any choice gives, but not what the first one does
    assert alone.mean() == pytest.approx(36.59, abs=2 * np.sqrt(alone.var(axis=1).sum()) / len(alone))
    assert alone[:, 0].mean() == pytest.approx(29.01, abs=0.01)
