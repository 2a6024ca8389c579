"""Simulations as people run them: checked before, shown while they run, resumable, and named when they go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Key

from nonet.foundation import console
from nonet.foundation.errors import DataError, ResourceError, UsageError
from nonet.recsim import random, saved
from nonet.recsim.handlers import Sampler, Slice, first_slice, next_slice, settle
from nonet.recsim.language import Story
from nonet.recsim.network import Network
from nonet.recsim.runtime import AXIS, Record, State, Trajectory, advance, check_story, named, start

__all__ = ["devices_mesh", "profile", "simulate"]

_CHUNKS = 20


def simulate(
    story: Story,
    steps: int,
    *,
    seed: int = 0,
    runs: int | None = None,
    record: Record | None = None,
    devices: int = 1,
    checkpoint: Path | None = None,
    label: str | None = None,
) -> Trajectory:
    """Runs a story.

    Args:
        story: what to run.
        steps: how many steps to make, the initial one included; the trajectory has them all, or every so many of them.
        seed: the same seed gives the same trajectory, bit for bit, on any number of devices, of processes and of
            interruptions.
        runs: how many independent runs to make at once; the results have them as first axis. Run 0 is the run that
            ``runs=None`` makes.
        record: what to keep.
        devices: over how many devices populations are spread.
        checkpoint: a folder for what is finished; the same call goes on from there.
        label: shown beside the progress bar.
    Raises:
        UsageError: if the story is not well-formed, or there are no steps.
        DataError: if a NaN comes up; the message names the variable and the step.
        ResourceError: if there are not so many devices.
    """
    record = record or Record()
    if steps < 1:
        raise UsageError(f"A simulation needs a step; {steps} were asked for.", where="steps", fix="Ask for 1 or more.")
    if runs is not None and runs < 1:
        raise UsageError(f"{runs} runs were asked for.", where="runs", fix="Ask for 1 or more.")
    network = check_story(story)
    mesh = devices_mesh(devices) if devices > 1 else None
    keys = jax.vmap(lambda run: jax.random.fold_in(random.key(seed), run))(jnp.arange(runs or 1))
    begin, go = _compiled(record, mesh)

    store = saved.open_store(checkpoint, story, steps=steps, seed=seed, runs=runs, every=record.every)
    sizes = _chunks(steps, record.every)
    with console.progress(label or story.name, total=steps) as bar:
        state, first = begin(story, keys)
        _refuse_nan(story, network, keys, None, 0, {**first, **_by_name(state)})
        kept = [jax.tree.map(lambda leaf: np.asarray(leaf)[:, None], first)]
        bar.advance(1)
        for number, size in enumerate(sizes):
            done = store.load(number, state)
            if done is None:
                before = state
                state, chunk = go(story, keys, state, size)
                _refuse_nan(story, network, keys, before, size, {**chunk, **_by_name(state)})
                store.save(number, state, chunk)
            else:
                state, chunk = done
            kept.append(jax.tree.map(np.asarray, chunk))
            bar.advance(size)
    return _assemble(network, kept, steps, record, runs)


def devices_mesh(count: int) -> Mesh:
    """A mesh of that many devices, for `runtime.start` and `runtime.advance`.

    Raises:
        ResourceError: if there are fewer.
    """
    if count > len(jax.devices()):
        raise ResourceError(
            f"{count} devices were asked for, this process has {len(jax.devices())}.",
            fix=f"On a processor, set XLA_FLAGS=--xla_force_host_platform_device_count={count} before Python starts.",
        )
    return Mesh(np.array(jax.devices()[:count]), (AXIS,))


def profile(story: Story, *, seed: int = 0, repeats: int = 20) -> dict[str, float]:
    """What each variable's step costs, compiled on its own.

    A whole step costs less than their sum: the compiler fuses across variables.

    Args:
        story: what to measure.
        seed: of the values that it is measured with.
        repeats: how often each is timed; the median counts.
    Returns:
        Milliseconds by variable, the dearest first.
    """
    network = check_story(story)
    key = random.key(seed)
    # one step in, so that the values are not the special ones of the start
    before = eqx.filter_jit(lambda s: first_slice(s.network(), Sampler(key, 0)))(story)
    now = eqx.filter_jit(lambda s: next_slice(s.network(), before, Sampler(key, 1)))(story)
    costs: dict[str, float] = {}
    for name in network.step_order:
        behaviour = network.nodes[name].step
        assert behaviour is not None
        values = [before[edge.name] if edge.previous else now[edge.name] for edge in behaviour.parents]

        def one(story: Story, values: list[Any], name: str = name) -> Any:
            step = story.network().nodes[name].step
            assert step is not None
            return settle(name, step.function(*values), Sampler(key, 1))

        costs[name] = 1e3 * _median_time(eqx.filter_jit(one), story, values, repeats=repeats)
    return dict(sorted(costs.items(), key=lambda item: -item[1]))


def _median_time(function: Callable[..., Any], *values: Any, repeats: int) -> float:
    jax.block_until_ready(function(*values))
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function(*values))
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


@lru_cache(maxsize=32)
def _compiled(record: Record, mesh: Mesh | None) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The same functions for the same record, so that a second simulation of a story compiles nothing."""
    begin = eqx.filter_jit(lambda story, keys: jax.vmap(lambda key: start(story, key, record, mesh))(keys))

    def go(story: Story, keys: Key[Array, " runs"], state: State, size: int) -> Any:
        return jax.vmap(lambda key, state: advance(story, key, state, size, record, mesh))(keys, state)

    return begin, eqx.filter_jit(go)


def _chunks(steps: int, every: int) -> list[int]:
    """Steps behind the first one in a few portions, of one size where that can be: one compiled loop serves them."""
    rest = (steps - 1) // every  # kept steps to come; what lies behind the last kept one is not computed
    # a last portion of another size would be compiled anew
    counts = sorted(range(_CHUNKS // 2, 2 * _CHUNKS + 1), key=lambda count: abs(count - _CHUNKS))
    count = next((count for count in counts if rest % count == 0), _CHUNKS)
    size = max(1, -(-rest // count))
    return [every * min(size, rest - begun) for begun in range(0, rest, size)]


def _by_name(state: State) -> dict[str, Any]:
    return {f"state of {name}": leaf for name, leaf in named(state.values).items()}


@jax.jit
def _has_nan(values: dict[str, Array]) -> Array:
    floats = [leaf for leaf in values.values() if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.stack([jnp.isnan(leaf).any() for leaf in floats] or [jnp.bool_(False)]).any()


def _refuse_nan(
    story: Story, network: Network, keys: Array, before: State | None, size: int, values: dict[str, Any]
) -> None:
    """Looks for NaN where a chunk ended; if there is one, walks the chunk again to find where it began."""
    if not _has_nan(values):
        return
    for run in range(keys.shape[0]):
        slice_ = first_slice(network, Sampler(keys[run], 0))
        step = 0
        if before is not None:
            slice_ = jax.tree.map(lambda leaf, run=run: leaf[run], before.values)
            step = int(before.step[run])
        culprit = _first_nan(network.first_order, slice_) if before is None else None
        for _ in range(size):
            if culprit:
                break
            step += 1
            slice_ = next_slice(network, slice_, Sampler(keys[run], step))
            culprit = _first_nan(network.step_order, slice_)
        if culprit:
            raise DataError(
                f"It is NaN for the first time at step {step}" + (f" of run {run}." if keys.shape[0] > 1 else "."),
                where=culprit,
                fix="Look for a logarithm, a root or a division in its behaviour that can meet zero or less.",
            )


def _first_nan(order: tuple[str, ...], slice_: Slice) -> str | None:
    for variable in order:
        if variable in slice_:
            for name, leaf in named({variable: slice_[variable]}).items():
                if jnp.issubdtype(leaf.dtype, jnp.floating) and bool(jnp.isnan(leaf).any()):
                    return name
    return None


def _assemble(
    network: Network, kept: list[dict[str, np.ndarray]], steps: int, record: Record, runs: int | None
) -> Trajectory:
    """Puts the chunks behind one another and takes the constants out of the series."""
    fixed = {name: leaf[:, 0] for name, leaf in kept[0].items() if name.split(".")[0] in network.constants}
    series = {
        name: np.concatenate([chunk[name] for chunk in kept if name in chunk], axis=1)
        for name in kept[0]
        if name not in fixed
    }
    if runs is None:
        fixed, series = ({name: leaf[0] for name, leaf in side.items()} for side in (fixed, series))
    at = np.arange(0, steps, record.every)
    return Trajectory(jnp.asarray(at), _arrays(series), _arrays(fixed))


def _arrays(values: dict[str, Any]) -> dict[str, Array]:
    return {name: jnp.asarray(value) for name, value in values.items()}
