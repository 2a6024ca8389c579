"""Beliefs, scores and the search, with models whose answer is known."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nonet.foundation.errors import DataError
from nonet.rendezvous.agents.hpp import HppAgent
from nonet.rendezvous.belief import first_belief
from nonet.rendezvous.config import LidarConfig, PlannerConfig, RobotConfig
from nonet.rendezvous.control.drivers import Faulty, Keyboard, Orca, Pursuit, Slow, Still
from nonet.rendezvous.observation import Observation, from_senses
from nonet.rendezvous.planner import NOWHERE, avoided, score, search, straight
from nonet.rendezvous.predict import move, sectors, to_frame

LIDAR = LidarConfig()
ACTIVE = jnp.array([True, True])


def an_observation(time_s=0.0, team=((0, 0, 0), (6, 0, np.pi)), me=0, scan=None, present=(True, True)):
    scan = np.full(64, np.inf, np.float32) if scan is None else scan
    return Observation(
        time_s,
        scan,
        np.zeros(2, np.float32),
        np.zeros(3, np.float32),
        np.array(team, np.float32),
        np.array(present),
        me,
    )


def an_agent(controller=None, **changes):
    config = PlannerConfig(model="straight", **changes)
    return HppAgent((), controller or Pursuit(RobotConfig(), LIDAR), config, reach_m=5.0, step_s=1.0)


@pytest.mark.slow
def test_moving_and_seeing_from_a_frame_are_inverse():
    rng = np.random.default_rng(0)
    pose, motion = jnp.asarray(rng.normal(size=(20, 3))), jnp.asarray(rng.normal(size=(20, 3)))
    seen = np.asarray(to_frame(move(pose, motion), pose))
    assert np.allclose(seen[:, :2], motion[:, :2], atol=1e-5)
    assert np.allclose(
        np.arctan2(seen[:, 3], seen[:, 2]), (np.asarray(motion[:, 2]) + np.pi) % (2 * np.pi) - np.pi, atol=1e-5
    )


def test_a_sector_holds_its_nearest_beam():
    near = np.array([[0.1, 0.5, 0.2, 0.0, 0.9], [0.0, 0.0, 0.3, 0.4, 0.0]])
    assert np.allclose(sectors(near, 2, np), [[0.5, 0.9], [0.3, 0.4]])
    assert np.allclose(sectors(near, 3, np), [[0.5, 0.2, 0.9], [0.0, 0.4, 0.0]])
    assert np.array_equal(sectors(near, 5, np), near)


@pytest.mark.slow
def test_scores_are_distances_by_hand():
    poses = jnp.array([[[[0, 0, 0], [4, 0, 0]]], [[[0, 0, 0], [1, 0, 0]]]], float)
    config = PlannerConfig(final_weight=0.5, clearance_weight=2.0, clearance_m=0.5)
    nearness = jnp.array([[0.0], [0.94]])  # 5 m and 0.3 m away
    found = score(config, (poses, nearness), ACTIVE, 5.0)
    assert float(found[0]) == pytest.approx(-(0.5 * 1 + 0.5 * 2.5) - 2.0 * 0.2 / 2, abs=1e-5)
    alone = score(config, (poses, nearness * 0), jnp.array([True, False]), 5.0)
    assert float(alone[0]) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("belief", ["gaussian", "mixture", "particles"])
def test_every_belief_finds_where_straight_lines_meet(belief):
    config = PlannerConfig(belief=belief, horizon=5, iterations=8)
    poses = jnp.array([[0.0, 0, 0], [8.0, 0, 0]])
    start = first_belief(config, poses[:, :2], ACTIVE)
    roll = jax.tree_util.Partial(straight, poses, horizon=5, step_s=1.0)
    found, _ = search(config, lambda goals: score(config, roll(goals), ACTIVE, 5.0), start, jax.random.key(0))
    best = found.mean[jnp.argmax(found.weight)]
    after = straight(poses, best[None], 5, 1.0)[0][-1, 0]
    assert float(jnp.linalg.norm(after[0, :2] - after[1, :2])) < 0.6


@pytest.mark.slow
def test_two_minds_that_cannot_talk_agree_on_open_ground():
    goals = []
    for me in (0, 1):
        agent = an_agent(choose="mean", iterations=8)
        agent.reset(me)
        goals.append(agent.act(an_observation(me=me))[1].goal)
    assert np.linalg.norm(goals[0] - goals[1]) < 2.0
    assert all(1.0 < goal[0] < 5.0 for goal in goals)


@pytest.mark.slow
def test_the_same_seed_thinks_the_same_and_commitment_keeps_a_goal():
    first, again = an_agent(commitment_m=9.0), an_agent(commitment_m=9.0)
    first.reset(3), again.reset(3)
    one = [first.act(an_observation(time_s))[1].goal for time_s in (0.0, 1.0, 2.0)]
    two = [again.act(an_observation(time_s))[1].goal for time_s in (0.0, 1.0, 2.0)]
    assert np.array_equal(one, two) and np.array_equal(one[0], one[2])


@pytest.mark.slow
def test_a_goal_that_nothing_comes_of_is_given_up():
    agent = an_agent(commitment_m=9.0, patience_s=3.0)
    agent.reset(0)
    goals = [agent.act(an_observation(float(time_s)))[1].goal for time_s in range(5)]
    # nobody moves: the goal is kept for three seconds, then left alone
    assert np.array_equal(goals[0], goals[2]) and np.array_equal(agent.given_up[0], goals[0])
    assert np.linalg.norm(goals[4] - goals[0]) > 0.3
    patient = an_agent(commitment_m=9.0, patience_s=3.0)
    patient.reset(0)
    nearer = [an_observation(float(time_s), team=((0, 0, 0), (6 - 0.5 * time_s, 0, np.pi))) for time_s in range(5)]
    assert len({tuple(patient.act(seen)[1].goal) for seen in nearer}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("robots", [3, 5])
def test_more_than_two_robots_agree_on_open_ground(robots):
    angles = 2 * np.pi * np.arange(robots) / robots
    team = tuple((4 * np.cos(angle), 4 * np.sin(angle), angle + np.pi) for angle in angles)
    goals = []
    for me in range(robots):
        agent = an_agent(choose="mean", iterations=8)
        agent.reset(me)
        seen = an_observation(team=team, me=me, present=(True,) * robots)
        thought = agent.act(seen)[1]
        assert thought.paths.shape == (10, robots, 2)
        goals.append(thought.goal)
    assert np.linalg.norm(goals, axis=1).max() < 2.0


@pytest.mark.slow
def test_places_given_up_cost_what_they_should():
    config = PlannerConfig(avoidance_m=2.0)
    goals, given_up = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]]), np.array([[0.0, 0.0], [NOWHERE, NOWHERE]])
    costs = avoided(config, jnp.asarray(goals), jnp.asarray(given_up))
    assert np.allclose(costs, [2.0, 2.0 * np.exp(-0.5), 0.0], atol=1e-5)


@pytest.mark.slow
def test_a_mind_refuses_what_cannot_be():
    agent = an_agent()
    agent.reset(0)
    agent.act(an_observation(5.0))
    with pytest.raises(DataError, match="clock went back"):
        agent.act(an_observation(4.0))
    with pytest.raises(DataError, match="nobody to meet"):
        agent.act(an_observation(6.0, present=(True, False)))


def test_an_observation_is_the_robots_own():
    with pytest.raises(DataError, match="not numbers"):
        an_observation(scan=np.full(64, np.nan, np.float32))

    class Senses:
        scan, velocity = np.ones((2, 4)), np.zeros((2, 2))
        odometry, team = np.zeros((2, 3)), np.zeros((2, 2, 3))

    one, other = from_senses(Senses, np.ones(2, bool), 0.0)
    assert not np.shares_memory(one.scan, Senses.scan) and not np.shares_memory(one.team, other.team)
    with pytest.raises(ValueError, match="read-only"):
        one.scan[0] = 9.0


def test_controllers_do_what_they_are_called():
    goal, seen = np.array([5.0, 0.0], np.float32), an_observation()
    pursuit = Pursuit(RobotConfig(), LIDAR)
    assert pursuit.drive(seen, goal)[0] == pytest.approx(1.0) and pursuit.drive(seen, np.array([0.0, 5.0]))[1] > 1.0
    assert pursuit.drive(an_observation(scan=np.full(64, 0.25, np.float32)), goal)[0] == 0.0
    assert Slow(pursuit).drive(seen, goal)[0] == pytest.approx(0.4)
    assert np.array_equal(Still().drive(seen, goal), [0, 0])
    faulty = Faulty(pursuit, chance=0.5, steps=2)
    speeds = [faulty.drive(seen, goal)[0] for _ in range(40)]
    assert 0 < np.mean(np.array(speeds) == 0) < 1


def test_orca_goes_to_its_goal_and_gives_way():
    goal = np.array([5.0, 0.0], np.float32)
    orca = Orca(RobotConfig(), LIDAR, 0.1)
    alone = orca.drive(an_observation(team=((0, 0, 0), (0, 9, 0))), goal)
    assert alone[0] > 0.8 and abs(alone[1]) < 0.1
    # a robot stands in the way, a little to the left: ORCA passes on the right
    met = orca.drive(an_observation(team=((0, 0, 0), (1.0, 0.1, np.pi))), goal)
    assert met[1] < -0.1


def test_a_person_drives_until_another_key():
    pressed = iter(["w", "", "a", "s", "x"])
    person = Keyboard(RobotConfig(), lambda: next(pressed))
    seen, nowhere = an_observation(), np.zeros(2, np.float32)
    driven = [tuple(float(value) for value in person.drive(seen, nowhere)) for _ in range(5)]
    assert np.allclose(driven, [(1, 0), (1, 0), (0, 1.5), (-0.2, 0), (0, 0)])


def test_planner_options_are_checked():
    from nonet.foundation.errors import UsageError

    for changes in ({"elites": 0}, {"elites": 99}, {"horizon": 0}, {"components": 11}, {"replan_s": 0.0}):
        with pytest.raises(UsageError):
            replace(PlannerConfig(), **changes)
