"""The operators of a decode step by facts alone: roles, shapes, bytes, as decode runs them.

`truetpot predict` works where neither torch nor numba is installed, so that it cannot ask for the
decode program; a test holds this list against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from truetpot.errors import UserError
from truetpot.facts.families import all_families
from truetpot.facts.formats import kv_bytes, storage
from truetpot.facts.models import Model, check_decoded, check_tp, kv_heads_of_rank, linears
from truetpot.facts.traffic import ACTIVATION_BYTES as ITEM


@dataclass(frozen=True)
class Point:
    """What a step is predicted at; `context` tokens of each sequence are in the cache before it."""

    model: Model
    tp: int
    format: str
    kv_format: str
    dtype: str
    context: int
    batch: int


@dataclass(frozen=True)
class StepOperator:
    """`count` calls of one operator in one role. `bytes` are all that a call reads and writes."""

    role: str
    op: str
    count: int
    format: str
    bytes: int
    shape: dict[str, int] = field(default_factory=dict)
    """In the axes of a library's tables; empty for what no library has."""


def step_operators(point: Point) -> tuple[StepOperator, ...]:
    """Every operator of the step of one rank, in the order of the step; activations of 2 bytes.

    Raises UserError for a model that no decode step here has, or a degree or format that does not
    fit it.
    """
    check_decoded(point.model)
    check_tp(point.model, point.tp, point.format)
    if point.batch < 1 or point.context < 0:
        raise UserError(
            f"batch = {point.batch}, context = {point.context}: give a batch of at least 1 and a "
            "context of at least 0."
        )
    return tuple(_operators(point))


def _operators(p: Point) -> Iterator[StepOperator]:
    """The operators of a step in the order of its calls, those of one size and role as one."""
    model, layers, m = p.model, p.model.layers, p.batch
    by_role = {one.role: one for one in linears(model, p.tp)}
    row, inner = m * model.hidden * ITEM, by_role["down"].k
    head = by_role["lm_head"].n

    def plain(role: str, op: str, count: int, size: int) -> StepOperator:
        return StepOperator(role, op, count, p.dtype, size)

    def linear(role: str) -> StepOperator:
        one = by_role[role]
        codes, scales, _ = storage(p.format, one.n, one.k)
        size = codes + scales + (one.n * ITEM if one.bias else 0) + m * (one.n + one.k) * ITEM
        shape = {"m": m, "n": one.n, "k": one.k}
        return StepOperator(role, "linear", one.count, p.format, size, shape)

    def summed(role: str) -> Iterator[StepOperator]:
        if p.tp > 1:
            shape = {"ranks": p.tp, "bytes": row}
            yield StepOperator(role, "all_reduce", layers, p.dtype, 2 * row, shape)

    def norm(role: str, count: int, residual: bool) -> StepOperator:
        return plain(role, "rms_norm", count, (4 if residual else 2) * row + model.hidden * ITEM)

    def block(name: str) -> Iterator[StepOperator]:
        """What adds to the residual stream, without its norm."""
        if name == "attn":
            yield linear("qkv")
            yield plain("rope_append", "rope_append", layers, _rope_bytes(p))
            yield _attention(p)
            yield linear("o")
            yield from summed("o_sum")
            return
        yield linear("gate_up")
        yield plain("silu_mul", "silu_mul", layers, 3 * m * inner * ITEM)
        yield linear("down")
        yield from summed("down_sum")

    after = all_families()[model.family].layer == "post_norm"
    yield plain("embedding", "embedding", 1, m * 8 + 2 * row)
    if after:
        for name in ("attn", "mlp"):
            yield from block(name)
            yield norm(f"{name}_norm", layers, residual=False)
            yield plain(f"{name}_add", "add", layers, 3 * row)
    else:
        yield norm("attn_norm", 1, residual=False)
        if layers > 1:
            yield norm("attn_norm", layers - 1, residual=True)
        yield from block("attn")
        yield norm("mlp_norm", layers, residual=True)
        yield from block("mlp")
    yield norm("final_norm", 1, residual=not after)
    yield linear("lm_head")
    yield plain("argmax", "argmax", 1, m * (head * ITEM + 8))
    if p.tp > 1:
        yield from _best_of_all(p)


def _best_of_all(p: Point) -> Iterator[StepOperator]:
    """The greedy token from each rank's best: a value and an id of 4 bytes each."""
    pair, m = 8, p.batch
    yield StepOperator("local_best", "local_best", 1, p.dtype, m * (ITEM + 8 + pair))
    shape = {"ranks": p.tp, "bytes": p.tp * m * pair}
    yield StepOperator("gather", "all_gather", 1, "fp32", m * pair * (1 + p.tp), shape)
    yield StepOperator("best_of_ranks", "best_of_ranks", 1, p.dtype, m * (p.tp * pair + 8))


def _rope_bytes(p: Point) -> int:
    """qkv, positions, the table's row that all share, the norms; q, and one token of K and V."""
    heads, kv_heads, dim = p.model.heads // p.tp, kv_heads_of_rank(p.model, p.tp), p.model.head_dim
    norms = 2 * dim * ITEM if p.model.qk_norm else 0
    read = p.batch * ((heads + 2 * kv_heads) * dim * ITEM + 4) + dim * 4 + norms
    return read + p.batch * (heads * dim * ITEM + 2 * kv_heads * dim * kv_bytes(p.kv_format))


def _attention(p: Point) -> StepOperator:
    heads, kv_heads, dim = p.model.heads // p.tp, kv_heads_of_rank(p.model, p.tp), p.model.head_dim
    tokens = p.context + 1
    cache = 2 * p.batch * kv_heads * dim * tokens * kv_bytes(p.kv_format)
    size = cache + p.batch * (2 * heads * dim * ITEM + 4)
    shape = {
        "batch": p.batch,
        "tokens": tokens,
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": dim,
        "window": 0,
    }
    return StepOperator("attention", "decode_attention", p.model.layers, p.kv_format, size, shape)
