"""A simulator against a critic: parameters under which simulated sessions cannot be told from logged ones.

The critic is a small network that tells logged sessions from simulated ones; the simulator's parameters move so that it
errs (Goodfellow et al. 2014, non-saturating). The gradient runs through draws that can be reparameterised, and
through the score of those that cannot, such as choices, each user's for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.core import Tracer
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, biject_to

from nonet.foundation.errors import DataError, UsageError
from nonet.recsim.handlers import Sampler, Slice, first_slice, next_slice
from nonet.recsim.language import Story
from nonet.recsim.runtime import named

__all__ = ["Duel", "fit_adversarially"]

Sessions = Float[Array, "users features"]
Describe = Callable[[dict[str, Array]], Sessions]


@dataclass(frozen=True)
class Duel:
    """What came of it.

    Attributes:
        story: with the fitted parameters: their mean over the last quarter of the steps.
        estimates: the parameters.
        path: the parameters at every step.
        accuracy: the critic's share of right answers at every step; one half when it is at a loss.
    """

    story: Story
    estimates: dict[str, Array]
    path: dict[str, Array]
    accuracy: Float[Array, " steps"]


class _Player(eqx.Module):
    critic: eqx.nn.MLP
    free: dict[str, Array]


def fit_adversarially(
    story: Story,
    logged: Mapping[str, Array],
    describe: Describe,
    names: list[str] | None = None,
    *,
    length: int,
    updates: int = 400,
    learning_rate: float = 0.02,
    width: int = 16,
    seed: int = 0,
) -> Duel:
    """Fits a story to logged sessions without a likelihood.

    Args:
        story: where it stands now is the start. Its users should not meet each other: each one's draws are credited
            with his own session.
        logged: fields by full name, of shape (steps, users, …), as `describe` wants them.
        describe: turns fields of (steps, users, …) into a row of numbers for every user; what it does not show cannot
            be fitted. It should be differentiable in real fields.
        names: the parameters to fit; None takes all.
        length: steps of a session.
        updates: of simulator and critic, in turn.
        learning_rate: of both.
        width: of the critic.
        seed: of the critic and the chances.
    Raises:
        UsageError: if there is nothing to fit.
        DataError: if the descriptions are not finite.
    """
    declared = story.parameters()
    chosen = list(declared if names is None else names)
    if not chosen:
        raise UsageError("The story declares no parameters.", where=story.name, fix="Declare fields with `parameter`.")
    sets = story.constraints()
    story.with_parameters({name: declared.get(name) for name in chosen})  # refuses unknown names
    real = describe({name: jnp.asarray(value) for name, value in logged.items()})
    if not isinstance(real, Tracer) and not bool(jnp.isfinite(real).all()):
        raise DataError("A description of a logged session is not finite.", where="describe")
    centre, spread = real.mean(0), real.std(0) + 1e-6
    begin, rest = jax.random.split(jax.random.key(seed))
    free = {name: biject_to(sets[name]).inv(jnp.asarray(declared[name], float)) for name in chosen}
    player = _Player(eqx.nn.MLP(real.shape[1], "scalar", width, 2, key=begin), free)

    def values(free: dict[str, Array]) -> dict[str, Array]:
        return {name: biject_to(sets[name])(value) for name, value in free.items()}

    def simulated(free: dict[str, Array], key: Key[Array, ""]) -> tuple[Sessions, Array]:
        fields, scores = _sessions(story.with_parameters(values(free)), length, key, real.shape[0])
        return (describe(fields) - centre) / spread, scores

    path, accuracy = _fight(player, (real - centre) / spread, simulated, rest, updates, learning_rate)
    path = jax.vmap(values)(path)
    estimates = {name: value[-max(1, updates // 4) :].mean(0) for name, value in path.items()}
    return Duel(story.with_parameters(estimates), estimates, path, accuracy)


def _fight(
    player: _Player, real: Sessions, simulated: Any, key: Key[Array, ""], updates: int, learning_rate: float
) -> tuple[dict[str, Array], Array]:
    # little momentum: what the critic wanted some steps ago is no guide
    optimiser = optax.adam(optax.exponential_decay(learning_rate, updates, 0.1), b1=0.5)
    arrays, frame = eqx.partition(player.critic, eqx.is_array)

    def judged(arrays: Any, sessions: Sessions) -> Float[Array, " users"]:
        return jax.vmap(eqx.combine(arrays, frame))(sessions)

    def critic_loss(arrays: Any, fake: Sessions) -> tuple[Array, Array]:
        on_real, on_fake = judged(arrays, real), judged(arrays, fake)
        right = 0.5 * ((on_real > 0).mean() + (on_fake < 0).mean())
        return jax.nn.softplus(-on_real).mean() + jax.nn.softplus(on_fake).mean(), right

    def simulator_loss(free: dict[str, Array], arrays: Any, key: Key[Array, ""]) -> Array:
        fake, scores = simulated(free, key)
        doubt = jax.nn.softplus(-judged(arrays, fake))
        credit = jax.lax.stop_gradient(doubt - doubt.mean())
        return (doubt + credit * scores).mean()

    def step(carried: tuple[Any, ...], key: Key[Array, ""]) -> tuple[tuple[Any, ...], Any]:
        arrays, free, critic_state, state = carried
        first, second = jax.random.split(key)
        fake = jax.lax.stop_gradient(simulated(free, first)[0])
        slope, right = jax.grad(critic_loss, has_aux=True)(arrays, fake)
        changes, critic_state = optimiser.update(slope, critic_state)
        arrays = optax.apply_updates(arrays, changes)
        changes, state = optimiser.update(jax.grad(simulator_loss)(free, arrays, second), state)
        free = optax.apply_updates(free, changes)
        return (arrays, free, critic_state, state), (free, right)

    start = (arrays, player.free, optimiser.init(arrays), optimiser.init(player.free))
    _, (path, accuracy) = jax.jit(lambda start, keys: jax.lax.scan(step, start, keys))(
        start, jax.random.split(key, updates)
    )
    return path, accuracy


class _Mixed:
    """Draws with a gradient where there is one, and the score of the other draws, a row for each user."""

    def __init__(self, key: Key[Array, ""], step: Array | int, users: int) -> None:
        self.draw, self.users, self.scores = Sampler(key, step), users, jnp.zeros(users)

    def __call__(self, site: str, distribution: Distribution) -> Array:
        value = self.draw(site, distribution)
        if distribution.has_rsample:
            return value
        score = jnp.asarray(distribution.log_prob(jax.lax.stop_gradient(value)))
        rows = score.ndim and score.shape[0] == self.users
        self.scores = self.scores + (score.reshape(self.users, -1).sum(1) if rows else score.sum())
        return value


def _sessions(story: Story, length: int, key: Key[Array, ""], users: int) -> tuple[dict[str, Array], Array]:
    """Every field of every step, and the summed scores of the draws that have no gradient."""
    network = story.network()
    handler = _Mixed(key, 0, users)
    first = first_slice(network, handler)
    fixed = {name: first[name] for name in network.constants}

    def step(before: Slice, number: Array) -> tuple[Slice, tuple[dict[str, Array], Array]]:
        handler = _Mixed(key, number, users)
        now = next_slice(network, before | fixed, handler)
        return {name: now[name] for name in network.remembered}, (named(now), handler.scores)

    remembered = {name: first[name] for name in network.remembered}
    _, (later, scores) = jax.lax.scan(step, remembered, jnp.arange(1, length))
    begun = named(first)
    fields = {name: jnp.concatenate([begun[name][None], values]) for name, values in later.items()}
    return fields, handler.scores + scores.sum(0)
