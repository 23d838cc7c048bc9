"""Rung `spec`: the least time of a decoded token, from a datasheet's bandwidth and rate alone.

A step's bound is the larger of two sums: all its bytes over the bandwidth, all its operations over
the rate. The sum of each operator's own larger one would be longer and no bound: while one operator
multiplies, the weights of the next may be on their way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.assumptions import assumptions
from truetpot.facts.collectives import Collectives, collectives
from truetpot.facts.hardware import Hardware
from truetpot.facts.roofline import Limit, roofline
from truetpot.facts.traffic import Traffic, resident_bytes, traffic
from truetpot.facts.workload import Workload

# Points of the curve over a range of contexts, both ends included.
MOST_STEPS = 10_000_000
"""Of a request: as long as the longest context that a model is published with."""
CURVE_POINTS = 17


@dataclass(frozen=True)
class Floor:
    """The bound and its terms in milliseconds per decode step, for one rank of `tp` equal ones.

    A step of one query token yields a token a sequence, so that its time is a token's. One of
    several yields as many as are accepted, which is not known here: the bound stays the step's.

    `ms_per_token`, the larger of `bytes_ms` = `weights_ms` + `scales_ms` + `kv_ms` and
    `operations_ms`, is the hard bound: a step measured below it was measured wrongly.
    `operations_ms` is None where no source gives the card's rate with activations of `dtype`; then
    the bytes alone bound. `collectives` is a model, `stored_constant_scales_ms` what a kernel pays
    that reads scales which are the same everywhere; neither is in the bound.
    """

    model: Model
    hardware: Hardware
    traffic: Traffic
    dtype: str
    weights_ms: float
    scales_ms: float
    kv_ms: float
    operations_ms: float | None
    stored_constant_scales_ms: float
    collectives: Collectives
    resident_gib: float
    fits: bool
    assumptions: tuple[str, ...]

    @property
    def bytes_ms(self) -> float:
        """Milliseconds in which the bytes are read."""
        return self.weights_ms + self.scales_ms + self.kv_ms

    @property
    def ms_per_token(self) -> float:
        """The hard bound of one step, in milliseconds."""
        return roofline(self.bytes_ms, self.operations_ms)[0]

    @property
    def bound_by(self) -> Limit:
        """Whether bytes or operations are the bound."""
        return roofline(self.bytes_ms, self.operations_ms)[1]

    @property
    def estimate_ms(self) -> float:
        """The same with the further experts that a batch reads on the average; see Traffic."""
        read_ms = self.hardware.read_ms(self.traffic.estimate)
        return roofline(read_ms, self.operations_ms)[0]


@dataclass(frozen=True)
class FloorRange:
    """The floor of one request that starts with `start.traffic.context` tokens and ends at `end`.

    The request generates `end - start` tokens. The first comes out of the prefill; each of the
    other `steps` = end - start - 1 takes a decode step, which reads the cache as it then is:
    `start` tokens for the first step, one more for each that follows, `last` = `end - 2` for the
    last. `mean_ms_per_token` is the mean over these steps, so it bounds from below what serving
    tools call TPOT, (latency - TTFT) / (tokens - 1).

    With q query tokens a step the mean is of a step, over the `steps` contexts from `start` to
    `last` = `end - 1 - q`, from which a step could yield all of its q tokens. Where every step
    yields a of them, TPOT is not below the mean over a.
    """

    start: Floor
    end: int
    steps: int
    mean_ms_per_token: float
    curve: tuple[tuple[int, float], ...]

    @property
    def last(self) -> int:
        """The last context that the mean is over."""
        return self.start.traffic.context + self.steps - 1


def floor(
    model: Model, hardware: Hardware, work: Workload, collective_us: float | None = None
) -> Floor:
    """The floor of one decode step on `work.tp` cards of `hardware`.

    bytes of one rank / datasheet bandwidth of one card, or its operations / datasheet rate with
    activations of `work.dtype` (fp16, bf16; int8 where they may be quantised to 8 bits) if that is
    more. Of all layers, whatever `work.layers` says. Raises UserError as `traffic` does.
    `collective_us` takes the place of a published latency of a collective, which is a term beside
    the bound.
    """
    dtype = work.dtype
    step = traffic(model, replace(work, layers=None))
    cost = collectives(model, hardware, tp=work.tp, batch=work.rows, each_us=collective_us)
    resident = resident_bytes(model, step)
    fits = resident <= hardware.usable_gib * 2**30
    return Floor(
        model=model,
        hardware=hardware,
        traffic=step,
        dtype=dtype,
        weights_ms=hardware.read_ms(step.weights),
        scales_ms=hardware.read_ms(step.scales),
        kv_ms=hardware.read_ms(step.kv),
        operations_ms=hardware.compute_ms(step.operations, dtype),
        stored_constant_scales_ms=hardware.read_ms(step.constant_scales),
        collectives=cost,
        resident_gib=resident / 2**30,
        fits=fits,
        assumptions=assumptions(model, hardware, step, dtype, cost, resident, fits),
    )


def bound_of(
    model: Model,
    hardware: Hardware,
    work: Workload,
    end: int | None = None,
    collective_us: float | None = None,
) -> tuple[Floor, FloorRange | None]:
    """The floor of a step, and that of the request from there to `end` where there is one.

    Raises UserError as `floor` and `floor_range` do.
    """
    if end is None:
        return floor(model, hardware, work, collective_us), None
    span = floor_range(model, hardware, work, end, collective_us)
    return span.start, span


def least_s(step: Traffic, dtype: str, hardware: Hardware, cache_bytes: int) -> float:
    """Seconds below which no step that follows its like can be, on a card of the tables.

    What the last-level cache may have kept from the step before need not be read.
    """
    cold = max(0, step.bound - cache_bytes)
    return hardware.least_ms(cold, step.operations, dtype) * 1e-3


def floor_range(
    model: Model,
    hardware: Hardware,
    work: Workload,
    end: int,
    collective_us: float | None = None,
) -> FloorRange:
    """The floor over a request: a prompt of `work.context` tokens, then up to `end` in all.

    See FloorRange for which steps the mean covers. Raises UserError for a range that generates no
    token beside the first and a step's, whose TPOT is not defined, for one of more than
    `MOST_STEPS` steps, and as `floor` does.
    """
    start, query_tokens, dtype = work.context, work.query_tokens, work.dtype
    least = query_tokens + 1
    steps = end - start - query_tokens
    if steps < 1:
        raise UserError(
            f"the range {start}:{end} generates {max(0, end - start)} tokens, and time per output "
            f"token needs {least}; give an end at least {least} beyond the start."
        )

    if steps > MOST_STEPS:
        raise UserError(
            f"the range {start}:{end} has {steps:,} steps, each of which counts; give at most "
            f"{MOST_STEPS:,}, or one context."
        )

    def at(context: int) -> Floor:
        return floor(model, hardware, replace(work, context=context), collective_us)

    last = start + steps - 1
    first = at(start)
    points = min(CURVE_POINTS, steps)
    contexts = sorted({start + (last - start) * i // max(1, points - 1) for i in range(points)})
    # Only the cache grows from step to step, not evenly where some layers read a window.
    token_ms = hardware.read_ms(first.traffic.kv_write) / query_tokens / model.layers
    weights_ms = first.weights_ms + first.scales_ms
    attended = 4 * work.rows * (model.heads // work.tp) * model.head_dim

    def step_ms(tokens: int) -> float:
        operations = first.traffic.linear_operations + attended * tokens
        read_ms = weights_ms + token_ms * tokens
        return roofline(read_ms, hardware.compute_ms(operations, dtype))[0]

    total = sum(step_ms(model.cached_tokens(c)) for c in range(start, last + 1))
    return FloorRange(
        start=first,
        end=end,
        steps=steps,
        mean_ms_per_token=total / steps,
        curve=tuple((c, at(c).ms_per_token) for c in contexts),
    )
