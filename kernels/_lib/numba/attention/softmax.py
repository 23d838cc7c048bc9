"""The softmax of attention on a CPU: online over tiles, and over the ranges of several threads.

Maximum and sum of the scores seen so far stand beside a row's accumulator (Milakov and Gimelshein
2018, arXiv 1805.02867).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from truetpot.kernels._lib.numba.attention.compiled import LOWEST, Compiled

from truetpot.runtime import simd
from truetpot.runtime.simd import STORES


@cache
def soften_of(made: Compiled) -> Callable[..., Any]:
    """njit ``(scores, state, acc, count, seen, scale)``: a row's scores to its weights."""
    by_dot, chunks = made.by_dot, made.chunks
    load, store, store_bf16 = simd.load_f32, simd.store_f32, simd.store_bf16
    exp, splat, mul, add, fma = simd.exp, simd.splat, simd.mul, simd.add, simd.fma
    largest, maximum, total = simd.reduce_max, simd.maximum, simd.reduce_add
    peek, poke = simd.peek_f32, simd.poke_f32

    @njit(boundscheck=False)
    def soften(scores, state, acc, count, seen, scale):  # type: ignore[no-untyped-def]
        """One row's scores to exp(score - maximum); maximum and sum in ``state``, acc rescaled.

        Of ``count`` tokens it sees those below ``seen``; the others weigh nothing.
        """
        vectors = (count + 15) // 16
        if seen <= 0:
            for t in range(0, 16 * vectors, 16):
                store(scores + 4 * t, splat(np.float32(0.0)), 16)  # in bf16 the same bits
            return
        for t in range(min(count, seen), 16 * vectors):
            poke(scores + 4 * t, LOWEST)
        top = load(scores)
        for i in range(1, vectors):
            top = maximum(top, load(scores + 64 * i))
        old = peek(state)
        new = max(old, largest(top) * scale)
        shift, factor = splat(-new), exp(splat(old - new))
        sums = splat(np.float32(0.0))
        for i in range(vectors):
            p = exp(fma(load(scores + 64 * i), splat(scale), shift))
            if by_dot:
                store_bf16(scores + 32 * i, p, 16)
            else:
                store(scores + 64 * i, p, 16)
            sums = add(sums, p)
        if new > old:
            poke(state, new)
            for c in range(chunks):
                store(acc + 64 * c, mul(load(acc + 64 * c), factor), 16)
        before = peek(state + 4)
        poke(state + 4, before * largest(factor) + total(sums))

    return soften


@cache
def combine_of(made: Compiled) -> Callable[..., Any]:
    """njit ``(partial, splits, step, out)``: what the ranges of a sequence give together."""
    by_dot, chunks, acc_bytes = made.by_dot, made.chunks, made.acc_bytes
    load, store = simd.load_f32, simd.store_f32
    exp, splat, mul, add, fma = simd.exp, simd.splat, simd.mul, simd.add, simd.fma
    largest, peek = simd.reduce_max, simd.peek_f32
    unpair_first, unpair_second = simd.unpair_first, simd.unpair_second
    store_out, out_size = STORES[made.dtype]

    @njit(boundscheck=False)
    def combine(partial, splits, step, out):  # type: ignore[no-untyped-def]
        """One head: partial sums of every split weighted by their maxima."""
        top = LOWEST
        for s in range(splits):
            top = max(top, peek(partial + s * step + acc_bytes))
        weight = splat(np.float32(0.0))
        for s in range(splits):
            at = partial + s * step + acc_bytes
            weight = fma(exp(splat(peek(at) - top)), splat(peek(at + 4)), weight)
        inverse = splat(np.float32(1.0) / largest(weight))
        for s in range(splits):  # sum into the first split's accumulator
            at = partial + s * step
            factor = mul(exp(splat(peek(at + acc_bytes) - top)), inverse)
            for c in range(chunks):
                value = mul(load(at + 64 * c), factor)
                if s:
                    value = add(value, load(partial + 64 * c))
                store(partial + 64 * c, value, 16)
        for c in range(0, chunks, 2 if by_dot else 1):
            at, to = partial + 64 * c, out + 16 * c * out_size
            if by_dot:
                low, high = load(at), load(at + 64)
                store_out(to, unpair_first(low, high), 16)
                store_out(to + 16 * out_size, unpair_second(low, high), 16)
            else:
                store_out(to, load(at), 16)

    return combine
