import numpy as np
import pytest

from nonet.cxc.data import RatedPairs, collection_from_ratings
from nonet.cxc.ratings import read_ratings
from nonet.cxc.sensitivity import correlation_choices, retrieval_choices, sensitivity_tables


def test_every_choice_is_measured_against_the_published_rules(made_up):
    ratings = read_ratings(made_up.folder, "test")
    collection = collection_from_ratings(ratings)
    rated = {part.kind: RatedPairs.at_hand(part, collection) for part in ratings.present}
    moved = retrieval_choices(rated, collection, np.random.default_rng(0))
    by_choice = {(m.task, m.choice): m for m in moved}
    missed = by_choice["I→I", "queries without a positive missed"]
    assert missed.other == pytest.approx(missed.usual * 11 / 12)
    assert by_choice["T→I", "low-rated originals dropped"].difference == 0  # none is rated low here
    assert [len(table.rows) for table in sensitivity_tables([], moved)] == [0, 14]


@pytest.mark.data
@pytest.mark.slow
def test_the_query_side_moves_sits_by_points(official, official_collection):
    """One noisy scorer, two ways to sample it: the figures may not be compared with each other."""
    rated = {part.kind: RatedPairs.at_hand(part, official_collection) for part in official.present}
    moved = correlation_choices(rated, official_collection, np.random.default_rng(0))
    sits = {m.choice: m for m in moved if m.task == "SITS"}
    assert sits["captions are the queries"].difference < -4
    assert sits["all pairs once"].difference > 2
