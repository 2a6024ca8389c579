from dataclasses import dataclass, field

import pytest

from nonet.felix.config import DecodeConfig, EditorConfig, LabelConfig
from nonet.felix.data import Pair
from nonet.felix.editor import Edited
from nonet.felix.evaluate import judge
from nonet.felix.trials import LEAST, Outcome, gap, short, tuned

PAIRS = [Pair(f"the {n} cat sat . it slept .", (f"the {n} cat sat and slept .",)) for n in ["one", "two", "red", "old"]]


@dataclass
class Eager:
    """Edits rightly from a keep bias of 2 and a minimum edit probability of 0.7 on, wrongly below them."""

    config: EditorConfig = field(
        default_factory=lambda: EditorConfig("felix", LabelConfig(), {}, decoding=DecodeConfig(beam=3))
    )

    def edit(self, lines, decoding=None):
        for line in lines:
            right = line.replace(" . it", " and")
            unsure = "" if decoding.min_edit_probability >= 0.7 else " !"
            yield Edited(line, right + unsure if decoding.keep_bias >= 2 else "the end", (), 1.0)

    def save(self, folder, card):
        raise AssertionError("nothing is saved")


def outcome(texts):
    judged = judge([p.source for p in PAIRS], texts, [p.targets for p in PAIRS])
    return Outcome(judged, DecodeConfig(), 1.0, 1.0, tuple(texts))


@pytest.mark.parametrize("metric", ["sari_t2t", "sari_easse", "ter"])
def test_validation_chooses_the_caution_that_edits_best(metric):
    assert tuned(Eager(), PAIRS, metric) == DecodeConfig(keep_bias=2.0, beam=3)
    assert tuned(Eager(), PAIRS, metric, LEAST) == DecodeConfig(2.0, 0.7, beam=3)


def test_a_gap_is_the_mean_difference_with_an_interval_of_pairs_of_texts():
    right, kept = outcome([p.targets[0] for p in PAIRS]), outcome([p.source for p in PAIRS])
    found = gap(right, kept, PAIRS)
    expected = right.judged.system["sari_t2t"].value - kept.judged.system["sari_t2t"].value
    assert found.value == pytest.approx(expected)
    assert 0 < found.low <= found.value <= found.high
    assert gap(kept, kept, PAIRS).high == 0


def test_short_pairs_have_no_long_text(vocabulary):
    pairs = [Pair("a b", ("a",)), Pair("a b c d e", ("a",)), Pair("a", ("a", "a b c d e"))]
    assert short(pairs, vocabulary, 5) == pairs[:1]
