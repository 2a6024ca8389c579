"""Planning without learning: paths of a random tree in what the robot has scanned, scored like the article's roll-outs.

A tree (RRT, LaValle 1998, of OMPL) grows from every robot through what the ego has seen so far; one tree serves all
proposals of a round. Robots are taken to follow their tree's ways at full speed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from nonet.foundation.errors import MissingError
from nonet.rendezvous.agents.base import GoalAgent, Thought
from nonet.rendezvous.config import LidarConfig, PlannerConfig
from nonet.rendezvous.control.base import Controller, Wheels
from nonet.rendezvous.observation import Observation

__all__ = ["RrtAgent", "Tree", "grow"]

_RANGE_M = 0.8
_SAMPLES = 250
_MARGIN_M = 8.0
_SPEED = 0.9
_LOOK_AHEAD_M = 1.0
_CELL_M = 0.1


class Tree:
    """Ways from one place.

    Attributes:
        points: nodes, the root first.
        parents: of each node; the root is its own.
        length_m: from the root to each node.
    """

    def __init__(self, points: Float[np.ndarray, "nodes 2"], parents: np.ndarray) -> None:
        self.points, self.parents = points, parents
        self.length_m = np.zeros(len(points))
        self._near = KDTree(points)
        self._driven: dict[tuple[int, bytes], np.ndarray] = {}
        for node in _top_down(parents):
            parent = parents[node]
            self.length_m[node] = self.length_m[parent] + float(np.linalg.norm(points[node] - points[parent]))

    def way(self, goal: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "points 2"]:
        """From the root to the node nearest to a goal."""
        return self._way_to(int(self._near.query(goal)[1]))

    def _way_to(self, node: int) -> Float[np.ndarray, "points 2"]:
        nodes = [node]
        while self.parents[nodes[-1]] != nodes[-1]:
            nodes.append(int(self.parents[nodes[-1]]))
        return self.points[nodes[::-1]]

    def after(
        self, goals: Float[np.ndarray, "goals 2"], metres: Float[np.ndarray, " times"]
    ) -> Float[np.ndarray, "goals times 2"]:
        """Where one is after so many metres on the way to each goal."""
        nodes = np.atleast_1d(self._near.query(goals)[1])
        return np.stack([self._after(int(node), metres) for node in nodes])

    def _after(self, node: int, metres: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 2"]:
        # most proposals of a round end at a few nodes
        asked = (node, metres.tobytes())
        if asked not in self._driven:
            way = self._way_to(node)
            along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
            self._driven[asked] = np.stack([np.interp(metres, along, way[:, axis]) for axis in range(2)], axis=1)
        return self._driven[asked]


def _top_down(parents: np.ndarray) -> list[int]:
    """Nodes in an order in which parents come first; the root is left out."""
    below: dict[int, list[int]] = {}
    for node, parent in enumerate(parents.tolist()):
        if node != parent:
            below.setdefault(parent, []).append(node)
    order, waiting = [], [0]
    while waiting:
        found = below.get(waiting.pop(), [])
        order += found
        waiting += found
    return order


def grow(
    root: Float[np.ndarray, " 2"],
    obstacles: Float[np.ndarray, "points 2"],
    clearance_m: float,
    bounds: Float[np.ndarray, "2 2"],
    samples: int = _SAMPLES,
) -> Tree:
    """An RRT of OMPL from a place, around points.

    Args:
        root: where it grows from.
        obstacles: points to keep clear of.
        clearance_m: how far.
        bounds: least and greatest x and y.
        samples: rounds of growing.
    Raises:
        MissingError: if OMPL is not installed.
    """
    try:
        from ompl import base, geometric
        from ompl import util as notes
    except ModuleNotFoundError as error:
        raise MissingError("RRT needs OMPL.", fix="Run: pip install 'nonet[rendezvous]'.") from error
    notes.setLogLevel(notes.LogLevel.LOG_NONE)
    blocked = _blocked(obstacles, clearance_m, bounds)
    left, low = bounds[0]
    space = _space(base, bounds)
    about = base.SpaceInformation(space)

    def valid(state: Any) -> bool:
        x, y = state[0], state[1]
        # where the robot stands is free, whatever noise says
        at_root = (x - root[0]) ** 2 + (y - root[1]) ** 2 < 0.1**2
        return bool(at_root or not blocked[int((x - left) / _CELL_M), int((y - low) / _CELL_M)])

    about.setStateValidityChecker(valid)
    about.setup()
    start: Any = space.allocState()
    goal: Any = space.allocState()
    start[0], start[1] = float(root[0]), float(root[1])
    goal[0], goal[1] = float(bounds[1, 0]), float(bounds[1, 1])
    problem = base.ProblemDefinition(about)
    problem.setStartAndGoalStates(start, goal, 1e-9)
    planner = geometric.RRT(about)
    planner.setGoalBias(0.0)  # the tree shall fill the place; it has no goal of its own
    planner.setRange(_RANGE_M)
    planner.setProblemDefinition(problem)
    planner.setup()
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked > samples

    planner.solve(base.PlannerTerminationCondition(enough))
    return _read(base.PlannerData(about), planner, root)


def _blocked(
    obstacles: Float[np.ndarray, "points 2"], clearance_m: float, bounds: Float[np.ndarray, "2 2"]
) -> Bool[np.ndarray, "across up"]:
    """Which cells within the bounds are too near to a point."""
    free = np.ones(np.ceil((bounds[1] - bounds[0]) / _CELL_M).astype(int) + 1, bool)
    if not len(obstacles):
        return ~free
    cells = np.floor((obstacles - bounds[0]) / _CELL_M).astype(int)
    inside = ((cells >= 0) & (cells < free.shape)).all(1)
    free[tuple(cells[inside].T)] = False
    return np.asarray(distance_transform_edt(free)) * _CELL_M <= clearance_m if inside.any() else ~free


def _space(base: Any, bounds: Float[np.ndarray, "2 2"]) -> Any:
    """OMPL's plane within bounds."""
    space, box = base.RealVectorStateSpace(2), base.RealVectorBounds(2)
    for axis in range(2):
        box.setLow(axis, float(bounds[0, axis]))
        box.setHigh(axis, float(bounds[1, axis]))
    space.setBounds(box)
    return space


def _read(data: Any, planner: Any, root: np.ndarray) -> Tree:
    planner.getPlannerData(data)
    count = data.numVertices()
    if count == 0:
        return Tree(np.asarray(root, float)[None], np.zeros(1, int))
    points = np.array([[data.getVertex(node).getState()[axis] for axis in range(2)] for node in range(count)])
    parents = np.arange(count)
    for node in range(count):
        for child in data.getEdges(node):
            parents[child] = node
    first = data.getStartIndex(0)
    order = np.concatenate([[first], np.delete(np.arange(count), first)])
    place = np.empty(count, int)
    place[order] = np.arange(count)
    return Tree(points[order], place[parents[order]])


class RrtAgent(GoalAgent):
    """Cross-entropy search over meeting points, with ways of trees instead of learnt roll-outs.

    Args:
        controller: drives to the next point of the own tree's way.
        config: of the search.
        lidar: where its beams point.
        radius_m: of a robot.
    """

    def __init__(self, controller: Controller, config: PlannerConfig, lidar: LidarConfig, radius_m: float) -> None:
        self.config, self.radius_m = config, radius_m
        self.angles = np.array(lidar.angles)
        super().__init__(controller, config.replan_s)

    def reset(self, seed: int) -> None:
        """Forgets what was scanned and believed."""
        super().reset(seed)
        self.random = np.random.default_rng([13, seed])
        self.seen_points: dict[tuple[int, int], np.ndarray] = {}
        self.mean: np.ndarray | None = None
        self.tree: Tree | None = None
        self.goal: np.ndarray | None = None

    def act(self, seen: Observation) -> tuple[Wheels, Thought]:
        """Plans now and then; drives to the point a metre ahead on the own tree's way to the goal."""
        self._remember(seen)
        _, thought = super().act(seen)
        if self.tree is None or thought.goal is None:
            return np.zeros(2, np.float32), thought
        way = self.tree.way(thought.goal)
        nearest = int(np.argmin(np.linalg.norm(way - seen.pose[:2], axis=1)))
        ahead = np.flatnonzero(np.linalg.norm(way[nearest:] - seen.pose[:2], axis=1) > _LOOK_AHEAD_M)
        point = way[nearest + ahead[0]] if len(ahead) else thought.goal
        return self.controller.drive(seen, point.astype(np.float32)), thought

    def think(self, seen: Observation) -> Thought:
        """One round: trees, proposals, scores."""
        config, poses = self.config, seen.ego_first()[0][:, :2].astype(float)
        poses = poses[seen.ego_first()[1]]
        bounds = np.stack([poses.min(0) - _MARGIN_M, poses.max(0) + _MARGIN_M])
        obstacles = self._obstacles(poses)
        trees = [grow(pose, obstacles, self.radius_m + 0.1, bounds) for pose in poses]
        self.tree = trees[0]
        metres = _SPEED * np.arange(1, config.horizon + 1)
        spread = float(np.sqrt(((poses - poses.mean(0)) ** 2).sum(1).mean() / 2)) + 1.0
        mean = poses.mean(0) if self.mean is None else self.mean
        std = np.full(2, spread)
        goals = mean[None]
        for _ in range(config.iterations):
            goals = mean + std * self.random.normal(size=(config.goals, 2))
            scores = self._scores(trees, goals, metres)
            elites = goals[np.argsort(-scores)[: config.elites]]
            mean, std = elites.mean(0), np.maximum(elites.std(0), config.least_std_m)
        self.mean = mean
        goal = mean + std * self.random.normal(size=2)
        if self.goal is not None:
            fresh, kept = self._scores(trees, np.stack([goal, self.goal]), metres)
            goal = self.goal if fresh <= kept + config.commitment_m else goal
        self.goal = goal
        paths = np.stack([tree.after(goal[None], metres)[0] for tree in trees], axis=1)
        return Thought(goal.astype(np.float32), True, goals[:24], paths)

    def _scores(self, trees: list[Tree], goals: np.ndarray, metres: np.ndarray) -> Float[np.ndarray, " goals"]:
        points = np.stack([tree.after(goals, metres) for tree in trees], axis=2)
        apart = np.linalg.norm(points[:, :, :, None] - points[:, :, None], axis=-1).max((2, 3))
        weight = self.config.final_weight
        return -weight * apart[:, -1] - (1 - weight) * apart.mean(1)

    def _remember(self, seen: Observation) -> None:
        met = np.isfinite(seen.scan)
        angles = self.angles[met] + seen.pose[2]
        points = seen.pose[:2] + seen.scan[met, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        others = np.delete(seen.team[:, :2], seen.me, axis=0)
        if len(others):  # team mates move: what is seen of them is no obstacle
            gap = np.linalg.norm(points[:, None] - others, axis=-1).min(1)
            points = points[gap > self.radius_m + 0.4]
        for point in points:
            self.seen_points[(round(point[0] / _CELL_M), round(point[1] / _CELL_M))] = point

    def _obstacles(self, poses: np.ndarray) -> np.ndarray:
        if not self.seen_points:
            return np.empty((0, 2))
        points = np.array(list(self.seen_points.values()))
        return points[np.linalg.norm(points[:, None] - poses, axis=-1).min(1) > self.radius_m]
