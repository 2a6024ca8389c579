"""The methods that meet: how each makes the agents of an episode, and what each is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nonet.foundation.errors import UsageError
from nonet.rendezvous.agents.base import Agent
from nonet.rendezvous.agents.heuristics import RULES, RuleAgent
from nonet.rendezvous.agents.hpp import HppAgent
from nonet.rendezvous.config import PlannerConfig, WorldConfig
from nonet.rendezvous.control.base import Controller
from nonet.rendezvous.control.drivers import disturbed
from nonet.rendezvous.maps.layout import Map
from nonet.rendezvous.team import Team

__all__ = ["METHODS", "Method", "agents_for", "chosen_methods"]

Maker = Callable[[Team, Controller, Map, WorldConfig, int], Agent]


@dataclass(frozen=True)
class Method:
    """A way to meet.

    Attributes:
        name: on the command line.
        summary: one line.
        centralised: whether it is told what no robot alone knows (the map, or that all follow one rule).
        make: an agent from the team, its controller, the map, the world and the robot's number.
        needs_maddpg: whether the team must have learnt the MADDPG baseline.
    """

    name: str
    summary: str
    centralised: bool
    make: Maker
    needs_maddpg: bool = False


def _hpp(**changes: object) -> Maker:
    def make(team: Team, controller: Controller, place: Map, world: WorldConfig, robot: int) -> Agent:
        config: PlannerConfig = team.planner(**changes)
        step = team.config.predictor.step_s
        return HppAgent(team.members, controller, config, reach_m=world.lidar.reach_m, step_s=step)

    return make


def _rule(name: str) -> Maker:
    def make(team: Team, controller: Controller, place: Map, world: WorldConfig, robot: int) -> Agent:
        return RuleAgent(name, controller, place, world.robot.radius_m)

    return make


def _rrt(team: Team, controller: Controller, place: Map, world: WorldConfig, robot: int) -> Agent:
    from nonet.rendezvous.agents.rrt import RrtAgent

    return RrtAgent(controller, team.config.planner, world.lidar, world.robot.radius_m)


def _oracle(team: Team, controller: Controller, place: Map, world: WorldConfig, robot: int) -> Agent:
    from nonet.rendezvous.agents.oracle import OracleAgent

    return OracleAgent(team, controller, place, world)


def _maddpg(team: Team, controller: Controller, place: Map, world: WorldConfig, robot: int) -> Agent:
    from nonet.rendezvous.agents.learnt import MaddpgAgent

    return MaddpgAgent(controller)


_ALL = (
    Method("hpp", "predicts everybody with learnt models (the article's planner)", False, _hpp()),
    Method("hpp-mixture", "the same, belief a mixture of Gaussians", False, _hpp(belief="mixture")),
    Method("hpp-particles", "the same, belief of particles", False, _hpp(belief="particles")),
    Method("hpp-uncommitted", "the same, a new goal drawn at every plan", False, _hpp(commitment_m=0.0)),
    Method("no-other-model", "others are predicted to stand still", False, _hpp(model="others-static")),
    Method("constant-velocity", "others are predicted to go on as they go", False, _hpp(model="constant-velocity")),
    Method("straight", "all are predicted to go straight through everything", False, _hpp(model="straight")),
    Method("oracle", "the simulator itself predicts, from the true map", True, _oracle),
    Method("rrt-cem", "ways from a tree (OMPL) grown in the own scan instead of learnt models", False, _rrt),
    Method("maddpg", "one network from sensors to wheels, learnt by MADDPG", False, _maddpg, needs_maddpg=True),
    *(Method(name, said, True, _rule(name)) for name, (_, said) in RULES.items()),
)
METHODS = {method.name: method for method in _ALL}
"""All methods by name."""


def chosen_methods(names: str, team: Team) -> list[Method]:
    """Methods from names with commas between; ``all`` takes every one that the team can do.

    Raises:
        UsageError: if a name is unknown, or the team lacks what it needs.
    """
    if names == "all":
        return [method for method in _ALL if team.maddpg is not None or not method.needs_maddpg]
    found = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in METHODS:
            raise UsageError(f"There is no method '{name}'.", fix=f"Choose of: {', '.join(METHODS)}.")
        if METHODS[name].needs_maddpg and team.maddpg is None:
            raise UsageError(
                "This team has not learnt the MADDPG baseline.", where=name, fix="Run: nonet rendezvous baseline TEAM."
            )
        found.append(METHODS[name])
    if not found:
        raise UsageError("No method is named.", fix=f"Choose of: {', '.join(METHODS)}.")
    return found


def _wheels(team: Team, world: WorldConfig) -> Controller:
    from nonet.rendezvous.agents.learnt import MaddpgWheels

    assert team.maddpg is not None
    return MaddpgWheels(team.maddpg, world)


def agents_for(method: Method, team: Team, place: Map, world: WorldConfig, *, mates: str = "same") -> Sequence[Agent]:
    """One agent for each robot, each with a controller of its own.

    Args:
        method: how they meet.
        team: what they learnt.
        place: the map; only centralised methods look at it.
        world: the world.
        mates: what drives the robots after the first.
    Raises:
        UsageError: if the team mates need goals to drive to, and the method has none.
    """
    if method.needs_maddpg and mates in {"orca", "pursuit"}:
        raise UsageError(
            f"MADDPG has no goals that a team mate '{mates}' could drive to.", fix="Choose other mates or methods."
        )
    made = []
    for robot in range(world.robots):
        own = _wheels(team, world) if method.needs_maddpg else team.controller()
        kind = "same" if robot == 0 else mates
        controller = disturbed(kind, own, world.robot, world.lidar, world.step_s)
        made.append(method.make(team, controller, place, world, robot))
    return made
