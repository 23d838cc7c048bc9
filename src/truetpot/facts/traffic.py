"""The bytes that one rank must move for one decoded token of each sequence of a batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.formats import kv_bytes, storage
from truetpot.facts.shapes import Linear, check_tp, kv_heads_of_rank, linears

# Norm weights, biases and the embedding row travel in the activations' dtype.
ACTIVATION_BYTES = 2


@dataclass(frozen=True)
class LinearTraffic:
    """Bytes of one layer of a role; multiply by `linear.count` for the model."""

    linear: Linear
    format: str
    weights: int
    scales: int
    constant_scales: int


@dataclass(frozen=True)
class Traffic:
    """Bytes per decode step and rank.

    `weights`, `scales` and `kv` are the bound: a step cannot do without reading them, and no cache
    holds them from one step to the next (but see Floor on small models). The others are real but
    left out of the bound: `constant_scales` need not be read, `norms`, `biases`, `embedding_rows`
    and `kv_write` are below a thousandth of it.
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

    @property
    def bound(self) -> int:
        """weights + scales + kv: what has to be read from memory."""
        return self.weights + self.scales + self.kv


def traffic(
    model: Model,
    *,
    tp: int = 1,
    format: str,
    kv_format: str = "fp16",
    context: int,
    batch: int = 1,
    lm_head_format: str | None = None,
    layers: int | None = None,
) -> Traffic:
    """Bytes of one decode step on one of `tp` ranks.

    `context` is the number of tokens whose K and V are in the cache when the step starts; the step
    reads them all and appends one. A batch reads the weights once and `batch` such caches.
    `lm_head_format` defaults to `format`; `layers` counts only so many layers (and still lm_head).
    Raises UserError for a tp or format that does not fit the model.
    """
    if context < 0 or batch < 1:
        raise UserError(
            f"context = {context}, batch = {batch}: give a context of at least 0 and a batch of at "
            "least 1."
        )
    if layers is not None and not 0 <= layers <= model.layers:
        raise UserError(f"layers = {layers}: {model.name} has {model.layers}.")
    check_tp(model, tp, format)
    counted = model.layers if layers is None else layers
    rows = []
    for linear in linears(model, tp):
        head = linear.role == "lm_head"
        name = (lm_head_format or format) if head else format
        shape = linear if head else replace(linear, count=counted)
        rows.append(LinearTraffic(shape, name, *storage(name, linear.n, linear.k)))
    kv_rows = kv_heads_of_rank(model, tp) * model.head_dim
    kv_token = 2 * counted * kv_rows * kv_bytes(kv_format)
    share = counted / model.layers
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
        kv=batch * context * kv_token,
        kv_write=batch * kv_token,
        norms=round(model.norm_elements() * share) * ACTIVATION_BYTES,
        biases=round(model.bias_elements() * share / tp) * ACTIVATION_BYTES,
        embedding_rows=batch * model.hidden * ACTIVATION_BYTES,
    )


def resident_bytes(model: Model, step: Traffic) -> int:
    """Bytes one rank keeps in memory at least: all of the bound, and the embedding table.

    The table is kept in 2 bytes an element, sliced by vocabulary; a tied one is lm_head already.
    Activations, workspace and what a driver takes come on top.
    """
    table = 0 if model.tied else -(-model.vocab // step.tp) * model.hidden * ACTIVATION_BYTES
    return step.bound + step.kv_write + step.norms + step.biases + table
