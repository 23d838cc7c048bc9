"""Where a step's parameters come from; here, random ones that any number of ranks can share."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from truetpot.errors import UserError
from truetpot.facts.models import (
    Model,
    check_tp,
    kv_heads_of_rank,
    linears,
    tensor_parallel_degrees,
)
from truetpot.facts.workload import Workload
from truetpot.formats import Weight, random_weight, rows
from truetpot.formats.plain import Plain
from truetpot.ops.arrays import NUMPY_DTYPE, normal

Array = NDArray[Any]

_HEAD_ROWS = 4096
"""Rows of lm_head that are made at once: a vocabulary need not divide among the ranks."""


class WeightSource(Protocol):
    """One rank's parameters, made or read when asked for, so that few are alive at a time.

    Layer is None for what exists once: lm_head, final_norm.
    """

    notes: tuple[str, ...]
    """What the reader should know of where they come from."""

    def linear(self, layer: int | None, role: str) -> Weight:
        """The canonical weight [n, k] of ``qkv`` (q over k over v), ``o``, ``gate_up``, ``down``,
        ``lm_head``."""

    def vector(self, layer: int | None, name: str) -> Array:
        """``attn_norm``, ``mlp_norm``, ``final_norm`` [hidden], ``q_norm``, ``k_norm`` [head_dim],
        ``qkv_bias``, ``o_bias`` [n of the linear], in the activation dtype.

        The ranks' partial sums of o add up, so that bias is zero on all ranks but 0.
        """

    def embedding(self) -> Array:
        """The whole table [vocab, hidden] in the activation dtype."""


class SyntheticWeights:
    """Random parameters under which activations keep about unit variance through any depth.

    They are one model at every degree of tensor parallelism: a matrix is made of blocks, each from
    a seed of its own, and a rank makes those of its share. Each block depends on seed, layer, role
    and place only: the order of asking does not matter.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, model: Model, shape: Workload, seed: int = 0, rank: int = 0) -> None:
        check_rank(model, shape, rank)
        self.model, self.shape, self.seed, self.rank = model, shape, seed, rank
        self._linears = {linear.role: linear for linear in linears(model, shape.tp)}
        self._pieces = _pieces(model, shape.format)

    def linear(self, layer: int | None, role: str) -> Weight:
        """Deviation 1/sqrt(k) of the whole: unit variance in, unit variance out."""
        m, pieces = self.model, self._pieces
        if role == "lm_head":
            return self._head()
        if role in ("o", "down"):
            whole = m.q_rows if role == "o" else m.intermediate
            columns = (
                self._block((m.hidden, whole // pieces), whole, layer, role, piece)
                for piece in self._share(pieces)
            )
            return assemble(m.hidden, whole // self.shape.tp, columns)
        if role == "qkv":
            first, count = kv_heads(m, self.shape.tp, self.rank)
            some = range(first, first + count)
            q, d = m.q_rows // pieces, m.head_dim
            parts = [("q", q, self._share(pieces)), ("k", d, some), ("v", d, some)]
        else:
            wide = m.intermediate // pieces
            parts = [(part, wide, self._share(pieces)) for part in ("gate", "up")]
        blocks = (
            self._block((n, m.hidden), m.hidden, layer, part, piece)
            for part, n, share in parts
            for piece in share
        )
        return assemble(self._linears[role].n, m.hidden, blocks)

    def vector(self, layer: int | None, name: str) -> Array:
        """Norms about 1, biases about 0, a tenth of a deviation wide."""
        m, rng, dtype = self.model, self._rng(layer, name), self.shape.dtype
        if name == "o_bias":  # the ranks' partial sums are added up: one rank adds the bias
            bias = normal(rng, (m.hidden,), dtype, std=0.1)
            return bias if self.rank == 0 else np.zeros_like(bias)
        if name == "qkv_bias":
            bias = normal(rng, (m.q_rows + 2 * m.kv_rows,), dtype, std=0.1)
            return np.concatenate([bias[part] for part in self._qkv_rows()])
        size = m.head_dim if name in ("q_norm", "k_norm") else m.hidden
        values = 1 + 0.1 * rng.standard_normal(size, dtype=np.float32)
        return values.astype(normal(rng, (0,), dtype).dtype)

    def embedding(self) -> Array:
        """Unit variance; whole on every rank."""
        shape = (self.model.vocab, self.model.hidden)
        return random_array(shape, self.shape.dtype, self._rng(None, "embedding"))

    def _share(self, pieces: int) -> range:
        """This rank's of so many equal pieces."""
        count = pieces // self.shape.tp
        return range(self.rank * count, (self.rank + 1) * count)

    def _qkv_rows(self) -> list[slice]:
        """This rank's rows of the whole q, k and v, one over the other."""
        m = self.model
        q = m.q_rows // self.shape.tp
        first, count = (x * m.head_dim for x in kv_heads(m, self.shape.tp, self.rank))
        k = m.q_rows + first
        v = k + m.kv_rows
        return [slice(self.rank * q, (self.rank + 1) * q), slice(k, k + count), slice(v, v + count)]

    def _head(self) -> Weight:
        """Blocks of rows, cut to this rank's; what is beyond the vocabulary is the last row."""
        m, part = self.model, self._linears["lm_head"].n
        first = min(self.rank * part, m.vocab - 1)
        last = min((self.rank + 1) * part, m.vocab)

        def blocks() -> Iterator[Weight]:
            for piece in range(first // _HEAD_ROWS, -(-last // _HEAD_ROWS)):
                start = piece * _HEAD_ROWS
                stop = min(start + _HEAD_ROWS, m.vocab)
                block = self._block((stop - start, m.hidden), m.hidden, None, "lm_head", piece)
                yield rows(block, max(first, start) - start, min(last, stop) - start)

        return assemble(part, m.hidden, blocks())

    def _block(
        self, shape: tuple[int, int], k: int, layer: int | None, part: str, piece: int
    ) -> Weight:
        rng = self._rng(layer, f"{part} {piece}")
        return random_weight(shape, self.shape.format, rng, std=k**-0.5)

    def _rng(self, layer: int | None, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(f"{layer} {name}".encode())])


def assemble(n: int, k: int, blocks: Iterable[Weight]) -> Weight:
    """One weight [n, k] of blocks as they come, whole rows from the top or whole columns from the
    left, none kept. Rows that no block reaches repeat the last one: padding of a vocabulary.
    """
    out: Weight | None = None
    row = column = 0
    for block in blocks:
        if block.shape == (n, k):
            return block
        if out is None:
            out = _empty(n, k, block)
        height, width = block.shape
        for whole, part in _arrays(out, block):
            across = part.shape[1] * column // width
            whole[row : row + height, across : across + part.shape[1]] = part
        if width < k:
            column += width
        else:
            row += height
    assert out is not None
    if 0 < row < n:
        for whole, _ in _arrays(out, out):
            whole[row:] = whole[row - 1]
    return out


def _empty(n: int, k: int, like: Weight) -> Weight:
    """Room for [n, k] in the layout of `like`, a block of it."""

    def room(array: Array) -> Array:
        width = array.shape[1] * k // like.shape[1]
        return np.empty((n, width, *array.shape[2:]), array.dtype)

    scales = None if like.scales is None else room(like.scales)
    return Weight(like.format, (n, k), room(like.codes), scales)


def _arrays(one: Weight, other: Weight) -> Iterator[tuple[Array, Array]]:
    """Codes with codes, scales with scales."""
    yield one.codes, other.codes
    if one.scales is not None and other.scales is not None:
        yield one.scales, other.scales


def _pieces(model: Model, format: str) -> int:
    """Into how many pieces heads and MLP are cut, so that every possible rank has whole ones."""
    possible = []
    for tp in tensor_parallel_degrees(model):
        with suppress(UserError):
            check_tp(model, tp, format)
            possible.append(tp)
    return math.lcm(*possible)


def kv_heads(model: Model, tp: int, rank: int) -> tuple[int, int]:
    """First key/value head of a rank, and how many it has; several ranks may have the same one."""
    return rank * model.kv_heads // tp, kv_heads_of_rank(model, tp)


def check_rank(model: Model, shape: Workload, rank: int) -> None:
    """Raise UserError unless the step has such a rank, and the model such a share."""
    check_tp(model, shape.tp, shape.format)
    if not 0 <= rank < shape.tp:
        raise UserError(f"rank {rank} is not one of {shape.tp}; ranks are 0 to {shape.tp - 1}.")


def random_array(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
    """Unit variance in an activation or KV dtype, at about a GB/s."""
    codes, _ = Plain(NUMPY_DTYPE[dtype]).random((1, int(np.prod(shape))), rng, std=1.0)
    return codes.reshape(shape)
