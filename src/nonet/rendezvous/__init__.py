"""Robots that agree where to meet without talking.

An implementation of the published idea of hierarchical predictive planning (Wang, Kew, Lee, Lee, Zhang, Ichter, Tan
and Faust, "Model-based Reinforcement Learning for Decentralized Multiagent Rendezvous", CoRL 2020). Each robot
predicts with learnt models how all would move towards proposed meeting points, judges the proposals by how near
that brings the team, and goes where it believes all will go. The article's body was not at hand: sizes, maps and
numbers are choices of ours.

The rooms: `world` and `lidar` (the simulator), `maps`, `control` (how a robot drives to a point), `predict`,
`belief` and `planner` (how it thinks), `agents` (minds), `episode` and `evaluate` (meetings and their judgement),
`interfaces` (PettingZoo, Gymnasium, JaxMARL), `bridge` (robots on ROS 2 topics).
"""

from nonet.rendezvous.config import (
    EvaluationConfig,
    LidarConfig,
    NoiseConfig,
    PlannerConfig,
    RobotConfig,
    TrainConfig,
    WorldConfig,
    preset,
)

__all__ = [
    "EvaluationConfig",
    "LidarConfig",
    "NoiseConfig",
    "PlannerConfig",
    "RobotConfig",
    "TrainConfig",
    "WorldConfig",
    "preset",
]
