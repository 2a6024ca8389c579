"""Ways of a random tree keep clear of what was scanned."""

import numpy as np
import pytest

from nonet.rendezvous.agents.rrt import Tree, grow

CLEAR_M = 0.3


def test_a_way_is_followed_by_its_length():
    tree = Tree(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [-1.0, 0.0]]), np.array([0, 0, 1, 0]))
    assert np.allclose(tree.length_m, [0, 2, 4, 1]) and np.allclose(tree.way(np.array([2.2, 2.1]))[1], [2, 0])
    after = tree.after(np.array([[2.1, 2.1], [-2.0, 0.0], [0.1, 0.0]]), np.array([1.0, 3.0, 9.0]))
    assert np.allclose(after, [[[1, 0], [2, 1], [2, 2]], [[-1, 0]] * 3, [[0, 0]] * 3])


def test_a_tree_grows_around_a_wall():
    pytest.importorskip("ompl")
    # a wall at x = 1 from below up to y = 2, and a room of 8 m a side
    wall = np.stack([np.ones(61), np.linspace(-4, 2, 61)], axis=1)
    bounds = np.array([[-4.0, -4.0], [4.0, 4.0]])
    tree = grow(np.zeros(2), wall, CLEAR_M, bounds, samples=1500)
    assert len(tree.points) > 50 and np.allclose(tree.points[0], 0)
    apart = np.linalg.norm(tree.points[:, None] - wall, axis=-1).min(1)
    assert apart.min() > CLEAR_M - 0.15  # a cell's diagonal
    way = tree.way(np.array([3.0, 0.0]))
    assert way[-1, 0] > 1.3 and way[:, 1].max() > 2.0


def test_where_nothing_was_seen_everything_is_free():
    pytest.importorskip("ompl")
    tree = grow(np.zeros(2), np.empty((0, 2)), CLEAR_M, np.array([[-2.0, -2.0], [2.0, 2.0]]), samples=200)
    assert len(tree.points) > 20 and np.abs(tree.points).max() <= 2.0
