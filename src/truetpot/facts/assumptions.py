"""What a floor assumes, in sentences: what was counted, what was not, and by whose rates."""

from __future__ import annotations

from truetpot.facts.architecture import Model
from truetpot.facts.collectives import Collectives
from truetpot.facts.hardware import Hardware
from truetpot.facts.mixes import all_mixes
from truetpot.facts.traffic import Traffic

CACHE_SHARE_WORTH_SAYING = 0.01
"""A last-level cache smaller than this share of the bytes is not worth a caveat."""


def assumptions(
    model: Model,
    hardware: Hardware,
    step: Traffic,
    dtype: str,
    cost: Collectives,
    resident: int,
    fits: bool,
) -> tuple[str, ...]:
    """What the bound of one step rests on, in sentences.

    ``cost`` is the model of the collectives, ``resident`` the bytes that a rank has to hold, and
    ``fits`` whether its card can.
    """
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
        _rate(hardware, step, dtype),
        *([] if step.query_tokens == 1 else [_verifies(step)]),
        cards,
        f"Collectives are a model, not part of the bound: {cost.explanation}.",
        *_of_model(model, hardware, step, dtype),
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


def _rate(hardware: Hardware, step: Traffic, dtype: str) -> str:
    rate, count = hardware.tops(dtype), f"{step.operations / 1e12:.3f}e12 operations"
    if rate is None:
        return (
            f"No source gives the rate of {hardware.title} with {dtype} activations: the bytes "
            f"alone bound, whatever its {count} take."
        )
    clock = "" if hardware.max_clock_ratio is None else " at the highest clock that a source shows"
    return (
        f"{rate:.4g}e12 dense operations a second with {dtype} activations is the datasheet rate "
        f"of {hardware.title}{clock}; the step needs {count}. Bytes and operations may overlap: "
        "the larger of the two sums bounds."
    )


def _verifies(step: Traffic) -> str:
    return (
        f"The step verifies a draft: {step.query_tokens} query tokens of each sequence read the "
        f"weights and the cache once. It yields 1 to {step.query_tokens} tokens a sequence, as "
        "many as are accepted, and the drafter's own time is not in it."
    )


def _of_model(model: Model, hardware: Hardware, step: Traffic, dtype: str) -> list[str]:
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
        ms = hardware.least_ms(step.estimate, step.operations, dtype)
        tokens = step.batch * step.query_tokens
        lines.append(
            f"The bound has the {experts.used} of {experts.count} experts that one token uses, "
            f"whatever the batch. An estimate, no bound: where {tokens} tokens choose with "
            f"equal chances they read {experts.distinct(tokens):.1f} a layer, and the step "
            f"takes {ms:.3f} ms."
        )
    return lines
