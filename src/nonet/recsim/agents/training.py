"""Training a recommender in the interest-evolution story, judging it on chances it has not met, and keeping it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from nonet.foundation import artifact, console
from nonet.foundation.errors import ArtifactError, UsageError
from nonet.foundation.reading import made_sense_of
from nonet.foundation.report import Estimate
from nonet.recsim import random
from nonet.recsim.agents.bandit import ArmsOnly, learn_by_bandit
from nonet.recsim.agents.reinforce import Proposer, learn_by_reinforce
from nonet.recsim.agents.slateq import SlateQ, learn_by_dqn
from nonet.recsim.blocks.corpora import catalogue
from nonet.recsim.evaluate import mean_with_interval
from nonet.recsim.language import Story
from nonet.recsim.runtime import Record
from nonet.recsim.simulation import simulate
from nonet.recsim.stories.interest import MovingUsers, Nearest, interest_evolution

__all__ = ["AGENTS", "KIND", "TrainConfig", "Trained", "load_agent", "save_agent", "train_agent", "world_of"]

KIND = "recsim-agent"
AGENTS = ("reinforce", "dqn", "bandit")


@dataclass(frozen=True)
class TrainConfig:
    """How a recommender is trained."""

    agent: Literal["reinforce", "dqn", "bandit"] = "reinforce"
    """How it learns."""
    users: int = 256
    """Users of the world, each with an episode of its own at every update."""
    horizon: int = 60
    """Steps of an episode."""
    updates: int = 60
    """Episodes."""
    documents: int = 100
    """Size of the catalogue."""
    slate: int = 2
    """Documents shown."""
    test_runs: int = 8
    """Runs of the judgement, under chances that training did not meet."""
    seed: int = 0
    """Of the catalogue, the start and the chances."""

    def __post_init__(self) -> None:
        if self.agent not in AGENTS:
            raise UsageError(
                f"There is no agent '{self.agent}'.", where="--agent", fix=f"Choose one of {', '.join(AGENTS)}."
            )
        for name in ("users", "updates", "documents", "slate", "test_runs"):
            if getattr(self, name) < 1:
                raise UsageError(f"It is {getattr(self, name)}.", where=f"--{name}", fix="Choose 1 or more.")
        if self.horizon < 2:
            raise UsageError("Learning needs two steps.", where="--horizon", fix="Choose 2 or more.")


@dataclass(frozen=True)
class Trained:
    """A trained recommender and its judgement.

    Attributes:
        config: how it was trained.
        agent: the recommender; cast it in the role ``recommender``.
        rewards: what a user was rewarded in each training episode, while the agent explored.
        totals: time a user spends over the horizon under the agent, the myopic and the random recommender.
        gain: of the agent over the myopic one, run by run under the same chances.
    """

    config: TrainConfig
    agent: Any
    rewards: np.ndarray
    totals: dict[str, Estimate]
    gain: Estimate


def train_agent(config: TrainConfig) -> Trained:
    """Trains and judges.

    Args:
        config: how.
    """
    world = world_of(config)
    agent, rewards = _fresh(config), []
    for better, reward in console.track(_learning(config, world, agent), config.agent, total=config.updates):
        agent = better
        rewards.append(reward)
    shelf = world.actors["users"].catalogue
    cast = {
        config.agent: agent,
        # temperatures are arrays: one compiled simulation serves both
        "myopic": Nearest(shelf, config.slate, jnp.asarray(0.1)),
        "random": Nearest(shelf, config.slate, jnp.asarray(1e3)),
    }
    # seeds of training are folded in from 0 on: this one is none of them
    record = Record((), reduce={"time": _mean_time})
    runs = {
        name: np.asarray(
            simulate(
                world.replace(recommender=recommender),
                config.horizon,
                seed=config.seed + 10_007,
                runs=config.test_runs,
                record=record,
                label=f"judging {name}",
            )["time"]
        ).sum(1)
        for name, recommender in cast.items()
    }
    totals = {name: mean_with_interval(values) for name, values in runs.items()}
    gain = mean_with_interval(runs[config.agent] - runs["myopic"])
    return Trained(config, agent, np.asarray(rewards), totals, gain)


def save_agent(folder: Path, trained: Trained, *, made: date | None = None) -> None:
    """Writes an artifact of the kind ``recsim-agent``."""
    leaves = jax.tree.leaves(eqx.filter(trained.agent, eqx.is_array))
    config = trained.config
    card = artifact.Card(
        title=f"A recommender for the interest-evolution story ({config.agent})",
        description="Cast it with `nonet.recsim.agents.training.load_agent`. It knows one catalogue only.",
        data=f"{config.updates} episodes of {config.users} simulated users.",
        figures={f"time spent, {name}": str(total) for name, total in trained.totals.items()},
        command=f"nonet recsim train interest-evolution --agent {config.agent} --updates {config.updates}",
        date=made,
    )
    tensors = {f"leaf.{number:03d}": np.asarray(leaf) for number, leaf in enumerate(leaves)}
    artifact.save(folder, kind=KIND, config=asdict(config), tensors=tensors, card=card)


def load_agent(folder: Path) -> tuple[TrainConfig, Any]:
    """Reads a trained recommender.

    Returns:
        How it was trained, and the recommender.
    Raises:
        ArtifactError: if the folder holds none.
    """
    found = artifact.load(folder, kind=KIND, library="numpy")
    config = found.configured(TrainConfig)
    leaves = [found.tensors[name] for name in sorted(found.tensors)]
    with made_sense_of(folder, ArtifactError, what="Its configuration is of no recommender", fix="Train it again."):
        wanted = jax.tree.leaves(eqx.filter(eqx.filter_eval_shape(_fresh, config), _has_shape))  # takes no memory
    if [(leaf.shape, leaf.dtype) for leaf in leaves] != [(leaf.shape, leaf.dtype) for leaf in wanted]:
        raise ArtifactError("Its weights do not fit its configuration.", where=folder, fix="Train it again.")
    arrays, rest = eqx.partition(_fresh(config), eqx.is_array)
    arrays = jax.tree.unflatten(jax.tree.structure(arrays), [jnp.asarray(leaf) for leaf in leaves])
    return config, eqx.combine(arrays, rest)


def world_of(config: TrainConfig, users: int | None = None) -> Story:
    """The world that a recommender is trained in, with the myopic recommender.

    Args:
        config: how it is trained.
        users: other than in training.
    """
    shelf = catalogue(random.key(config.seed), config.documents)
    return interest_evolution(MovingUsers(users or config.users, shelf), Nearest(shelf, config.slate))


def _has_shape(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)


def _fresh(config: TrainConfig) -> Any:
    key = jax.random.fold_in(random.key(config.seed), 1)
    if config.agent == "reinforce":
        return Proposer.fresh(key, config.documents, slate_size=config.slate)
    if config.agent == "dqn":
        return SlateQ.fresh(key, config.documents, slate_size=config.slate)
    return ArmsOnly.fresh(config.documents, slate_size=config.slate)


def _learning(config: TrainConfig, world: Story, agent: Any) -> Iterator[tuple[Any, float]]:
    steps, updates, seed = config.horizon, config.updates, config.seed
    if config.agent == "reinforce":
        return learn_by_reinforce(world, agent, steps=steps, updates=updates, seed=seed)
    if config.agent == "dqn":
        return learn_by_dqn(world, agent, steps=steps, updates=updates, seed=seed)
    return learn_by_bandit(world, agent, steps=steps, updates=updates, seed=seed)


def _mean_time(now: dict[str, Any]) -> Any:
    return now["time"].mean()
