"""Is inference right, and does the story fit? Simulation-based calibration, and posterior predictive checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key
from numpyro.distributions import Distribution

from nonet.foundation.errors import UsageError
from nonet.recsim import random
from nonet.recsim.handlers import Sampler, Scorer, Slice, first_slice, next_slice
from nonet.recsim.infer import Posterior, sample, target_of
from nonet.recsim.language import Story
from nonet.recsim.probability import sites
from nonet.recsim.runtime import named

__all__ = ["Calibration", "Check", "calibrate", "calibration_ranks", "predictive_check", "replicate"]


def calibration_ranks(prior_draws: np.ndarray, posterior_draws: np.ndarray) -> np.ndarray:
    """Simulation-based calibration: the rank of each true value among its posterior draws (Talts et al. 2018).

    If inference is right the ranks are uniform on 0 … draws.

    Args:
        prior_draws: values that data were simulated from, of shape (repeats,).
        posterior_draws: thinned draws given those data, of shape (repeats, draws).
    """
    return (posterior_draws < np.asarray(prior_draws)[:, None]).sum(1)


@dataclass(frozen=True)
class Calibration:
    """Ranks of true values among posterior draws.

    Attributes:
        ranks: by latent field, for every repeat and element: from 0 to ``draws``.
        draws: posterior draws that a value was ranked among.
    """

    ranks: dict[str, Int[np.ndarray, " ranks"]]
    draws: int

    def histogram(self, name: str, bins: int = 10) -> np.ndarray:
        """How many ranks are in each of ``bins`` equal parts."""
        return np.histogram(self.ranks[name], bins, (0, self.draws + 1))[0]

    def pvalue(self, name: str, bins: int = 10) -> float:
        """Probability of a histogram as uneven as this one if inference is right (chi-squared)."""
        from scipy.stats import chisquare

        return float(chisquare(self.histogram(name, bins)).pvalue)


def calibrate(
    story: Story,
    observed: Sequence[str],
    latents: Sequence[str],
    *,
    steps: int = 1,
    repeats: int = 50,
    warmup: int = 200,
    draws: int = 200,
    thin: int = 10,
    seed: int = 0,
) -> Calibration:
    """Simulates latent values and data, infers the values back, and ranks the true ones (Talts et al. 2018).

    Args:
        story: the story.
        observed: random fields that inference sees.
        latents: random fields that it does not.
        steps: of each simulation.
        repeats: simulations, all sampled at once.
        warmup: as of `infer.posterior`; each simulation gets one chain.
        draws: as of `infer.posterior`.
        thin: every so many draws are ranked among, so that they are nearly independent.
        seed: of everything.
    """
    keys = jax.random.split(random.key(seed), (repeats, 3))

    @jax.jit
    def all_of(keys: Key[Array, "repeats 3"]) -> tuple[dict[str, Array], dict[str, Array]]:
        def once(keys: Key[Array, " 3"]) -> tuple[dict[str, Array], dict[str, Array]]:
            fields = replicate(story, {}, steps, keys[0])
            target = target_of(story, {name: fields[name] for name in observed}, latents=latents)
            found, _, _ = sample(target, target.start(keys[1]), keys[2], warmup=warmup, draws=draws)
            return {name: fields[name] for name in latents}, {name: found[name][::thin] for name in latents}

        return jax.vmap(once)(keys)

    truth, found = all_of(keys)
    ranks = {name: _ranks(np.asarray(truth[name]), np.asarray(found[name])) for name in latents}
    return Calibration(ranks, next(iter(found.values())).shape[1])


def _ranks(truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Every element of every repeat on its own."""
    repeats, count = draws.shape[:2]
    apart = np.moveaxis(draws.reshape(repeats, count, -1), 1, 2).reshape(-1, count)
    return calibration_ranks(truth.reshape(-1), apart)


@dataclass(frozen=True)
class Check:
    """One number of the data against the same number of data simulated from the posterior.

    Attributes:
        name: of the number.
        observed: in the data.
        replicated: in each replicate.
    """

    name: str
    observed: float
    replicated: np.ndarray

    @property
    def pvalue(self) -> float:
        """Share of replicates that are at least as large (half of those that are equal); near 0 or 1 is a misfit."""
        above = (self.replicated > self.observed).mean()
        return float(above + 0.5 * (self.replicated == self.observed).mean())

    @property
    def fits(self) -> bool:
        """Whether the data are within the middle 95 % of replicates."""
        return 0.025 <= self.pvalue <= 0.975


def predictive_check(
    story: Story,
    posterior: Posterior,
    observed: Mapping[str, Array],
    statistics: Mapping[str, Callable[[Mapping[str, Array]], Array]],
    *,
    steps: int = 1,
    replicates: int = 200,
    seed: int = 0,
) -> list[Check]:
    """Simulates data from posterior draws and compares numbers of them (Gelman et al. 2013, §6.3).

    Args:
        story: the story.
        posterior: of latent fields of the story.
        observed: the data: fields by name.
        statistics: by name, from fields to a number.
        steps: of a simulation.
        replicates: how many draws are simulated from.
        seed: of the simulations.
    Raises:
        UsageError: if the posterior is of parameters rather than of fields.
    """
    known = sites(story)
    for name in posterior.draws:
        if name not in known:
            raise UsageError("It is no random field of the story.", where=name, fix=f"There are {list(known)}.")
    pooled = {name: value.reshape(-1, *value.shape[2:]) for name, value in posterior.draws.items()}
    count = len(next(iter(pooled.values())))
    pick = np.linspace(0, count - 1, min(replicates, count)).astype(int)
    given = {name: jnp.asarray(value[pick]) for name, value in pooled.items()}

    @jax.jit
    def numbers(given: dict[str, Array], keys: Key[Array, " replicates"]) -> dict[str, Array]:
        def once(given: dict[str, Array], key: Key[Array, ""]) -> dict[str, Array]:
            fields = replicate(story, given, steps, key)
            return {name: statistic(fields) for name, statistic in statistics.items()}

        return jax.vmap(once)(given, keys)

    simulated = numbers(given, jax.random.split(random.key(seed), len(pick)))
    data = {name: jnp.asarray(value) for name, value in observed.items()}
    return [
        Check(name, float(statistic(data)), np.asarray(simulated[name], float))
        for name, statistic in statistics.items()
    ]


def replicate(story: Story, given: Mapping[str, Array], steps: int, key: Key[Array, ""]) -> dict[str, Array]:
    """Simulates a story with some random fields given.

    Args:
        story: the story.
        given: values by full name; the first axis is the step, but for constants.
        steps: how many.
        key: of the run.
    Returns:
        All fields by full name, laid out alike.
    """
    network = story.network()
    moving = {name: value for name, value in given.items() if name.split(".")[0] not in network.constants}
    fixed = {name: value for name, value in given.items() if name not in moving}

    def handler(step: Array | int) -> Callable[[str, Distribution], Array]:
        return Scorer({**fixed, **{name: value[step] for name, value in moving.items()}}, {}, Sampler(key, step))

    first = first_slice(network, handler(0))
    held = {name: first[name] for name in network.constants}

    def step(before: Slice, number: Array) -> tuple[Slice, dict[str, Array]]:
        now = next_slice(network, before | held, handler(number))
        return {name: now[name] for name in network.remembered}, named(_changing(now, held))

    remembered = {name: first[name] for name in network.remembered}
    _, later = jax.lax.scan(step, remembered, jnp.arange(1, steps))
    begun = named(_changing(first, held))
    return named(held) | {name: jnp.concatenate([begun[name][None], later[name]]) for name in begun}


def _changing(now: Slice, held: Slice) -> Slice:
    return {name: value for name, value in now.items() if name not in held}
