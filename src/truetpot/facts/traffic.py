"""The bytes that one rank must move for a decoded token of each sequence, and its operations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.formats import kv_bytes, storage
from truetpot.facts.mixes import all_mixes, check_format, stored
from truetpot.facts.shapes import Linear, check_tp, kv_heads_of_rank, linears
from truetpot.facts.workload import Workload

# Norm weights, biases and the embedding row travel in the activations' dtype.
ACTIVATION_BYTES = 2


@dataclass(frozen=True)
class LinearTraffic:
    """Bytes of one layer of a role; multiply by `linear.count` for the model.

    Of a mix there is a row for each tensor and type: q, k and v have their own.
    """

    linear: Linear
    format: str
    weights: int
    scales: int
    constant_scales: int

    def operations(self, rows: int) -> int:
        """Of all `linear.count` layers on `rows` rows of x, a multiply-add counted as two."""
        return 2 * rows * self.linear.weights * self.linear.count


@dataclass(frozen=True)
class Traffic:
    """Bytes and operations per decode step and rank.

    `weights`, `scales` and `kv` are the bound: a step cannot do without reading them, and no cache
    holds them from one step to the next (but see Floor on small models). The others are real but
    left out of the bound: `constant_scales` need not be read, `norms`, `biases`, `embedding_rows`
    and `kv_write` are below a thousandth of it.

    Of a mixture of experts the bound has the experts of one token, as all tokens of a batch may
    choose the same. `idle_experts` are the bytes of the others, and `estimate` is what a batch
    reads if its tokens choose with equal chances: an estimate and no bound.
    """

    tp: int
    format: str
    kv_format: str
    context: int
    batch: int
    linears: tuple[LinearTraffic, ...]
    weights: int
    scales: int
    constant_scales: int
    kv: int
    kv_write: int
    norms: int
    biases: int
    embedding_rows: int
    idle_experts: int = 0
    idle_share: float = 0.0
    """Of the idle experts, how much a batch reads on the average."""
    linear_operations: int = 0
    """Multiplications and additions of the linear layers, lm_head's among them."""
    attention_operations: int = 0
    """Those of q K^T and p V over the cached tokens."""
    query_tokens: int = 1
    """Of each sequence."""

    @property
    def operations(self) -> int:
        """linear_operations + attention_operations; a multiply-add is two."""
        return self.linear_operations + self.attention_operations

    @property
    def bound(self) -> int:
        """weights + scales + kv: what has to be read from memory."""
        return self.weights + self.scales + self.kv

    @property
    def estimate(self) -> float:
        """The bound, and the further experts that a batch reads on the average."""
        return self.bound + self.idle_experts * self.idle_share


def traffic(model: Model, work: Workload) -> Traffic:
    """Bytes and operations of one decode step on one of `work.tp` ranks.

    The step reads the cache of `work.context` tokens and appends its own. A batch reads the weights
    once and as many such caches. A step that verifies drafted tokens computes and appends several
    of each sequence, and reads no more for them. `work.layers` counts only so many layers, and
    lm_head all the same. Raises UserError for a tp or format that does not fit the model.
    """
    tp, format, kv_format, layers = work.tp, work.format, work.kv_format, work.layers
    context, batch, query_tokens = work.context, work.batch, work.query_tokens
    if context < 0 or batch < 1:
        raise UserError(
            f"context = {context}, batch = {batch}: give a context of at least 0 and a batch of at "
            "least 1."
        )
    if query_tokens < 1:
        raise UserError(f"query tokens = {query_tokens}: a step has at least one of a sequence.")
    if layers is not None and not 0 <= layers <= model.layers:
        raise UserError(f"layers = {layers}: {model.name} has {model.layers}.")
    counted = model.layers if layers is None else layers
    rows = _rows(model, tp, format, work.lm_head_format, counted)
    kv_rows = kv_heads_of_rank(model, tp) * model.head_dim
    kv_layer = 2 * kv_rows * kv_bytes(kv_format)
    share = counted / model.layers
    tokens = batch * model.cached_tokens(context, counted)
    queries = batch * query_tokens
    idle, idle_share = _idle(model, rows, queries)
    return Traffic(
        tp=tp,
        format=format,
        kv_format=kv_format,
        context=context,
        batch=batch,
        linears=tuple(rows),
        weights=sum(row.weights * row.linear.count for row in rows),
        scales=sum(row.scales * row.linear.count for row in rows),
        constant_scales=sum(row.constant_scales * row.linear.count for row in rows),
        kv=tokens * kv_layer,
        kv_write=queries * counted * kv_layer,
        norms=round(model.norm_elements() * share) * ACTIVATION_BYTES,
        biases=round(model.bias_elements() * share / tp) * ACTIVATION_BYTES,
        embedding_rows=queries * model.hidden * ACTIVATION_BYTES,
        idle_experts=idle,
        idle_share=idle_share,
        linear_operations=sum(row.operations(queries) for row in rows),
        attention_operations=4 * query_tokens * tokens * (model.heads // tp) * model.head_dim,
        query_tokens=query_tokens,
    )


def resident_bytes(model: Model, step: Traffic) -> int:
    """Bytes one rank keeps in memory at least: the bound, all experts and the embedding table.

    The table is kept in 2 bytes an element, sliced by vocabulary; a tied one is lm_head already.
    Activations, workspace and what a driver takes come on top.
    """
    table = 0 if model.tied else -(-model.vocab // step.tp) * model.hidden * ACTIVATION_BYTES
    return step.bound + step.idle_experts + step.kv_write + step.norms + step.biases + table


def _rows(
    model: Model, tp: int, format: str, lm_head_format: str | None, layers: int
) -> list[LinearTraffic]:
    mix = all_mixes().get(format)
    check_format(format)
    check_tp(model, tp, None if mix else format)
    if mix is None:
        rows = [LinearTraffic(x, format, *storage(format, x.n, x.k)) for x in linears(model, tp)]
    else:
        rows = [
            LinearTraffic(x.linear, x.format, x.codes, x.scales, 0)
            for x in stored(model, tp, mix)
        ]  # fmt: skip
    head = rows[-1].linear
    if lm_head_format is not None:
        rows[-1] = LinearTraffic(head, lm_head_format, *storage(lm_head_format, head.n, head.k))
    return [
        replace(row, linear=replace(row.linear, count=row.linear.count * layers // model.layers))
        for row in rows[:-1]
    ] + rows[-1:]


def _idle(model: Model, rows: list[LinearTraffic], batch: int) -> tuple[int, float]:
    """(bytes of the experts that one token does not use, the share of them that a batch reads)."""
    if (experts := model.experts) is None:
        return 0, 0.0
    used = sum(
        (row.weights + row.scales) * row.linear.count
        for row in rows
        if row.linear.role in ("gate_up", "down")
    )
    others = experts.count - experts.used
    idle = used * others // experts.used
    return idle, (experts.distinct(batch) - experts.used) / others if others else 0.0
