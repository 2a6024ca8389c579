"""Random numbers that belong to a row, not to a machine.

The runtime gives every site a key made of (seed, step, site). A draw of shape ``(users, …)`` under such a key takes
its bits from the counter (user, element). So user 7 meets the same chances in a population of ten and of ten million,
on one device or on many, today and after a resume.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC 2011), the one that ``jax.random`` uses by default. Here its rounds are unrolled: XLA then fuses them with
what consumes the bits, which on a CPU is several times faster than the rolled loop of the default.
"""

from __future__ import annotations

import math
import zlib

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl
from jaxtyping import Array, Key, UInt32

__all__ = ["key", "of_site", "threefry"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_WORDS = {8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}


def threefry(
    key: UInt32[Array, " 2"], high: UInt32[Array, "*shape"], low: UInt32[Array, "*shape"]
) -> tuple[UInt32[Array, "*shape"], UInt32[Array, "*shape"]]:
    """Threefry-2x32-20: two words of counter to two words of noise (Salmon et al. 2011, §3.2).

    Args:
        key: two words.
        high: first words of the counters.
        low: second words of the counters.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    high, low = high + schedule[0], low + schedule[1]
    for block in range(5):
        for turn in _ROTATIONS[block % 2]:
            high = high + low
            low = high ^ ((low << jnp.uint32(turn)) | (low >> jnp.uint32(32 - turn)))
        high = high + schedule[(block + 1) % 3]
        low = low + schedule[(block + 2) % 3] + jnp.uint32(block + 1)
    return high, low


def _seed(seed: Array) -> UInt32[Array, " 2"]:
    # Python integers arrive as 32 bits unless x64 is on
    wide = seed.dtype.itemsize > 4
    high = (seed >> 32).astype(jnp.uint32) if wide else jnp.uint32(0)
    return jnp.stack([high, seed.astype(jnp.uint32)])


def _split(key: UInt32[Array, " 2"], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    count = jnp.arange(math.prod(shape), dtype=jnp.uint32)
    # the highest row is kept for splitting and the one below for folding: no population is that large
    return jnp.stack(threefry(key, jnp.full_like(count, 0xFFFFFFFF), count), axis=-1).reshape(*shape, 2)


def _fold_in(key: UInt32[Array, " 2"], data: Array | int) -> UInt32[Array, " 2"]:
    return jnp.stack(threefry(key, jnp.uint32(0xFFFFFFFE), jnp.asarray(data).astype(jnp.uint32)))


def _random_bits(key: UInt32[Array, " 2"], bit_width: int, shape: tuple[int, ...]) -> Array:
    if bit_width == 64:
        high, low = (_random_bits(part, 32, shape).astype(jnp.uint64) for part in _split(key, (2,)))
        return (high << jnp.uint64(32)) | low
    rows, columns = (shape[0] if shape else 1), math.prod(shape[1:])
    pairs = (columns + 1) // 2  # one counter makes two words
    row = jax.lax.broadcasted_iota(jnp.uint32, (rows, columns), 0)
    # of one row only: XLA lifts what does not change out of a loop, and a whole matrix would be kept in memory
    column = jnp.arange(columns, dtype=jnp.uint32)
    second = column >= pairs
    # every element computes its counter and takes one of its words: joining two halves would cost no less time on a
    # processor, and one more array, since XLA does not fuse the join with what consumes the bits
    counter = jnp.broadcast_to(jnp.where(second, column - pairs, column), (rows, columns))
    left, right = threefry(key, row, counter)
    words = jnp.where(second, right, left)
    return words.reshape(shape).astype(_WORDS[bit_width])


_BY_ROW = define_prng_impl(
    key_shape=(2,), seed=_seed, split=_split, random_bits=_random_bits, fold_in=_fold_in, name="by_row", tag="row"
)


def key(seed: int) -> Key[Array, ""]:
    """The key of a seed; every function of ``jax.random`` and every numpyro distribution takes it."""
    return jax.random.key(seed, impl=_BY_ROW)


def of_site(key: Key[Array, ""], step: Array | int, site: str) -> Key[Array, ""]:
    """The key of one random site at one step.

    Args:
        key: the key of the run.
        step: the step, 0 for the initial slice.
        site: the site's name, such as "user.interest"; its key does not depend on what other sites there are.
    """
    return jax.random.fold_in(jax.random.fold_in(key, step), zlib.crc32(site.encode()))
