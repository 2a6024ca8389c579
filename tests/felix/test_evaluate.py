import pytest
import sacrebleu

from nonet.felix.evaluate import METRICS, exact_match, judge
from nonet.foundation.errors import DataError

SOURCES = ["The cat sat on the mat.", "He go home now.", "It is is cold outside today."]
EDITED = ["The cat sat on a mat.", "He goes home now.", "It is cold outside today."]
REFERENCES = [("The cat sat on the mat.", "The cat sat on a mat."), ("He goes home.",), ("it is cold outside today.",)]


def test_exact_match_takes_any_reference_and_minds_capitals():
    assert exact_match(EDITED, REFERENCES) == pytest.approx(1 / 3)
    assert exact_match(EDITED, REFERENCES, lower=True) == pytest.approx(2 / 3)


def test_the_figures_are_sacrebleus_own():
    found = judge(SOURCES, EDITED, REFERENCES)
    columns = [[many[min(place, len(many) - 1)] for many in REFERENCES] for place in range(2)]
    assert tuple(found.system) == METRICS
    assert found.system["bleu"].value == pytest.approx(sacrebleu.corpus_bleu(EDITED, columns).score)
    assert found.system["ter"].value == pytest.approx(sacrebleu.corpus_ter(EDITED, columns).score)
    assert found.system["chrf"].value == pytest.approx(sacrebleu.corpus_chrf(EDITED, columns).score)
    assert found.nothing["bleu"].value == pytest.approx(sacrebleu.corpus_bleu(SOURCES, columns).score)
    assert found.unchanged == 0


def test_intervals_hold_the_value_and_follow_the_seed():
    found = judge(SOURCES * 5, EDITED * 5, REFERENCES * 5, seed=1)
    assert all(e.low <= e.value <= e.high for e in found.system.values())
    assert judge(SOURCES * 5, EDITED * 5, REFERENCES * 5, seed=1) == found


def test_doing_nothing_is_the_system_that_returns_its_input():
    found = judge(SOURCES, SOURCES, REFERENCES)
    assert found.system == found.nothing
    assert found.unchanged == 1


@pytest.mark.parametrize(
    ("sources", "edited", "references"), [(["a"], [], [("a",)]), ([], [], []), (["a"], ["a"], [()])]
)
def test_what_cannot_be_judged_is_refused(sources, edited, references):
    with pytest.raises(DataError):
        judge(sources, edited, references)
