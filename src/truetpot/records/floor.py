"""The record of ``truetpot floor``: the rung ``spec``, a term at a time."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from truetpot.facts.floor import Floor, FloorRange
from truetpot.facts.roofline import Limit
from truetpot.records.numbers import AtLeastOne, Bytes, Count, NotNegative, Ratio
from truetpot.records.opening import SCHEMA_VERSION, Part, Version


class Terms(Part, frozen=True, kw_only=True):
    """What the bound is the sum of, and what stands beside it."""

    weights_ms: NotNegative
    scales_ms: NotNegative
    kv_ms: NotNegative
    collectives_ms: NotNegative | None
    """A model, not in the bound; null without an estimate."""


class CurvePoint(Part, frozen=True, kw_only=True):
    """The bound at one context."""

    context: Count
    ms_per_token: Ratio


class CollectivesTerm(Part, frozen=True, kw_only=True):
    """The model of the collectives: ms of a step."""

    count: Count
    low_ms: NotNegative | None
    high_ms: NotNegative | None
    explanation: str


class Beside(Part, frozen=True, kw_only=True):
    """Bytes that are moved and not counted."""

    constant_scales: Bytes
    kv_write: Bytes
    norms: Bytes
    biases: Bytes
    embedding_rows: Bytes


class FloorBytes(Part, frozen=True, kw_only=True):
    """What is divided by the bandwidth, of one rank."""

    bound: Bytes
    """`weights` + `scales` + `kv`."""
    weights: Bytes
    scales: Bytes
    kv: Bytes
    not_in_bound: Beside


class LinearRow(Part, frozen=True, kw_only=True):
    """One role's linear layers. Bytes are of one layer, `ms` of all `count`."""

    role: str
    n: AtLeastOne
    k: AtLeastOne
    count: AtLeastOne
    format: str
    weight_bytes: Bytes
    scale_bytes: Bytes
    constant_scale_bytes: Bytes
    ms: NotNegative


class FloorRecord(Part, frozen=True, kw_only=True):
    """`truetpot floor --json`: no device is asked, so there is no environment."""

    kind: Literal["floor"] = "floor"
    command: str
    """The command that repeats it."""
    schema_version: Version = SCHEMA_VERSION
    rung: Literal["spec"] = "spec"
    model: str
    parameters: AtLeastOne
    """Of the whole model."""
    device: str
    """A card of the tables."""
    bandwidth_gb_s: Ratio
    """Of its datasheet."""
    tp: AtLeastOne
    format: str
    """Of weights."""
    lm_head_format: str
    kv_format: str
    context: Count
    """Tokens in the cache; of a range, at its start."""
    context_end: Count | None
    """Of a range."""
    batch: AtLeastOne
    ms_per_token: Ratio
    """The bound of a step, which yields a token a sequence, of several `query_tokens` as many as
    are accepted: `weights_ms` + `scales_ms` + `kv_ms`, or `operations_ms` if that is more."""
    terms: Terms
    mean_ms_per_token: Ratio | None
    """Of a range: the mean over its steps; of several `query_tokens` ms a step, over contexts."""
    curve: list[CurvePoint] | None
    """Of a range."""
    stored_constant_scales_ms: NotNegative
    """What a kernel pays that reads scales which are the same everywhere; not in the bound."""
    collectives: CollectivesTerm
    bytes: FloorBytes
    linears: list[LinearRow]
    fits: bool
    """Whether a rank fits its card."""
    resident_gib: NotNegative
    usable_gib: NotNegative
    assumptions: list[str]
    """Sentences."""
    steps: Count | UnsetType = UNSET
    """Of a range: decode steps that the mean is over; of several `query_tokens` the contexts from
    `context` on, of which a request takes a step at some."""
    estimate_ms_per_token: Ratio | UnsetType = UNSET
    """Of a mixture of experts: with all experts that a batch reads on the average. No bound."""
    dtype: str | None = None
    """Of activations, at whose rate the operations are counted."""
    operations: Count | None = None
    """Multiplications and additions of one rank: linear layers, q K^T, p V."""
    tflops: Ratio | None = None
    """1e12 dense operations a second, of the datasheet; null where no source gives it."""
    operations_ms: NotNegative | None = None
    """`operations` over that rate; null without a rate: the bytes alone bound."""
    bound_by: Limit | None = None
    """Which of the two bounds."""
    query_tokens: AtLeastOne | UnsetType = UNSET
    """Of each sequence in a step that verifies a draft: its tokens and the one before them."""

    @classmethod
    def of(cls, floor: Floor, command: str, span: FloorRange | None = None) -> FloorRecord:
        """The record of a bound, with the range that starts there if there is one."""
        step, hardware, cost = floor.traffic, floor.hardware, floor.collectives
        points = () if span is None else span.curve
        curve = [CurvePoint(context=at, ms_per_token=ms) for at, ms in points]
        return cls(
            command=command,
            model=floor.model.name,
            parameters=floor.model.parameters(),
            device=hardware.key,
            bandwidth_gb_s=hardware.bandwidth_gb_s,
            tp=step.tp,
            format=step.format,
            lm_head_format=step.linears[-1].format,
            kv_format=step.kv_format,
            context=step.context,
            context_end=None if span is None else span.end,
            batch=step.batch,
            query_tokens=UNSET if step.query_tokens == 1 else step.query_tokens,
            ms_per_token=floor.ms_per_token,
            terms=Terms(
                weights_ms=floor.weights_ms,
                scales_ms=floor.scales_ms,
                kv_ms=floor.kv_ms,
                collectives_ms=cost.ms,
            ),
            mean_ms_per_token=None if span is None else span.mean_ms_per_token,
            curve=None if span is None else curve,
            stored_constant_scales_ms=floor.stored_constant_scales_ms,
            collectives=CollectivesTerm(
                count=cost.count,
                low_ms=cost.low_ms,
                high_ms=cost.high_ms,
                explanation=cost.explanation,
            ),
            bytes=_bytes(floor),
            linears=_linears(floor),
            fits=floor.fits,
            resident_gib=floor.resident_gib,
            usable_gib=hardware.usable_gib,
            assumptions=list(floor.assumptions),
            steps=UNSET if span is None else span.steps,
            estimate_ms_per_token=UNSET if floor.model.experts is None else floor.estimate_ms,
            dtype=floor.dtype,
            operations=step.operations,
            tflops=hardware.tops(floor.dtype),
            operations_ms=floor.operations_ms,
            bound_by=floor.bound_by,
        )


class FloorsRecord(Part, frozen=True, kw_only=True):
    """`truetpot floor --json` of several cards, contexts or batches."""

    kind: Literal["floors"] = "floors"
    command: str
    """The command that repeats it."""
    schema_version: Version = SCHEMA_VERSION
    rung: Literal["spec"] = "spec"
    floors: list[FloorRecord]
    """Card by card, batch by batch, context by context."""


def _bytes(floor: Floor) -> FloorBytes:
    step = floor.traffic
    beside = Beside(
        constant_scales=step.constant_scales,
        kv_write=step.kv_write,
        norms=step.norms,
        biases=step.biases,
        embedding_rows=step.embedding_rows,
    )
    return FloorBytes(
        bound=step.bound, weights=step.weights, scales=step.scales, kv=step.kv, not_in_bound=beside
    )


def _linears(floor: Floor) -> list[LinearRow]:
    return [
        LinearRow(
            role=row.linear.role,
            n=row.linear.n,
            k=row.linear.k,
            count=row.linear.count,
            format=row.format,
            weight_bytes=row.weights,
            scale_bytes=row.scales,
            constant_scale_bytes=row.constant_scales,
            ms=floor.hardware.read_ms((row.weights + row.scales) * row.linear.count),
        )
        for row in floor.traffic.linears
    ]
