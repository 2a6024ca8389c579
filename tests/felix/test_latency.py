import pytest

from nonet.felix.data import Pair
from nonet.felix.latency import DECODERS, gemm_rate, limit_ms, race, systems

pytestmark = pytest.mark.slow  # exports graphs
PAIRS = [
    Pair("Anna likes tea. They like snow.", ("Anna likes tea and snow.",)),
    Pair("The old cat sat on the mat. It slept there.", ("It slept there on the mat, the old cat.",)),
    Pair("Nothing changes here at all.", ("Nothing changes here at all.",)),
]


def test_every_system_computes_edits_as_long_as_those_of_the_data(tiny, tmp_path):
    made = systems(tiny, PAIRS, tmp_path / "editor", int8=False)
    assert set(made) == {"torch", "onnx", *DECODERS}
    wanted = [len(pieces) for pieces in tiny.vocabulary.encode([pair.targets[0] for pair in PAIRS])]
    for name in ("torch", "onnx"):
        edited = made[name].edit(PAIRS)
        assert edited[2].text == PAIRS[2].source
        assert [one.fallback for one in edited] == [""] * 3
        for one, length in zip(edited, wanted, strict=True):
            inserted = sum(len(edit.new.split()) for edit in one.edits)
            assert abs(len(tiny.vocabulary.encode([one.text])[0]) - length) <= inserted
    written = made["decoder, greedy, cache"].edit(PAIRS)
    assert {len(row) for row in written} == {max(wanted)}
    took = race(made, PAIRS, batch=2, rounds=2)
    assert {name: len(values) for name, values in took.items()} == {
        name: 1 if system.slow else 2 for name, system in made.items()
    }
    assert all(value > 0 for values in took.values() for value in values)
    assert 0 < limit_ms(made["torch"], PAIRS, 2, gemm_rate(2)) < limit_ms(made["torch"], PAIRS, 2, 1e6)
