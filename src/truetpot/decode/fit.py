"""How much of a step a device's free memory holds. Arithmetic only; nothing is allocated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from truetpot.errors import UserError
from truetpot.facts.formats import kv_bytes, storage
from truetpot.facts.models import Model, check_tp, kv_heads_of_rank, linears
from truetpot.facts.workload import Workload
from truetpot.ops.arrays import ITEMSIZE
from truetpot.text import gib

MARGIN_BYTES = 1 << 30
"""Activations, scratch memory of kernels, code that is compiled later, the allocator's loss."""
PACKING = 1 / 16
"""What a provider's layout may add to the canonical bytes: sym_int4 with a zero point beside each
scale, as torch wants it, has 4.5 bits a weight instead of 4.25."""
SHARDS = (2, 4, 8)
"""Tensor-parallel degrees to try, as machines have cards."""


@dataclass(frozen=True)
class Needs:
    """Bytes one rank's step needs while it is built, which is its peak."""

    weights: int
    embedding: int
    kv: int
    loading: int
    """The largest linear in its canonical form, alive while it is packed."""
    margin: int

    @property
    def total(self) -> int:
        """Bytes of all of them together."""
        return self.weights + self.embedding + self.kv + self.loading + self.margin


@dataclass(frozen=True)
class Plan:
    """What to run: `shape` as asked for, or with a share or fewer layers."""

    shape: Workload
    needs: Needs
    free_bytes: int | None
    """None: not known, so that all is tried."""
    layers: int
    layers_asked: int
    layers_total: int
    """Of the model."""
    sharded: bool
    """True where the share is the plan's doing, not the user's."""

    @property
    def whole(self) -> bool:
        """True where every layer asked for runs."""
        return self.layers == self.layers_asked

    @property
    def extrapolated(self) -> bool:
        """True where some of the model's layers stand for all of them."""
        return self.layers < self.layers_total

    def sentence(self) -> str:
        """What was decided, for people."""
        share = f"rank 0 of tp = {self.shape.tp}" if self.shape.tp > 1 else "the whole model"
        if self.extrapolated:
            share = f"{self.layers} of {self.layers_total} layers of {share}"
        free = "an unknown amount" if self.free_bytes is None else gib(self.free_bytes)
        size = f"{gib(self.needs.total)} needed of {free} free"
        return f"{share}: {size}"


def needs(model: Model, shape: Workload, layers: int | None = None) -> Needs:
    """Bytes of `layers` layers (None: those of the shape) and everything that exists once."""
    if layers is None:
        layers = model.layers if shape.layers is None else shape.layers
    sizes = {
        linear.role: sum(storage(shape.format, linear.n, linear.k)[:2])
        for linear in linears(model, shape.tp)
    }
    head = sizes.pop("lm_head")
    weights = layers * sum(sizes.values()) + head
    row = kv_heads_of_rank(model, shape.tp) * model.head_dim * kv_bytes(shape.kv_format)
    return Needs(
        weights=round(weights * (1 + PACKING)),
        embedding=model.vocab * model.hidden * ITEMSIZE[shape.dtype],
        kv=layers * 2 * shape.batch * shape.capacity() * row,
        loading=max(head, *sizes.values()),
        margin=MARGIN_BYTES,
    )


def plan(model: Model, shape: Workload, free_bytes: int | None) -> Plan:
    """The most that fits: all; else, unless `shape` is a share already, the smallest share of
    `SHARDS` that does; else as many whole layers as do. Raises UserError if not even one does.

    All is tried where the room is not known (None).
    """
    check_tp(model, shape.tp, shape.format)
    asked = model.layers if shape.layers is None else shape.layers
    if asked > model.layers:
        raise UserError(f"{model.name} has {model.layers} layers, not {asked}.")

    def planned(chosen: Workload, layers: int) -> Plan:
        need = needs(model, chosen, layers)
        return Plan(
            chosen, need, free_bytes, layers, asked, model.layers, chosen.tp != shape.tp
        )

    candidates = [shape]
    if shape.tp == 1:
        candidates += [replace(shape, tp=tp) for tp in SHARDS if _divides(model, shape, tp)]
    for candidate in candidates:
        if free_bytes is None or needs(model, candidate).total <= free_bytes:
            return planned(candidate, asked)
    assert free_bytes is not None  # or the first candidate is taken
    fixed = needs(model, shape, 0).total
    # Rounding of the packing allowance may cost a layer a byte; the check below settles it.
    fitting = max(0, free_bytes - fixed) // (needs(model, shape, 1).total - fixed)
    while fitting and needs(model, shape, fitting).total > free_bytes:
        fitting -= 1
    if not fitting:
        raise UserError(
            f"One layer of {model.name} with its embedding and lm_head needs "
            f"{gib(needs(model, shape, 1).total)} and {gib(free_bytes)} are free; choose a "
            "smaller format, context or model, or a share (--shard 0/N)."
        )
    return planned(replace(shape, layers=fitting), fitting)


def _divides(model: Model, shape: Workload, tp: int) -> bool:
    try:
        check_tp(model, tp, shape.format)
    except UserError:
        return False
    return True
