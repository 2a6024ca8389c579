import random

import pytest

from nonet.felix.data import Pair
from nonet.felix.rules.config import RuleConfig
from nonet.felix.rules.pairs import acceptable, balanced, rule_pairs
from nonet.felix.sources.prose import Document

TEXT = (
    "Turing, a mathematician, was born in London. The river (the longest in Africa) floods every year."
    " Anna opened the door and saw a dog. The cat ate the big mouse."
)


def test_no_connective_has_more_than_its_share():
    kinds = ["CONN:and"] * 70 + ["CONN:but"] * 5 + ["NONE"] * 25
    random.Random(0).shuffle(kinds)
    pairs = [Pair(f"source {number}", ("target",), kind) for number, kind in enumerate(kinds)]
    kept = [pair.kind for pair in balanced(pairs, RuleConfig(per_connective=0.1))]
    assert {kind: kept.count(kind) for kind in set(kept)} == {"CONN:and": 10, "CONN:but": 5, "NONE": 25}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("The cat sat on the mat.", None),
        ("Too short.", "too short or too long"),
        ("word " * 91, "too short or too long"),
        ("The cat (the big one sat on it.", "brackets or quotes that do not match"),
        ('The cat said "no to the dog.', "brackets or quotes that do not match"),
        ("1 + 2 = 3 ; 4 * 5 = 20 .", "mostly signs"),
    ],
)
def test_what_is_no_good_pair_is_left_out(source, reason):
    assert acceptable(Pair(source, ("The cat sat on the mat.",))) == reason


@pytest.mark.slow
def test_each_task_makes_its_pairs_and_they_know_their_document():
    documents = [Document("first", (TEXT,)), Document("second", (TEXT.replace("London", "Rome"),))]

    def made(*task):
        pairs = rule_pairs("rules", documents, RuleConfig(task=task, unchanged=0.0, per_connective=1.0)).pairs["train"]
        return {(pair.source, pair.targets[0]) for pair in pairs if pair.group == "first"}, pairs

    fused, pairs = made("fuse")
    assert {pair.group for pair in pairs} == {"first", "second"}
    assert ("Anna opened the door. Anna saw a dog.", "Anna opened the door and saw a dog.") in fused
    divided, _ = made("split")
    assert divided == {(target, source) for source, target in fused}
    shorter, _ = made("compress")
    assert ("Turing, a mathematician, was born in London.", "Turing was born in London.") in shorter
    turned, _ = made("voice")
    assert turned == {("The cat ate the big mouse.", "The big mouse was eaten by the cat.")}
    broken, _ = made("disfluency")
    assert {target for _, target in broken} <= set(TEXT.replace(". ", ".\n").split("\n"))
    assert all(len(source) > len(target) for source, target in broken)
    assert broken
