"""The stories that come with nonet, cast and ready to run by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from nonet.foundation.errors import UsageError
from nonet.recsim import random
from nonet.recsim.blocks import bandits, cascades
from nonet.recsim.blocks.affinities import cosine
from nonet.recsim.blocks.corpora import catalogue
from nonet.recsim.blocks.recommenders import AtRandom, KnowledgeLimited, Popular
from nonet.recsim.config import RunConfig
from nonet.recsim.language import Story
from nonet.recsim.runtime import Record
from nonet.recsim.stories import bandit as bandit_story
from nonet.recsim.stories import cascade as cascade_story
from nonet.recsim.stories import ecosystem as ecosystem_story
from nonet.recsim.stories import interest as interest_story
from nonet.recsim.stories import market as market_story
from nonet.recsim.stories import satisfaction as satisfaction_story
from nonet.recsim.stories import shop as shop_story
from nonet.recsim.stories import tagging as tagging_story

__all__ = ["SAMPLED_USERS", "SHELF", "Exhibit", "cast", "find"]

SAMPLED_USERS = 32
"""How many users are kept one by one, for a closer look."""


@dataclass(frozen=True)
class Exhibit:
    """A story by name.

    Attributes:
        name: its name on the command line.
        summary: what it shows, one line.
        policies: the recommenders it can be cast with, the first by default.
        cast: makes the story.
        record: what is kept of a run: reductions of small size, and whatever is small by itself.
        headline: the series that is summed over a run to judge a policy.
        better: whether more of it is better.
        trainable: whether a trained recommender can be cast.
    """

    name: str
    summary: str
    policies: tuple[str, ...]
    cast: Callable[[RunConfig, str], Story]
    record: Record
    headline: str
    better: bool = True
    trainable: bool = False


def cast(config: RunConfig) -> tuple[Exhibit, Story]:
    """The story that a configuration names, with its policy.

    Raises:
        UsageError: if there is no such story or policy.
    """
    exhibit = find(config.story)
    policy = config.policy or exhibit.policies[0]
    if exhibit.trainable and (Path(policy) / "config.json").exists():
        return exhibit, _with_agent(config, Path(policy))
    if policy not in exhibit.policies:
        raise UsageError(
            f"'{policy}' is not a policy of {exhibit.name}.",
            where="--policy",
            fix=f"Choose one of {', '.join(exhibit.policies)}.",
        )
    return exhibit, exhibit.cast(config, policy)


def _with_agent(config: RunConfig, folder: Path) -> Story:
    """The interest-evolution story with a trained recommender, which knows the catalogue it was trained in."""
    from nonet.recsim.agents.training import load_agent, world_of  # agents are trained in stories of this shelf

    trained, agent = load_agent(folder)
    return world_of(trained, config.users).replace(recommender=agent)


def find(name: str) -> Exhibit:
    """A story by name.

    Raises:
        UsageError: if there is none.
    """
    for exhibit in SHELF:
        if exhibit.name == name:
            return exhibit
    raise UsageError(f"There is no story '{name}'.", fix=f"Choose one of {', '.join(e.name for e in SHELF)}.")


def _ecosystem(config: RunConfig, policy: str) -> Story:
    # the map of providers does not change with the number of users or of runs
    topics = ecosystem_story.scattered_topics(random.key(config.seed), clusters=config.providers // 2)
    recommenders: dict[str, Any] = {
        # boosts and viability are arrays: one compiled simulation serves them all
        "myopic": ecosystem_story.Matchmaker(config.slate, jnp.zeros(())),
        "provider-aware": ecosystem_story.Matchmaker(config.slate, jnp.asarray(config.boost, float)),
        "random": AtRandom(config.slate),
        "popular": Popular(config.slate),
        "knowledge-limited": KnowledgeLimited(config.slate),
    }
    return ecosystem_story.ecosystem(
        ecosystem_story.Consumers(topics, config.users),
        ecosystem_story.Providers(topics, viability=jnp.asarray(config.viability, float)),
        recommenders[policy],
    )


def _followed(slice_: dict[str, Any]) -> Array:
    """Utility of the first users."""
    return slice_["utility"][:SAMPLED_USERS]


def _followed_provider(slice_: dict[str, Any]) -> Array:
    """Whose documents the first users took."""
    slate, choice = slice_["slate"][:SAMPLED_USERS], slice_["choice"][:SAMPLED_USERS]
    return slice_["maker"][jnp.take_along_axis(slate, choice[:, None], 1)[:, 0]]


def _followed_interest(slice_: dict[str, Any]) -> Array:
    return slice_["interest"][:SAMPLED_USERS]


def _interest(config: RunConfig, policy: str) -> Story:
    documents = catalogue(random.key(config.seed))
    temperature = jnp.asarray({"myopic": 0.1, "random": 1e3}[policy])  # an array, as boosts are
    return interest_story.interest_evolution(
        interest_story.MovingUsers(config.users, documents),
        interest_story.Nearest(documents, min(config.slate, documents.size), temperature),
    )


def _satisfaction(config: RunConfig, policy: str) -> Story:
    topics = 3
    return satisfaction_story.satisfaction(
        satisfaction_story.IntentUsers(config.users, topics),
        satisfaction_story.RandomSlates(config.users, config.slate, topics),
    )


def _bandit(config: RunConfig, policy: str) -> Story:
    rates = jax.random.uniform(random.key(config.seed), (config.users, config.arms))
    algorithms: dict[str, Any] = {
        "thompson": bandits.Thompson(config.users, config.arms),
        "ucb": bandits.UCB(config.users, config.arms),
        "epsilon-greedy": bandits.EpsilonGreedy(config.users, config.arms),
        "linucb": bandits.LinUCB(jnp.eye(config.arms), config.users),
    }
    return bandit_story.bandit(bandit_story.Arms(rates), algorithms[policy])


def _cascade(config: RunConfig, policy: str) -> Story:
    rankers = {
        "kl-ucb": cascades.CascadeKLUCB,
        "ucb": cascades.CascadeUCB,
        "thompson": cascades.CascadeThompson,
        "random": cascades.RandomRanking,
    }
    readers = cascade_story.Readers(cascade_story.few_good(config.users, config.items, config.slate))
    return cascade_story.cascade(readers, rankers[policy](config.users, config.items, config.slate))


def _tagging(config: RunConfig, policy: str) -> Story:
    topics = jax.random.uniform(random.key(config.seed), (10, 12))
    users = tagging_story.Taggers(topics, config.users, tags=8, most=min(20, config.items))
    return tagging_story.tagging(users, tagging_story.SoftCatalogue(topics, config.items))


_OF_TAGGERS: dict[str, Callable[[dict[str, Any]], Array]] = {
    "measures.rating": lambda slice_: slice_["rating"].sum() / (slice_["rating"] > 0).sum(),
    "measures.ratings": lambda slice_: (slice_["rating"] > 0).sum(1).mean(),
    "measures.tags": lambda slice_: slice_["words"].sum((1, 2)).mean(),
    "measures.taggers": lambda slice_: slice_["words"].any((1, 2)).mean(),
}
"""Mean rating, and of a user: ratings, tags, whether there is any."""


def _market(config: RunConfig, policy: str) -> Story:
    camps = jnp.array([[1.5, 0.0], [-1.0, 1.0], [0.0, -1.5]])
    kind = market_story.Followers if policy.startswith("followers") else market_story.Steady
    platform = market_story.Platform(config.providers, min(config.slate, config.providers))
    if policy.endswith("lifted"):
        platform = market_story.Platform(config.providers, platform.slate_size, config.boost)
    return market_story.market(market_story.Readers(camps, config.users), kind(config.providers), platform)


def _shop(config: RunConfig, policy: str) -> Story:
    items = jax.random.normal(random.key(config.seed), (config.items, 4)) / 2.0
    size = config.slate
    near = cosine(items, items)
    recommenders: dict[str, Any] = {
        "informed": shop_story.Informed(size),
        "knowledge-limited": shop_story.Informed(size, noise=2.0),
        "varied": shop_story.Varied(size, similarity=near),
        "random": shop_story.Uniformly(size),
        "popular": shop_story.PopularSoFar(size),
        "collaborative": shop_story.Collaborative(size),
        "epsilon-greedy": shop_story.Epsilon(size),
        "ucb": shop_story.UpperBounds(size),
        "thompson": shop_story.Sampling(size),
    }
    return shop_story.shop(shop_story.Shoppers(items, config.users), recommenders[policy])


SHELF = (
    Exhibit(
        "ecosystem",
        "users, content providers who live on clicks, and a recommender between them",
        ("myopic", "provider-aware", "random", "popular", "knowledge-limited"),
        _ecosystem,
        Record(
            ("measures", "publishing"),
            reduce={
                "followed.utility": _followed,
                "followed.provider": _followed_provider,
                "followed.interest": _followed_interest,
            },
        ),
        "measures.welfare",
    ),
    Exhibit(
        "interest-evolution",
        "interests move with what is consumed; sweet documents are clicked and harm",
        ("myopic", "random"),
        _interest,
        Record((), reduce={"measures.time": lambda slice_: slice_["time"].mean()}),
        "measures.time",
        trainable=True,
    ),
    Exhibit(
        "satisfaction",
        "a hidden intent and a satisfaction that remembers: the story to fit and to infer in",
        ("random-slates",),
        _satisfaction,
        Record((), reduce={"measures.satisfaction": lambda slice_: slice_["satisfaction"].mean()}),
        "measures.satisfaction",
    ),
    Exhibit(
        "shop",
        "a fixed catalogue, hidden tastes, and the textbooks' recommenders with what each knows",
        (
            "informed",
            "knowledge-limited",
            "varied",
            "random",
            "popular",
            "collaborative",
            "epsilon-greedy",
            "ucb",
            "thompson",
        ),
        _shop,
        Record(("measures",)),
        "measures.taken",
    ),
    Exhibit(
        "market",
        "creators who follow their readers, and a platform that lifts those without any",
        ("followers", "followers-lifted", "steady", "steady-lifted"),
        _market,
        Record(("measures",)),
        "measures.welfare",
    ),
    Exhibit(
        "bandit",
        "arms with unknown click rates and an algorithm that learns them",
        ("thompson", "ucb", "epsilon-greedy", "linucb"),
        _bandit,
        Record((), reduce={"measures.regret": lambda slice_: slice_["regret"].mean()}),
        "measures.regret",
        better=False,
    ),
    Exhibit(
        "cascade",
        "readers stop at the first item that attracts them, and a ranker learns from where they stop",
        ("kl-ucb", "ucb", "thompson", "random"),
        _cascade,
        Record((), reduce={"measures.regret": lambda slice_: slice_["regret"].mean()}),
        "measures.regret",
        better=False,
    ),
    Exhibit(
        "soft-attributes",
        "users who rate and tag, each in his own sense of the words: data for concept activation vectors",
        ("whole-catalogue",),
        _tagging,
        Record((), reduce=_OF_TAGGERS),
        "measures.rating",
    ),
)
