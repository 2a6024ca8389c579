"""The study's verdicts from meetings that are made up."""

import numpy as np
import pytest

from nonet.rendezvous.config import EvaluationConfig, PolicyConfig, TrainConfig
from nonet.rendezvous.evaluate import Outcome, Results
from nonet.rendezvous.experience import Experience, experience_claim, world_steps
from nonet.rendezvous.study import _aligns, _beats, _transfers
from nonet.rendezvous.team import Team


def results(noise="lab", **met):
    def outcome(number, came):
        when = dict.fromkeys((0.5, 1.0, 2.0), 9.0 if came else np.inf)
        return Outcome(number, "maze", when, 0.5, 0, np.array([4.0, 2.0, 1.0, np.nan]), False)

    rows = {name.replace("_", "-"): [outcome(*pair) for pair in enumerate(row)] for name, row in met.items()}
    return Results(EvaluationConfig("unseen-hard", 20, noise=noise), rows)


@pytest.mark.parametrize(("theirs", "holds"), [([0] * 20, True), ([1] * 20, False), ([1] * 10 + [0] * 10, None)])
def test_a_claim_holds_only_where_the_whole_interval_does(theirs, holds):
    ours = [0] * 20 if holds is False else [1] * 11 + [0] * 9 if holds is None else [1] * 20
    claim = _beats(results(hpp=ours, midpoint=theirs), ("midpoint",), "more often", "how")
    assert claim.holds is holds and "over midpoint" in str(claim.measured)


def test_goals_that_come_together_are_told_in_metres():
    claim = _aligns(results(hpp=[1] * 5), "how")
    assert claim.holds is True and str(claim.measured).endswith("by 3 m")


@pytest.mark.parametrize(("after", "holds"), [([1] * 20, True), ([0] * 20, False), ([1] * 15 + [0] * 5, None)])
def test_transfer_keeps_four_fifths(after, holds):
    claim = _transfers(results(hpp=[1] * 20), results("rough", hpp=after), "how")
    assert claim.holds is holds


@pytest.mark.parametrize(("theirs", "holds"), [([0] * 20, True), ([1] * 20, False), ([1] * 10 + [0] * 10, None)])
def test_little_experience_is_held_against_all_of_maddpgs(theirs, holds):
    ours = [0] * 20 if holds is False else [1] * 11 + [0] * 9 if holds is None else [1] * 20
    found = [
        Experience("hpp", 300, results(hpp=ours)),
        Experience("hpp", 700, results(hpp=[1] * 20)),
        Experience("maddpg", 100, results(maddpg=[1] * 20)),
        Experience("maddpg", 1200, results(maddpg=theirs)),
    ]
    claim = experience_claim(found, "how")
    assert claim.holds is holds and "after 300 world steps" in claim.measured and "4.0 times as many" in claim.measured
    assert experience_claim(found[:2], "how").holds is None
    late = [Experience("hpp", 5000, results(hpp=[1] * 20)), *found[2:]]
    assert experience_claim(late, "how").holds is not True


def test_experience_counts_the_policys_steps_and_the_drives():
    config = TrainConfig(policy=PolicyConfig(maps=10, goals=3, rounds=2, steps=50))
    team = Team(config, {}, ())
    assert world_steps(team, 4) == 3000 + 4 * 250 and world_steps(team) == 3000 + 2000 * 250
