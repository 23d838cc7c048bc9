"""Rung `spec`: the least time of a decoded token, from bytes and datasheet bandwidth alone."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.collectives import Collectives, collectives
from truetpot.facts.hardware import Hardware
from truetpot.facts.mixes import all_mixes
from truetpot.facts.traffic import Traffic, resident_bytes, traffic

# Points of the curve over a range of contexts, both ends included.
CURVE_POINTS = 17

# A last-level cache smaller than this share of the bytes is not worth a caveat.
CACHE_SHARE_WORTH_SAYING = 0.01


@dataclass(frozen=True)
class Floor:
    """The bound and its terms in milliseconds per decode step, for one rank of `tp` equal ones.

    `ms_per_token` = `weights_ms` + `scales_ms` + `kv_ms` is the hard bound: a step measured below
    it was measured wrongly. `collectives` is a model, `stored_constant_scales_ms` what a kernel
    pays that reads scales which are the same everywhere; neither is in the bound.
    """

    model: Model
    hardware: Hardware
    traffic: Traffic
    weights_ms: float
    scales_ms: float
    kv_ms: float
    stored_constant_scales_ms: float
    collectives: Collectives
    resident_gib: float
    fits: bool
    assumptions: tuple[str, ...]

    @property
    def ms_per_token(self) -> float:
        """The hard bound of one step, in milliseconds."""
        return self.weights_ms + self.scales_ms + self.kv_ms

    @property
    def estimate_ms(self) -> float:
        """The bound and the further experts that a batch reads on the average; see Traffic."""
        return self.hardware.read_ms(self.traffic.estimate)


@dataclass(frozen=True)
class FloorRange:
    """The floor of one request that starts with `start.traffic.context` tokens and ends at `end`.

    The request generates `end - start` tokens. The first comes out of the prefill; each of the
    other `steps` = end - start - 1 takes a decode step, which reads the cache as it then is:
    `start` tokens for the first step, one more for each that follows, `end - 2` for the last.
    `mean_ms_per_token` is the mean over these steps, so it bounds from below what serving tools
    call TPOT, (latency - TTFT) / (tokens - 1).
    """

    start: Floor
    end: int
    steps: int
    mean_ms_per_token: float
    curve: tuple[tuple[int, float], ...]


def floor(
    model: Model,
    hardware: Hardware,
    *,
    tp: int = 1,
    format: str,
    kv_format: str = "fp16",
    context: int,
    batch: int = 1,
    lm_head_format: str | None = None,
    collective_us: float | None = None,
) -> Floor:
    """The floor of one decode step on `tp` cards of `hardware`.

    bytes of one rank / datasheet bandwidth of one card; arguments as for `traffic`, which raises
    UserError for what does not fit together. `collective_us` takes the place of a published latency
    of a collective, which is a term beside the bound.
    """
    step = traffic(
        model,
        tp=tp,
        format=format,
        kv_format=kv_format,
        context=context,
        batch=batch,
        lm_head_format=lm_head_format,
    )
    cost = collectives(model, hardware, tp=tp, batch=batch, each_us=collective_us)
    resident = resident_bytes(model, step)
    fits = resident <= hardware.usable_gib * 2**30
    return Floor(
        model=model,
        hardware=hardware,
        traffic=step,
        weights_ms=hardware.read_ms(step.weights),
        scales_ms=hardware.read_ms(step.scales),
        kv_ms=hardware.read_ms(step.kv),
        stored_constant_scales_ms=hardware.read_ms(step.constant_scales),
        collectives=cost,
        resident_gib=resident / 2**30,
        fits=fits,
        assumptions=_assumptions(model, hardware, step, cost, resident, fits),
    )


def floor_range(
    model: Model,
    hardware: Hardware,
    *,
    context_start: int,
    context_end: int,
    tp: int = 1,
    format: str,
    kv_format: str = "fp16",
    batch: int = 1,
    lm_head_format: str | None = None,
    collective_us: float | None = None,
) -> FloorRange:
    """The floor over a request: a prompt of `context_start` tokens, then up to `context_end`.

    See FloorRange for which steps the mean covers. Raises UserError for a range of less than two
    generated tokens, whose TPOT is not defined, and as `floor` does.
    """
    steps = context_end - context_start - 1
    if steps < 1:
        raise UserError(
            f"the range {context_start}:{context_end} generates {max(0, steps + 1)} tokens, and "
            "time per output token needs 2; give an end at least 2 beyond the start."
        )

    def at(context: int) -> Floor:
        return floor(
            model,
            hardware,
            tp=tp,
            format=format,
            kv_format=kv_format,
            context=context,
            batch=batch,
            lm_head_format=lm_head_format,
            collective_us=collective_us,
        )

    last = context_end - 2
    first = at(context_start)
    points = min(CURVE_POINTS, steps)
    contexts = sorted(
        {context_start + (last - context_start) * i // max(1, points - 1) for i in range(points)}
    )
    # Only the cache grows from step to step, not evenly where some layers read a window.
    token_ms = hardware.read_ms(first.traffic.kv_write) / model.layers
    tokens = sum(model.cached_tokens(c) for c in range(context_start, last + 1)) / steps
    return FloorRange(
        start=first,
        end=context_end,
        steps=steps,
        mean_ms_per_token=first.weights_ms + first.scales_ms + token_ms * tokens,
        curve=tuple((c, at(c).ms_per_token) for c in contexts),
    )


def _assumptions(
    model: Model,
    hardware: Hardware,
    step: Traffic,
    cost: Collectives,
    resident: int,
    fits: bool,
) -> tuple[str, ...]:
    cards = (
        f"The {step.tp} ranks work at the same time and wait for nothing."
        if step.tp > 1
        else "One card holds the whole model."
    )
    lines = [
        f"{hardware.bandwidth_gb_s:g} GB/s is the datasheet bandwidth of {hardware.title}.",
        (
            f"Every {'linear weight' if model.experts is None else 'weight that one token needs'} "
            f"is read once with its scales, and {step.context} cached tokens "
            f"for each of {step.batch} sequences; nothing else is counted."
        ),
        cards,
        f"Collectives are a model, not part of the bound: {cost.explanation}.",
        *_of_model(model, hardware, step),
    ]
    if step.constant_scales:
        lines.append(
            f"{step.format} as ipex-llm stores it has {step.constant_scales / 1e9:.3f} GB of "
            "scales that are all the same; they need not be read, so they stand beside the bound."
        )
    cache = (hardware.l2_mib or 0) * 2**20
    if cache >= CACHE_SHARE_WORTH_SAYING * step.bound:
        lines.append(
            f"The {hardware.l2_mib:g} MiB L2 could keep {min(1.0, cache / step.bound):.0%} of "
            "these bytes for the next step; only a step that starts cold is held to the bound."
        )
    if not fits:
        lines.append(
            f"It does not fit: a rank needs at least {resident / 2**30:.1f} GiB and the card has "
            f"{hardware.usable_gib:g}."
        )
    return tuple(lines)


def _of_model(model: Model, hardware: Hardware, step: Traffic) -> list[str]:
    lines = []
    if mix := all_mixes().get(step.format):
        types = dict.fromkeys(row.format.removeprefix("ggml_") for row in step.linears)
        lines.append(
            f"{mix.name} is a mix of {', '.join(types)}; a file that mixes otherwise has another "
            "floor."
        )
    if model.windowed:
        lines.append(
            f"Attention of {model.windowed} of the {model.layers} layers reads the last "
            f"{model.window} tokens only."
        )
    if (experts := model.experts) is not None:
        ms = hardware.read_ms(step.estimate)
        lines.append(
            f"The bound has the {experts.used} of {experts.count} experts that one token uses, "
            f"whatever the batch. An estimate, no bound: where {step.batch} tokens choose with "
            f"equal chances they read {experts.distinct(step.batch):.1f} a layer, and the step "
            f"takes {ms:.3f} ms."
        )
    return lines
