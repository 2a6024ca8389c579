"""Users, content providers and a recommender between them: the ecosystem of Mladenov et al. 2021, §5.

Providers make documents near their own topic, and make more of them the more their documents are clicked. Users
like documents near their interest. A recommender that looks only at the next click feeds the providers that are already
large; one that takes care of small providers keeps them for the users who like them.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int, Key
from numpyro.distributions import constraints

from nonet.recsim import metrics
from nonet.recsim.blocks.affinities import negative_distance
from nonet.recsim.blocks.choice import MultinomialLogit, chosen
from nonet.recsim.blocks.distributions import Draws, NormalMixture
from nonet.recsim.blocks.recommenders import top
from nonet.recsim.language import Population, Variable, parameter, story, variables
from nonet.recsim.spaces import label, real

__all__ = ["Consumers", "Matchmaker", "Providers", "Publishing", "ecosystem", "scattered_topics"]

_SPLIT = 1e-4
"""Width of the score's interval where there is no boost: it keeps a density (in the official library too)."""


class Consumers(eqx.Module):
    """Users with a fixed interest, who take one document of every slate.

    Attributes:
        topics: the providers' topics, around which interests are.
        size: how many users.
        spread: users far from the centre are less dispersed: sd of a user of provider p is
            ``spread / (1 + |topic_p|)``.
        peak: affinity of a document that is exactly what the user wants.
        noise: standard deviation of the utility of a document.
    """

    topics: Float[Array, "providers topics"]
    size: int
    spread: Float[Array, ""] | float = parameter(constraints.positive, default=20.5)
    peak: float = 2.0
    noise: Float[Array, ""] | float = parameter(constraints.positive, default=1.0)

    def interest(self) -> dist.Distribution:
        """A user belongs to a provider's topic, sooner to a central one, and lies around it."""
        off_centre = 1 + jnp.linalg.norm(self.topics, axis=1)
        return NormalMixture(-jnp.log(off_centre), self.topics, self.spread / off_centre, self.size)

    def choose(self, interest: Array, features: Array, slate: Array) -> dist.Distribution:
        """Multinomial logit over the slate; something is always taken."""
        shown = features[slate]
        away = jnp.sqrt(sum(jnp.square(interest[:, None, t] - shown[:, :, t]) for t in range(interest.shape[1])))
        return MultinomialLogit()(self.peak - away)

    def enjoy(self, interest: Array, features: Array, slate: Array, choice: Array) -> dist.Distribution:
        """Utility of the document taken: affinity with noise."""
        taken = features[chosen(slate, choice)[0]]
        away = jnp.sqrt(sum(jnp.square(interest[:, t] - taken[:, t]) for t in range(interest.shape[1])))
        return dist.Normal(self.peak - away, self.noise)


class Publishing(eqx.Module):
    """The providers' side at one step.

    Attributes:
        satisfaction: discounted clicks.
        clicks: all clicks so far.
        alive: whether the provider still publishes.
    """

    satisfaction: Float[Array, " providers"]
    clicks: Float[Array, " providers"]
    alive: Bool[Array, " providers"]


class Providers(eqx.Module):
    """Content providers.

    Attributes:
        topics: what each one writes about.
        per_provider: documents a step for each provider, on average.
        growth: a provider's share of the documents goes with ``(1 + satisfaction) ** growth``.
        memory: factor of yesterday's satisfaction.
        dispersion: standard deviation of documents around the topic.
        viability: a provider whose satisfaction is below this after ``patience`` steps gives up; 0 for never.
        patience: steps before which nobody gives up.
    """

    topics: Float[Array, "providers topics"]
    per_provider: int = 5
    growth: Float[Array, ""] | float = parameter(constraints.positive, default=2.0)
    memory: Float[Array, ""] | float = parameter(constraints.unit_interval, default=0.96)
    dispersion: float = 1.0
    viability: Float[Array, ""] | float = 0.0
    patience: int = 20

    @property
    def size(self) -> int:
        """How many there are."""
        return self.topics.shape[0]

    def open(self) -> Publishing:
        """Nobody has been read yet."""
        nothing = jnp.zeros(self.size)
        return Publishing(nothing, nothing, jnp.ones(self.size, bool))

    def begin(self) -> Int[Array, ""]:
        """The clock."""
        return jnp.int32(0)

    def tick(self, clock: Array) -> Int[Array, ""]:
        """The next step."""
        return clock + 1

    def notice(self, before: Publishing, maker: Array, slate: Array, choice: Array, clock: Array) -> Publishing:
        """Clicks satisfy; satisfaction fades; who has too little of it gives up."""
        clicks = metrics.counts_of(maker[chosen(slate, choice)[0]], self.size)
        satisfaction = self.memory * before.satisfaction + clicks
        alive = before.alive & ((satisfaction >= self.viability) | (clock <= self.patience))
        return Publishing(satisfaction, before.clicks + clicks, alive)

    def write(self, state: Publishing) -> dist.Distribution:
        """Who makes each of the documents of this step."""
        share = self.growth * jnp.log1p(state.satisfaction)
        # where nobody is left the catalogue is shared again: an empty one would end the story
        listed = state.alive | ~state.alive.any()
        logits = jnp.where(listed, share, -jnp.inf)
        return Draws(logits, self.per_provider * self.size)

    def about(self, maker: Array) -> dist.Distribution:
        """What the documents are about."""
        return dist.Normal(self.topics[maker], self.dispersion)


class Matchmaker(eqx.Module):
    """Shows the documents that fit best, after lifting those of providers with few clicks.

    Attributes:
        slate_size: documents shown.
        boost: largest lift of a score; 0 makes the recommender myopic.
        peak: affinity of a perfect document.
    """

    slate_size: int = 3
    boost: Float[Array, ""] | float = 0.0
    peak: float = 2.0

    def score(self, interest: Array, features: Array, maker: Array, state: Publishing) -> dist.Distribution:
        """Somewhere between a document's affinity and its boosted affinity."""
        lift = jnp.clip(state.clicks.mean() - state.clicks, -self.boost, self.boost)[maker]
        plain = negative_distance(interest, features, self.peak)
        lifted = plain + (lift + _SPLIT)
        return dist.Uniform(jnp.minimum(plain, lifted), jnp.maximum(plain, lifted))

    def show(self, scores: Float[Array, "users documents"]) -> Int[Array, "users slate"]:
        """The best documents of each user."""
        return top(scores, self.slate_size)


def _measure(utility: Array, state: Publishing, features: Array, slate: Array) -> dict[str, Array]:
    """The ecosystem in a few numbers."""
    return {
        "welfare": metrics.welfare(utility),
        "gini": metrics.gini(state.clicks),
        "survival": metrics.survival(state.alive),
        "diversity": metrics.diversity(features[slate]) if slate.shape[1] > 1 else jnp.zeros(()),
    }


@story
def ecosystem(users: Consumers, providers: Providers, recommender: Any) -> list[Variable]:
    """Users choose among what a recommender shows of what providers make; providers live on the clicks."""
    crowd, makers = Population("users", users.size), Population("providers", providers.size)
    documents = providers.per_provider * providers.size
    interest, score, slate, choice, utility = variables("interest", "score", "slate", "choice", "utility", over=crowd)
    publishing = Variable("publishing", makers)
    maker, features, clock, measures = variables("maker", "features", "clock", "measures")
    maker.spec, features.spec = label(documents, of=providers.size), real(documents, providers.topics.shape[1])

    clock.starts(providers.begin)
    clock.becomes(providers.tick, clock.previous)
    interest.constant(users.interest)
    publishing.starts(providers.open)
    publishing.becomes(providers.notice, publishing.previous, maker.previous, slate.previous, choice.previous, clock)
    maker.always(providers.write, publishing)
    features.always(providers.about, maker)
    score.always(recommender.score, interest, features, maker, publishing)
    slate.always(recommender.show, score)
    choice.always(users.choose, interest, features, slate)
    utility.always(users.enjoy, interest, features, slate, choice)
    measures.always(_measure, utility, publishing, features, slate)
    return [clock, interest, publishing, maker, features, score, slate, choice, utility, measures]


def scattered_topics(
    key: Key[Array, ""], clusters: int = 40, fan_out: int = 2, topics: int = 2
) -> Float[Array, "providers topics"]:
    """Topics of ``clusters * fan_out`` providers: cluster centres N(0, 64 I), providers N(centre, 0.5 I)."""
    centres = jax.random.normal(jax.random.fold_in(key, 0), (clusters, topics)) * 8.0
    around = jax.random.normal(jax.random.fold_in(key, 1), (clusters, fan_out, topics)) * jnp.sqrt(0.5)
    return (centres[:, None] + around).reshape(clusters * fan_out, topics)
