"""``rope_append``: rotate q and k of the new tokens, append k and v to the cache.

Models with a query and key norm (Qwen3) norm each head first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, NUMPY_DTYPE, exact
from truetpot.ops.inputs import Category, Input, Inputs, Known, Sized
from truetpot.ops.kv_cache import KvCase, cache_inputs
from truetpot.ops.operator import Operator, Outputs
from truetpot.ops.rms_norm import rms_normalise
from truetpot.ops.tolerance import relative_error, tolerance


@dataclass(frozen=True)
class RopeAppendCase(KvCase):
    """qkv [rows, (heads + 2 kv_heads) head_dim] in ``dtype``, the three side by side.

    positions int32 [rows]: the new token's index in its sequence, below the cache's capacity. The
    query tokens of a sequence stand one after the other.
    cos_sin float32 [positions, head_dim]: head_dim/2 cosines, then head_dim/2 sines.
    q_norm, k_norm [head_dim] in ``dtype`` where ``qk_norm``. Returns q [rows, heads, head_dim].
    ``context`` counts the new tokens.
    """

    qk_norm: bool = False
    eps: float = 1e-6

    @property
    def qkv_width(self) -> int:
        """Columns of qkv: all heads of q, k and v."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim

    @property
    def angles(self) -> int:
        """Rows of cos_sin: sequences of one length share theirs."""
        return int(np.unique(self.positions()).size)

    @property
    def pages_written(self) -> int:
        """Pages that the new tokens go to."""
        last = self.lengths() - 1
        first = last + 1 - self.query_tokens
        return int((last // self.page_slots - first // self.page_slots + 1).sum())


def rotate(x: np.ndarray, cos_sin: np.ndarray) -> np.ndarray:
    """Rotate pairs (i, i + d/2) of the last axis; x [heads, d], cos_sin [d]."""
    half = x.shape[-1] // 2
    cos, sin = cos_sin[:half], cos_sin[half:]
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def rope_table(inv_freq: np.ndarray, scale: float, positions: int) -> np.ndarray:
    """cos_sin float32 [positions, 2 * len(inv_freq)]; ``scale`` is the attention factor."""
    angles = np.arange(positions, dtype=np.float64)[:, None] * inv_freq[None, :]
    both = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * scale
    return both.astype(np.float32)


def _angles(table: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """The cosines and sines of theta 10000."""
    positions, head_dim = table.shape
    half = head_dim // 2
    return rope_table(10000.0 ** (-np.arange(half) / half), 1.0, positions)


class _RopeAppend(Operator):
    name = "rope_append"
    returns = ("q",)
    takes = (
        Input("qkv", ("rows", "qkv_width")),
        Input("positions", ("rows",), "int32", Known(KvCase.positions)),
        Input("cos_sin", ("context", "head_dim"), "fp32", _angles, read=("angles", "head_dim")),
        *cache_inputs(tokens=(0,), pages=("pages_written",)),
        Input("q_norm", ("head_dim",), category=Category.PARAMETER, given="qk_norm"),
        Input("k_norm", ("head_dim",), category=Category.PARAMETER, given="qk_norm"),
    )
    mutates = ("k_cache", "v_cache")

    def writes(self, case: RopeAppendCase) -> Mapping[str, int]:
        """q, and K and V of the new tokens."""
        row = case.rows * case.kv_heads * case.head_dim * ITEMSIZE[case.kv_format]
        q = case.rows * case.heads * case.head_dim * ITEMSIZE[case.dtype]
        return {"q": q, "k_cache": row, "v_cache": row}

    def flops(self, case: RopeAppendCase) -> int:
        """Four multiplications and two additions a pair, and the norm's four an element."""
        rotated = case.rows * (case.heads + case.kv_heads) * case.head_dim
        return rotated * (7 if case.qk_norm else 3)

    def reference(self, case: RopeAppendCase, inputs: Inputs) -> Outputs:
        """Su et al. 2021, arXiv 2104.09864, in the half-rotated form of Llama and Qwen."""
        qkv = exact(inputs["qkv"]).reshape(case.rows, -1, case.head_dim)
        table = exact(inputs["cos_sin"])
        caches = {name: exact(inputs[name]) for name in self.mutates}
        blocks = inputs["block_table"]
        q_out = np.empty((case.rows, case.heads, case.head_dim))
        split = (case.heads, case.heads + case.kv_heads)
        for i, position in enumerate(np.asarray(inputs["positions"])):
            q, k, v = np.split(qkv[i], split)
            if case.qk_norm:
                q = rms_normalise(q, exact(inputs["q_norm"]), case.eps)
                k = rms_normalise(k, exact(inputs["k_norm"]), case.eps)
            q_out[i] = rotate(q, table[position])
            page = caches["k_cache"].shape[2]
            own = i // case.query_tokens
            block = own if blocks is None else np.asarray(blocks)[own, position // page]
            caches["k_cache"][block, :, position % page] = rotate(k, table[position])
            caches["v_cache"][block, :, position % page] = v
        return {"q": q_out, **caches}

    def tolerance(self, case: RopeAppendCase) -> float:
        """A norm over the head at most."""
        return tolerance(case.head_dim, case.dtype)

    def error(self, case: RopeAppendCase, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        """Of a cache in another format, only what is beyond rounding to nearest once."""
        if case.kv_format == case.dtype:
            return super().error(case, inputs, got, want)
        worst = 0.0
        for name, (have, true) in self.compared(inputs, got, want).items():
            if name in self.mutates:
                wrong = exact(have) - true
                nearest = exact(true.astype(NUMPY_DTYPE[case.kv_format]))
                excess = np.maximum(np.abs(wrong) - np.abs(nearest - true), 0)
                have = true + np.copysign(excess, wrong)
            worst = max(worst, relative_error(have, true))
        return worst

    def grid(self) -> Iterable[RopeAppendCase]:
        """Groupings, head sizes, pages, ragged positions, the norms, fp8 caches, query tokens."""
        for dtype, kv_format in (("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "bf16")):
            for qk_norm in (False, True):
                for page in (None, 8, 16, 64):
                    yield RopeAppendCase(dtype, 3, 4, 2, 64, 77, kv_format, page, True, qk_norm)
                yield RopeAppendCase(dtype, 1, 10, 2, 128, 1, kv_format, qk_norm=qk_norm)
                yield RopeAppendCase(dtype, 2, 7, 7, 32, 1024, kv_format, qk_norm=qk_norm)
        for kv_format in ("fp8_e5m2", "fp8_e4m3"):
            for dtype, page in (("bf16", None), ("fp16", 16)):
                yield RopeAppendCase(dtype, 3, 4, 2, 64, 77, kv_format, page, True)
        yield RopeAppendCase("bf16", 1, 5, 1, 128, 33, "bf16")  # a rank's share, or such a model
        yield RopeAppendCase("fp16", 2, 4, 1, 64, 33, "fp16", 16, True, True)
        yield from _with_tails()


def _with_tails() -> Iterable[RopeAppendCase]:
    """Query tokens across two pages, across two ranges of tokens, and with no context before."""
    yield RopeAppendCase("bf16", 1, 10, 2, 128, 1025, "bf16", query_tokens=4)
    for dtype, kv_format in (("bf16", "bf16"), ("fp16", "fp8_e5m2"), ("fp32", "bf16")):
        yield RopeAppendCase(dtype, 3, 4, 2, 64, 77, kv_format, 8, True, True, query_tokens=8)
    yield RopeAppendCase("bf16", 2, 10, 2, 128, 4, "fp8_e4m3", 16, query_tokens=4)
    yield RopeAppendCase("fp16", 1, 10, 2, 128, 34, "fp16", 16, query_tokens=2)


ROPE_APPEND = _RopeAppend()
