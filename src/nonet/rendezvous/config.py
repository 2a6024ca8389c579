"""What can be chosen: robots, sensors, noise, planning, training. Frozen dataclasses; nothing heavy is imported here.

The article's body was not at hand, so every number below is a choice of ours; `docs/rendezvous.md` says which and why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = [
    "HEADLINE_M",
    "PRESETS",
    "SUCCESS_METRES",
    "EvaluationConfig",
    "Goals",
    "LidarConfig",
    "MaddpgConfig",
    "Mates",
    "NoiseConfig",
    "PlannerConfig",
    "PolicyConfig",
    "PredictorConfig",
    "RobotConfig",
    "TrainConfig",
    "WorldConfig",
    "preset",
]

SUCCESS_METRES = (0.5, 1.0, 2.0)
"""Robots have met when all pairs of centres are closer than this, nothing in between; 1 m is the headline."""

HEADLINE_M = 1.0
"""The distance of `SUCCESS_METRES` that learners are rewarded for and claims are judged by."""

Goals = Literal["same", "independent", "mix"]
"""Whether robots that are recorded were given the same goal, goals of their own, or half and half."""

Mates = Literal["same", "slow", "faulty", "still", "orca", "pursuit"]
"""What the team mates of the first robot are."""

MAX_DELAY = 5
"""Longest delay of poses and actions, in steps: the length of the world's buffers."""


def _require(holds: bool, what: str, fix: str | None = None) -> None:
    if not holds:
        raise UsageError(what, fix=fix or "Correct the value.")


@dataclass(frozen=True)
class RobotConfig:
    """A differential-drive robot.

    Attributes:
        radius_m: of its round body.
        speed: least and greatest forward speed, m/s.
        turn: greatest turning rate, rad/s.
        acceleration: greatest change of speed, m/s².
        turn_acceleration: greatest change of the turning rate, rad/s².
    """

    radius_m: float = 0.2
    speed: tuple[float, float] = (-0.2, 1.0)
    turn: float = 1.5
    acceleration: float = 2.0
    turn_acceleration: float = 6.0

    def __post_init__(self) -> None:
        positive = (self.radius_m, self.turn, self.acceleration, self.turn_acceleration, self.speed[1])
        _require(all(value > 0 for value in positive), "A robot's radius, speeds and accelerations are positive.")
        _require(self.speed[0] <= 0, "The least speed of a robot is zero or negative (backwards).")


@dataclass(frozen=True)
class LidarConfig:
    """A planar laser scanner in the middle of the robot, looking forward.

    Attributes:
        beams: how many.
        field_of_view_deg: angle between the first and the last beam, counter-clockwise.
        reach_m: farther things give no return.
    """

    beams: int = 64
    field_of_view_deg: float = 220.0
    reach_m: float = 5.0

    def __post_init__(self) -> None:
        _require(self.beams >= 1, f"A lidar of {self.beams} beams sees nothing.", "Give it at least one beam.")
        _require(0 < self.field_of_view_deg <= 360, "A field of view is above 0 and at most 360 degrees.")
        _require(self.reach_m > 0 and math.isfinite(self.reach_m), "The reach of a lidar is a positive number.")

    @property
    def angles(self) -> tuple[float, ...]:
        """Directions of the beams in the robot's frame, radians, from right to left."""
        half = math.radians(self.field_of_view_deg) / 2
        if self.beams == 1:
            return (0.0,)
        full_circle = self.field_of_view_deg == 360
        step = 2 * half / (self.beams if full_circle else self.beams - 1)
        return tuple(-half + step * number for number in range(self.beams))


@dataclass(frozen=True)
class NoiseConfig:
    """What is wrong with sensors and motors. Each episode draws its own share of every entry.

    Attributes:
        range_sigma_m: Gaussian error of a range; beams without return stay without.
        angle_sigma: Gaussian error of a beam's direction, rad.
        dropout: chance that a beam gives no return.
        pose_sigma_m: Gaussian error of the observed positions.
        heading_sigma: Gaussian error of the observed headings, rad.
        pose_delay_steps: how old the observed poses of others are.
        odometry_drift: relative error of odometry, per metre and per radian moved.
        action_delay_steps: how late commands take effect.
        action_scale: relative error of the motors' gains.
        randomise: an episode draws each entry uniformly between (1 - randomise) and 1 times the value above.
    """

    range_sigma_m: float = 0.0
    angle_sigma: float = 0.0
    dropout: float = 0.0
    pose_sigma_m: float = 0.0
    heading_sigma: float = 0.0
    pose_delay_steps: int = 0
    odometry_drift: float = 0.0
    action_delay_steps: int = 0
    action_scale: float = 0.0
    randomise: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _require(value >= 0 and math.isfinite(value), f"{name} is {value}, but noise is never negative.")
        _require(self.dropout < 1, "Beams that all drop out see nothing.", "Choose a dropout below 1.")
        _require(self.randomise <= 1 and self.action_scale < 1, "Shares lie between 0 and 1.")
        for name in ("pose_delay_steps", "action_delay_steps"):
            _require(getattr(self, name) <= MAX_DELAY, f"{name} is at most {MAX_DELAY}.")

    def scaled(self, factor: float) -> NoiseConfig:
        """The same noise, ``factor`` times as large (delays rounded, dropout and gains kept below 0.9)."""
        return replace(
            self,
            range_sigma_m=self.range_sigma_m * factor,
            angle_sigma=self.angle_sigma * factor,
            dropout=min(0.9, self.dropout * factor),
            pose_sigma_m=self.pose_sigma_m * factor,
            heading_sigma=self.heading_sigma * factor,
            pose_delay_steps=min(MAX_DELAY, round(self.pose_delay_steps * factor)),
            odometry_drift=self.odometry_drift * factor,
            action_delay_steps=min(MAX_DELAY, round(self.action_delay_steps * factor)),
            action_scale=min(0.9, self.action_scale * factor),
        )


@dataclass(frozen=True)
class WorldConfig:
    """Robots, their sensors, and time.

    Attributes:
        robots: how many at most (the arrays' length; fewer may be active).
        robot: what each is.
        lidar: what each sees with.
        noise: what is wrong.
        step_s: seconds a step.
    """

    robots: int = 2
    robot: RobotConfig = RobotConfig()
    lidar: LidarConfig = LidarConfig()
    noise: NoiseConfig = NoiseConfig()
    step_s: float = 0.1

    def __post_init__(self) -> None:
        _require(self.robots >= 1, "A world has at least one robot.")
        _require(self.step_s > 0, "A step takes a positive time.")


LAB = NoiseConfig(
    range_sigma_m=0.03, angle_sigma=0.005, dropout=0.01, pose_sigma_m=0.03, heading_sigma=0.02, pose_delay_steps=1,
    odometry_drift=0.02, action_delay_steps=1, action_scale=0.05, randomise=0.5,
)  # fmt: skip
ROUGH = NoiseConfig(
    range_sigma_m=0.1, angle_sigma=0.02, dropout=0.1, pose_sigma_m=0.15, heading_sigma=0.08, pose_delay_steps=4,
    odometry_drift=0.1, action_delay_steps=2, action_scale=0.2, randomise=0.5,
)  # fmt: skip
PRESETS: dict[str, NoiseConfig] = {"clean": NoiseConfig(), "lab": LAB, "rough": ROUGH}
"""Noise by name: none, a tidy laboratory, a worn robot in a bad place."""


def preset(name: str) -> NoiseConfig:
    """The noise of that name.

    Raises:
        UsageError: if there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no noise '{name}'.", fix=f"Choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]


@dataclass(frozen=True)
class PolicyConfig:
    """How the navigation policy is learnt from the geodesic planner.

    Attributes:
        maps: training maps.
        goals: goals a map, each with its own field.
        rounds: rounds of DAgger; the planner drives alone in the first.
        steps: world steps of every robot in a round.
        hidden: width of the two hidden layers.
        epochs: passes over all data after each round.
        batch: examples a step.
        learning_rate: of Adam, falling to zero along a cosine.
    """

    maps: int = 160
    goals: int = 3
    rounds: int = 4
    steps: int = 250
    hidden: int = 128
    epochs: int = 6
    batch: int = 1024
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class PredictorConfig:
    """How the motion predictors are learnt from one robot's log.

    Attributes:
        episodes: recorded drives.
        seconds: length of a drive.
        step_s: seconds that one application of a model spans.
        goals: whether robots that are recorded were given the same goal, goals of their own, or half and half.
        labels: goals that the models are conditioned on: where the robot was seen later (``hindsight``), the goal that
            the ego robot knows (its own; also the others' where goals were the same: ``driven``), or ``both``.
        sectors: of the scan that the networks see and foretell; one a beam where there are fewer beams.
        hidden: width of the two hidden layers.
        epochs: passes over the data.
        batch: examples a step.
        learning_rate: of Adam, falling to zero along a cosine.
        mates: models for team mates; a larger team uses the last for the rest.
    """

    episodes: int = 2000
    seconds: float = 25.0
    step_s: float = 1.0
    goals: Goals = "mix"
    labels: Literal["hindsight", "driven", "both"] = "both"
    sectors: int = 16
    hidden: int = 64
    epochs: int = 25
    batch: int = 1024
    learning_rate: float = 1e-3
    mates: int = 1


@dataclass(frozen=True)
class PlannerConfig:
    """The search for a meeting point.

    Attributes:
        goals: proposals an iteration.
        iterations: of the cross-entropy method.
        elites: best proposals that make the next belief.
        horizon: applications of the models a roll-out.
        belief: one Gaussian, a mixture of Gaussians, or particles.
        components: of the mixture.
        least_std_m: floor of the belief's deviations.
        commitment_m: a new goal must score so much better than the present one; 0 changes at any time.
        clearance_weight: what a predicted scan closer than ``clearance_m`` costs, metres of distance a metre.
        clearance_m: see above.
        final_weight: share of the last predicted distance in the score; the rest is the mean over the horizon.
        spread: scores count the largest pairwise distance, or the mean of all.
        model: how members are predicted: learnt models; others standing still (self learnt); constant velocity for
            others; straight lines to the goal for all.
        replan_s: seconds between plans.
        memory: share of the last belief that the new search starts from (the rest is the team's middle).
        choose: the goal is drawn from the belief, or is its best mean.
        patience_s: a robot that stands so long while the team comes no nearer gives its goal up; 0 never does.
        avoidance_m: what a proposal at a place given up costs, falling to a third 1.5 m from there.
    """

    goals: int = 64
    iterations: int = 5
    elites: int = 10
    horizon: int = 10
    belief: Literal["gaussian", "mixture", "particles"] = "gaussian"
    components: int = 4
    least_std_m: float = 0.15
    commitment_m: float = 0.3
    clearance_weight: float = 1.0
    clearance_m: float = 0.35
    final_weight: float = 0.7
    spread: Literal["largest", "mean"] = "largest"
    model: Literal["learnt", "others-static", "constant-velocity", "straight"] = "learnt"
    replan_s: float = 1.0
    memory: float = 0.5
    choose: Literal["sample", "mean"] = "sample"
    patience_s: float = 4.0
    avoidance_m: float = 2.0

    def __post_init__(self) -> None:
        _require(1 <= self.elites <= self.goals, "Elites are at least one and at most all proposals.")
        _require(min(self.iterations, self.horizon, self.components) >= 1, "A search has at least one of everything.")
        _require(self.components <= self.elites, "A mixture needs an elite for every component.")
        _require(self.replan_s > 0, "Plans are some time apart.")
        _require(min(self.patience_s, self.avoidance_m) >= 0, "Patience and avoidance are not negative.")


@dataclass(frozen=True)
class MaddpgConfig:
    """The learnt baseline: one actor and one critic for all robots, trained on the joint observation.

    Attributes:
        steps: world steps of all worlds together.
        worlds: worlds that run at once.
        hidden: width of the two hidden layers.
        batch: transitions an update.
        replay: transitions kept.
        discount: a step.
        target_rate: how fast the target networks follow.
        actor_rate: learning rate of the actor.
        critic_rate: learning rate of the critic.
        exploration: deviation of the noise on actions at the start, falling to a fifth.
        episode: decisions an episode.
    """

    steps: int = 1_000_000
    worlds: int = 64
    hidden: int = 128
    batch: int = 512
    replay: int = 100_000
    discount: float = 0.97
    target_rate: float = 0.01
    actor_rate: float = 3e-4
    critic_rate: float = 1e-3
    exploration: float = 0.4
    episode: int = 150


@dataclass(frozen=True)
class TrainConfig:
    """A team and how it learns.

    Attributes:
        world: robots, sensors, noise.
        policy: of the navigation policy.
        predictor: of the motion predictors.
        planner: that the team meets with.
        seed: same seed, same team on the same machine.
    """

    world: WorldConfig = field(default_factory=lambda: WorldConfig(noise=LAB))
    policy: PolicyConfig = PolicyConfig()
    predictor: PredictorConfig = PredictorConfig()
    planner: PlannerConfig = PlannerConfig()
    seed: int = 0


@dataclass(frozen=True)
class EvaluationConfig:
    """What an evaluation runs.

    Attributes:
        suite: maps, see `nonet.rendezvous.maps.suites`.
        episodes: a method.
        robots: in each episode.
        seconds: until the robots have failed to meet.
        noise: preset of the noise.
        noise_factor: how many times the preset's noise.
        mates: what the team mates of the first robot are.
        seed: of starts, maps and noise; the same for every method.
        workers: processes; 0 for one per core.
    """

    suite: str = "unseen"
    episodes: int = 200
    robots: int = 2
    seconds: float = 60.0
    noise: str = "lab"
    noise_factor: float = 1.0
    mates: Mates = "same"
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        _require(self.robots >= 2, "One robot has nobody to meet.", "Give at least two robots.")
        _require(self.episodes >= 1, "There is no episode to run.", "Give at least one.")
        _require(self.seconds > 0, "An episode takes some time.")
        preset(self.noise)
