"""Running a story in reverse: the posterior of what was not seen, given what was.

Latent values are random fields that the data lack, and parameters with a prior. They are moved on the whole line and
sampled by NUTS (Hoffman and Gelman, JMLR 2014) with window adaptation, several chains at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key
from numpyro.distributions import Distribution, biject_to, constraints

from nonet.foundation.errors import DataError, UsageError
from nonet.recsim.handlers import Sampler, first_slice
from nonet.recsim.language import Story
from nonet.recsim.probability import log_prob, sites
from nonet.recsim.runtime import Trajectory, named

__all__ = ["Posterior", "Target", "posterior", "sample", "target_of"]


@dataclass(frozen=True)
class Posterior:
    """Draws of the latent values.

    Attributes:
        draws: by name, shape (chains, draws, …).
        rhat: split R-hat of every element (Gelman et al. 2013); 1 when chains agree.
        ess: effective sample size of every element.
        divergences: how many trajectories of the sampler diverged.
        acceptance: mean acceptance probability.
    """

    draws: dict[str, np.ndarray]
    rhat: dict[str, np.ndarray]
    ess: dict[str, np.ndarray]
    divergences: int
    acceptance: float

    @property
    def worst_rhat(self) -> float:
        """The largest R-hat."""
        return max(float(np.max(value)) for value in self.rhat.values())

    @property
    def least_ess(self) -> float:
        """The smallest effective sample size."""
        return min(float(np.min(value)) for value in self.ess.values())

    @property
    def converged(self) -> bool:
        """Whether R-hat is below 1.05, the effective sample size above 100 and nothing diverged."""
        return self.worst_rhat < 1.05 and self.least_ess > 100 and not self.divergences


@dataclass(frozen=True)
class Target:
    """A log-density on the whole line.

    Attributes:
        log_density: of free values, a dict of arrays.
        constrain: from free values to the latent values.
        start: free values to begin at, given a key: latent fields as the story draws them at step 0.
    """

    log_density: Callable[[dict[str, Array]], Float[Array, ""]]
    constrain: Callable[[dict[str, Array]], dict[str, Array]]
    start: Callable[[Key[Array, ""]], dict[str, Array]]


def target_of(
    story: Story,
    observed: Trajectory | Mapping[str, Array],
    *,
    latents: Sequence[str] = (),
    priors: Mapping[str, Distribution] | None = None,
    weights: Mapping[str, Array] | None = None,
) -> Target:
    """The posterior's log-density up to a constant.

    Args:
        story: the story.
        observed: values of the random fields that were seen.
        latents: random fields that were not; continuous ones.
        priors: of parameters ("actor.field") that are uncertain too.
        weights: as in `probability.log_prob`.
    Raises:
        UsageError: if a latent field is unknown or discrete, or nothing is latent.
    """
    priors = dict(priors or {})
    if not latents and not priors:
        raise UsageError("Nothing is latent.", fix="Name latent fields, or give parameters a prior.")
    known = sites(story)
    data = dict(observed.fields if isinstance(observed, Trajectory) else observed)
    steps = next((len(value) for name, value in data.items() if name in known and not known[name].constant), 1)
    supports, shapes = {}, {}
    for name in latents:
        if name not in known:
            raise UsageError(f"'{name}' is no random field.", where=story.name, fix=f"There are {list(known)}.")
        if known[name].support.is_discrete:
            raise UsageError("It is discrete and cannot be moved along a gradient.", where=name, fix="Sum it out.")
        supports[name] = _for_elements(known[name].support)
        shapes[name] = known[name].shape if known[name].constant else (steps, *known[name].shape)
    supports |= {name: prior.support for name, prior in priors.items()}
    maps = {name: biject_to(support) for name, support in supports.items()}
    data = {name: value for name, value in data.items() if name in known and name not in latents}

    def constrain(free: dict[str, Array]) -> dict[str, Array]:
        return {name: maps[name](value) for name, value in free.items()}

    def log_density(free: dict[str, Array]) -> Array:
        values = constrain(free)
        settled = story.with_parameters({name: values[name] for name in priors})
        total = log_prob(settled, data | {name: values[name] for name in latents}, weights=weights)
        for name, prior in priors.items():
            total = total + jnp.asarray(prior.log_prob(values[name])).sum()
        for name, value in free.items():
            total = total + maps[name].log_abs_det_jacobian(value, values[name]).sum()
        return total

    def start(key: Key[Array, ""]) -> dict[str, Array]:
        keys = jax.random.split(key, len(priors) + 1)
        drawn = named(first_slice(story.network(), Sampler(keys[0], 0)))
        free = {name: maps[name].inv(jnp.broadcast_to(drawn[name], shapes[name])) for name in latents}
        given = zip(priors.items(), keys[1:], strict=True)
        return free | {name: maps[name].inv(prior.sample(own)) for (name, prior), own in given}

    return Target(log_density, constrain, start)


def posterior(target: Target, *, seed: int = 0, chains: int = 4, warmup: int = 500, draws: int = 1000) -> Posterior:
    """Samples a target.

    Args:
        target: made by `target_of`.
        seed: of the sampler.
        chains: how many, at least 2 so that they can be compared.
        warmup: steps of adaptation, not kept.
        draws: kept steps of each chain.
    Raises:
        UsageError: if there are too few chains or draws.
        DataError: if the data are impossible under the story.
    """
    if chains < 2 or draws < 4 or warmup < 20:
        raise UsageError("Diagnostics need at least 2 chains, 4 draws and 20 steps of warm-up.", where="--chains")
    keys = jax.random.split(jax.random.key(seed), (chains, 2))
    starts = jax.vmap(target.start)(keys[:, 0])
    if not bool(jnp.isfinite(jax.vmap(target.log_density)(starts)).all()):
        raise DataError("The data have no finite log-probability under the story.", where="posterior")

    @jax.jit
    def every(starts: dict[str, Array], keys: Key[Array, " chains"]) -> Any:
        return jax.vmap(lambda start, key: sample(target, start, key, warmup=warmup, draws=draws))(starts, keys)

    values, divergent, acceptance = every(starts, keys[:, 1])
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    found = {name: np.asarray(value) for name, value in values.items()}
    return Posterior(
        draws=found,
        rhat={name: np.asarray(split_gelman_rubin(value)) for name, value in found.items()},
        ess={name: np.asarray(effective_sample_size(value)) for name, value in found.items()},
        divergences=int(divergent.sum()),
        acceptance=float(acceptance.mean()),
    )


def sample(
    target: Target, start: dict[str, Array], key: Key[Array, ""], *, warmup: int, draws: int
) -> tuple[dict[str, Array], Bool[Array, " draws"], Float[Array, " draws"]]:
    """One chain, as a pure function.

    Args:
        target: made by `target_of`.
        start: free values to begin at.
        key: of the sampler.
        warmup: steps of adaptation, not kept.
        draws: kept steps.
    Returns:
        Draws of the latent values by name, which of them ended a divergent trajectory, and acceptance probabilities.
    """
    warm, rest = jax.random.split(key)
    adaptation: Any = blackjax.window_adaptation(blackjax.nuts, target.log_density)
    (state, settings), _ = adaptation.run(warm, start, num_steps=warmup)
    move: Any = blackjax.nuts(target.log_density, **settings).step

    def step(state: Any, key: Key[Array, ""]) -> Any:
        state, info = move(key, state)
        return state, (target.constrain(state.position), info.is_divergent, info.acceptance_rate)

    return jax.lax.scan(step, state, jax.random.split(rest, draws))[1]


def _for_elements(support: constraints.Constraint) -> constraints.Constraint:
    """Mixtures and ``to_event`` report supports of events; a bijection of elements serves both."""
    return constraints.real if support is constraints.real_vector else support
