"""Expectation-maximisation (EM) for users of hidden kinds (mixtures) and hidden states (hidden Markov models).

Both algorithms never lower the likelihood. Standard errors come from the curvature of the likelihood with the hidden
part summed out, at the end of the search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.flatten_util import ravel_pytree
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from nonet.foundation.errors import DataError
from nonet.recsim.blocks.states import FiniteMarkov, HiddenMarkov, Mixture

__all__ = ["Learned", "fit_hidden_markov", "fit_mixture", "hidden_markov_likelihood", "mixture_likelihood"]

User = TypeVar("User")
_LEAST = 1e-3
"""No standard deviation is smaller: a kind that shrinks to one point would have infinite likelihood."""


@dataclass(frozen=True)
class Learned(Generic[User]):
    """Users, learnt.

    Attributes:
        user: with the estimates.
        errors: standard errors of ``levels`` or ``means`` and of the noise, from the observed information.
        log_likelihoods: before each iteration, and at the end.
    """

    user: User
    errors: dict[str, Array]
    log_likelihoods: Float[Array, " values"]


def mixture_likelihood(user: Mixture, points: Float[Array, "users dim"]) -> Float[Array, ""]:
    """Log-likelihood of points under a mixture of normals."""
    return logsumexp(_kinds(user, points), axis=1).sum()


def fit_mixture(user: Mixture, points: Float[Array, "users dim"], *, iterations: int = 100) -> Learned[Mixture]:
    """EM for kinds of users (Dempster, Laird and Rubin 1977), one standard deviation for all.

    Args:
        user: where to start; its number of kinds stays.
        points: a state for each user.
        iterations: of EM.
    Raises:
        DataError: if a point is not finite, or points and means differ in length.
    """
    if points.ndim != 2 or points.shape[1] != user.means.shape[1]:
        raise DataError(f"Points have shape {points.shape}, kinds have {user.means.shape[1]} coordinates.")
    _refuse_nan(points, "points")

    def of(parts: tuple[Array, ...]) -> Mixture:
        return Mixture(user.size, *parts)

    def improve(parts: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], Array]:
        joint = _kinds(of(parts), points)
        share = jax.nn.softmax(joint, axis=1)
        mass = share.sum(0)
        means = share.T @ points / mass[:, None]
        away = (share * jnp.square(points[:, None] - means).sum(-1)).sum()
        scale = jnp.maximum(jnp.sqrt(away / points.size), _LEAST)
        return (means, mass / mass.sum(), scale), logsumexp(joint, axis=1).sum()

    start = tuple(jnp.asarray(part, float) for part in (user.means, user.weights, user.scale))
    parts, values = jax.lax.scan(improve, start, None, length=iterations)
    found = of(parts)

    def likelihood(free: dict[str, Array]) -> Array:
        moved = Mixture(found.size, free["means"], found.weights, jnp.exp(free["scale"]))
        return mixture_likelihood(moved, points)

    errors = _errors(likelihood, {"means": found.means, "scale": jnp.log(found.scale)})
    errors["scale"] = errors["scale"] * found.scale  # of the scale, not of its logarithm
    return Learned(found, errors, jnp.append(values, mixture_likelihood(found, points)))


def hidden_markov_likelihood(user: HiddenMarkov, seen: Float[Array, "steps users"]) -> Float[Array, ""]:
    """Log-likelihood of what users showed, by the forward recursion."""
    return _forward(user, seen)[1].sum()


def fit_hidden_markov(
    user: HiddenMarkov, seen: Float[Array, "steps users"], *, iterations: int = 100
) -> Learned[HiddenMarkov]:
    """EM for users with a hidden chain of states (Baum and Welch 1970; Rabiner 1989, §III).

    Args:
        user: where to start; its number of states stays.
        seen: what each user showed at each step.
        iterations: of EM.
    Raises:
        DataError: if there are fewer than two steps, or a value is not finite.
    """
    if seen.ndim != 2 or seen.shape[0] < 2:
        raise DataError(f"What was seen has shape {seen.shape}; transitions need two steps and an axis of users.")
    _refuse_nan(seen, "seen")

    def of(parts: tuple[Array, ...]) -> HiddenMarkov:
        initial, transition, levels, noise = parts
        return HiddenMarkov(FiniteMarkov(user.chain.size, initial, transition), levels, noise)

    def improve(parts: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], Array]:
        now = of(parts)
        ahead, total = _forward(now, seen)
        behind = _backward(now, seen)
        state = jax.nn.softmax(ahead + behind, axis=-1)
        log_transition = jnp.log(now.chain.transition)
        after = behind[1:] + _emission(now, seen[1:])
        pair = ahead[:-1, :, :, None] + log_transition + after[:, :, None, :]
        moves = jnp.exp(pair - logsumexp(pair, axis=(-2, -1), keepdims=True)).sum((0, 1))
        mass = state.sum((0, 1))
        levels = (state * seen[:, :, None]).sum((0, 1)) / mass
        spread = (state * jnp.square(seen[:, :, None] - levels)).sum() / seen.size
        noise = jnp.maximum(jnp.sqrt(spread), _LEAST)
        return (state[0].mean(0), moves / moves.sum(1, keepdims=True), levels, noise), total.sum()

    begin = (user.chain.initial, user.chain.transition, user.levels, user.noise)
    parts, values = jax.lax.scan(improve, tuple(jnp.asarray(part, float) for part in begin), None, iterations)
    found = of(parts)

    def likelihood(free: dict[str, Array]) -> Array:
        return hidden_markov_likelihood(HiddenMarkov(found.chain, free["levels"], jnp.exp(free["noise"])), seen)

    errors = _errors(likelihood, {"levels": found.levels, "noise": jnp.log(found.noise)})
    errors["noise"] = errors["noise"] * found.noise
    return Learned(found, errors, jnp.append(values, hidden_markov_likelihood(found, seen)))


def _kinds(user: Mixture, points: Array) -> Float[Array, "users kinds"]:
    """Log-probability of each point with each kind."""
    away = jnp.square((points[:, None] - user.means) / user.scale).sum(-1)
    constant = points.shape[1] * (jnp.log(user.scale) + 0.5 * jnp.log(2 * jnp.pi))
    return jnp.log(user.weights) - 0.5 * away - constant


def _emission(user: HiddenMarkov, seen: Array) -> Float[Array, "steps users states"]:
    away = (seen[..., None] - user.levels) / user.noise
    return -0.5 * jnp.square(away) - jnp.log(user.noise) - 0.5 * jnp.log(2 * jnp.pi)


def _forward(user: HiddenMarkov, seen: Array) -> tuple[Float[Array, "steps users states"], Float[Array, " users"]]:
    """Joint log-probability of the state and everything up to it, and the log-likelihood of each user."""
    shown, log_transition = _emission(user, seen), jnp.log(user.chain.transition)

    def step(before: Array, now: Array) -> tuple[Array, Array]:
        ahead = logsumexp(before[:, :, None] + log_transition, axis=1) + now
        return ahead, ahead

    first = jnp.log(user.chain.initial) + shown[0]
    last, later = jax.lax.scan(step, first, shown[1:])
    return jnp.concatenate([first[None], later]), logsumexp(last, axis=-1)


def _backward(user: HiddenMarkov, seen: Array) -> Float[Array, "steps users states"]:
    """Log-probability of everything behind a state, given it."""
    shown, log_transition = _emission(user, seen), jnp.log(user.chain.transition)

    def step(after: Array, now: Array) -> tuple[Array, Array]:
        behind = logsumexp(log_transition + (after + now)[:, None, :], axis=2)
        return behind, behind

    last = jnp.zeros_like(shown[0])
    _, earlier = jax.lax.scan(step, last, shown[1:], reverse=True)
    return jnp.concatenate([earlier, last[None]])


def _errors(likelihood: Any, free: dict[str, Array]) -> dict[str, Array]:
    flat, unravel = ravel_pytree(free)
    information = -jax.hessian(lambda x: likelihood(unravel(x)))(flat)
    variance = jnp.diag(jnp.linalg.pinv(information))
    return unravel(jnp.where(variance > 0, jnp.sqrt(jnp.abs(variance)), jnp.nan))


def _refuse_nan(values: Array, name: str) -> None:
    if eqx.is_array(values) and not isinstance(values, Tracer) and not bool(jnp.isfinite(values).all()):
        raise DataError("A value is not finite.", where=name, fix="Leave out users with missing values.")
