"""Random codes at memory speed: raw generator bits, mapped to codes by a table of quantiles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray

from truetpot.formats.weight import Array
from truetpot.jit import njit

# Values at a time: they stay in the cache between the steps that make them.
_CHUNK = 1 << 18


def random_bytes(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Uniform random bytes, as :func:`fill_bytes` makes them."""
    out = np.empty(shape, np.uint8)
    fill_bytes(out, rng)
    return out


def fill_bytes(out: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Fill a contiguous uint8 array with uniform random bytes.

    A 32B model needs 17 GB of them, so all cores make them at once, each word from its index and a
    seed that ``rng`` gives.
    """
    flat = out.reshape(-1)
    whole = flat.size // 8
    seed = rng.integers(0, 2**64, dtype=np.uint64)
    words = flat[: whole * 8].view(np.uint64)
    _on_all_cores(lambda part, first: _mix(part, seed, first), words, 1)
    if rest := flat.size - whole * 8:
        flat[whole * 8 :] = _words(rng, 1).view(np.uint8)[:rest]


@njit(cache=True, inline="always")
def _word(seed, i):  # type: ignore[no-untyped-def]
    """splitmix64: Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195, figure 17."""
    z = seed + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _mix(words, seed, first):  # type: ignore[no-untyped-def]
    for i in range(words.size):
        words[i] = _word(seed, first + i)


@njit(cache=True, nogil=True)
def _pick(out, table, seed, first):  # type: ignore[no-untyped-def]
    """Four entries of a table of 65536 from each word."""
    for i in range(-(-out.size // 4)):
        word = _word(seed, first + i)
        for j in range(4 * i, min(4 * i + 4, out.size)):
            out[j] = table[word & np.uint64(0xFFFF)]
            word >>= np.uint64(16)


def _on_all_cores(fill: Callable[[Array, int], None], out: Array, each: int) -> None:
    """``fill(part, first)`` for parts of ``out``, `first` being the first word's index.

    A word makes `each` elements. By threads of Python, which numba lets run: of a function compiled
    both for one core and, by numba, for all, its cache keeps one only.
    """
    if out.nbytes < _PARALLEL_FROM:  # made sooner by one thread than others are woken
        fill(out, 0)
        return
    words, parts = -(-out.size // each), get_num_threads()
    spans = pairwise(words * part // parts for part in range(parts + 1))
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(lambda span: fill(out[span[0] * each : span[1] * each], span[0]), spans))


_PARALLEL_FROM = 16 << 20


def fill_from_table(out: Array, table: Array, rng: np.random.Generator) -> None:
    """Fill a contiguous array with entries of `table`, each as likely as its neighbour.

    `table` has 65536 entries of two bytes, or 256 of one: these are drawn two at a time. All cores
    make them at once, as in :func:`fill_bytes`.
    """
    flat = out.reshape(-1)
    if table.size == 256:
        # Entry i of the paired table holds the codes of the two bytes of i.
        low, high = np.arange(65536) & 0xFF, np.arange(65536) >> 8
        pairs = np.stack([table[low], table[high]], axis=1).view(np.uint16).reshape(-1)
        even = flat.size & ~1
        fill_from_table(flat[:even].view(np.uint16), pairs, rng)
        if flat.size & 1:
            flat[-1] = table[int(_words(rng, 1)[0] & np.uint64(0xFF))]
        return
    seed, entries = rng.integers(0, 2**64, dtype=np.uint64), table.view(np.uint16)
    _on_all_cores(lambda part, first: _pick(part, entries, seed, first), flat.view(np.uint16), 4)


def fill_uniform(out: NDArray[np.float32], rng: np.random.Generator, std: float) -> None:
    """Fill a contiguous float32 array with uniform values of mean 0 and deviation `std`."""
    flat = out.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        rng.random(dtype=np.float32, out=part)
        part -= np.float32(0.5)  # uniform on (-0.5, 0.5) has deviation 1/sqrt(12)
        part *= np.float32(std * 12**0.5)


def random_scales(
    shape: tuple[int, int], rng: np.random.Generator, rms: float
) -> NDArray[np.float32]:
    """Positive scales with this root mean square, uniform on 0.5 to 1.5 of about it."""
    size = rng.random(shape, dtype=np.float32)
    size += np.float32(0.5)  # the mean square of that is 13/12
    size *= np.float32(rms / (13 / 12) ** 0.5)
    return size


def signed_scales(
    shape: tuple[int, int], rng: np.random.Generator, rms: float
) -> NDArray[np.float16]:
    """:func:`random_scales` of either sign, in fp16: for codes whose own mean is not 0."""
    size = random_scales(shape, rng, rms).astype(np.float16).view(np.uint16)
    size |= rng.integers(0, 2, shape, dtype=np.uint16) << 15
    return size.view(np.float16)


def normal_table(
    size: int,
    std: float,
    encode: Callable[[NDArray[np.float64]], Array],
) -> Array:
    """Codes of the `size` quantiles of a normal distribution of this deviation, none of them zero.

    Rounding to the format and cutting the tails change the deviation by a little; the quantiles are
    stretched by what they fall short.
    """
    normal = NormalDist()
    centres = (np.arange(size // 2) + 0.5 + size // 2) / size
    half = np.array([normal.inv_cdf(p) for p in centres])
    quantiles = np.concatenate([-half[::-1], half])
    codes = encode(quantiles * std)
    got = float(np.sqrt(np.mean(np.square(codes.astype(np.float64)))))
    return encode(quantiles * (std * std / got))


def _words(rng: np.random.Generator, count: int) -> NDArray[np.uint64]:
    # The full range is the generator's raw output: no rejection, and any bit generator will do.
    return rng.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)
