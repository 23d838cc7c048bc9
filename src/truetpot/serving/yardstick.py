"""What a serving figure is held against; here a datasheet's floor, ladder.py has measured steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.hardware import Hardware
from truetpot.facts.mixes import all_mixes, file_bytes
from truetpot.facts.models import Model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload
from truetpot.serving.chosen import Chosen, Flags, choose
from truetpot.serving.records import Run
from truetpot.serving.speculation import query_tokens_of

Q8_0_BYTES = 34 / 32
"""Of a weight."""
SERVED = "int8"
"""Activations of a serving run: it may quantise them to 8 bits, and no floor may forbid that."""


@dataclass(frozen=True)
class Yardstick:
    """Seconds of one decode step by context and batch, from below and, if measured, as it was."""

    what: str
    """``qwq-32b fp8_e5m2 on 4 x Intel Arc A770``"""
    floor_s: Callable[[float, float], float]
    """``(context, batch)``: no step can take less (rung ``spec``)."""
    floor_from: str
    """In words: ``31.98 GB / (4 x 560 GB/s)``."""
    hard: bool = True
    """Whether ``floor_s`` is a datasheet's; else a measured ceiling, which a run may pass."""
    query_tokens: int = 1
    """Of each sequence in that step: more where it verifies a draft, as the run's file states."""
    plain_floor_s: Callable[[float, float], float] | None = None
    """The same of a step of one, where that is another."""
    step_s: Callable[[float, float], float] | None = None
    """``(context, batch)``: the measured step, carried to another context or batch by the bytes."""
    step_from: str = ""
    step_nearest: Callable[[float, float], str] | None = None
    """Where there are several steps: of ``(context, batch)`` the one taken, as ``step_from``."""
    step_batches: tuple[int, ...] = (1,)
    """The batches that ``step_s`` was measured at."""
    weight_format: str = ""
    tp: int = 1
    devices: str = ""

    def step_taken(self, context: float, batch: float) -> str:
        """Which measured step ``step_s`` is of; of several that is said."""
        if self.step_nearest is None:
            return self.step_from
        return f"{self.step_nearest(context, batch)}, the nearest of its sweep"


def from_facts(
    model: Model,
    hardware: Hardware,
    tp: int,
    format: str,
    kv_format: str = "fp16",
    query_tokens: int = 1,
) -> Yardstick:
    """The floor of a model on ``tp`` cards. Raises UserError for what does not fit together."""
    known = model, hardware, tp, format, kv_format
    first = floor(
        model,
        hardware,
        Workload(tp=tp, format=format, kv_format=kv_format, context=1, dtype=SERVED),
    )
    return Yardstick(
        what=f"{model.name} {format} on {tp} x {hardware.title}",
        floor_s=floor_of(*known, query_tokens=query_tokens),
        floor_from=(
            f"{first.traffic.bound / 1e9:.2f} GB and the cache a card over "
            f"{hardware.bandwidth_gb_s:g} GB/s{_or_operations(hardware, query_tokens)}"
        ),
        query_tokens=query_tokens,
        plain_floor_s=None if query_tokens == 1 else floor_of(*known),
        weight_format=format,
        tp=tp,
        devices=hardware.title,
    )


def from_run(run: Run, flags: Flags) -> tuple[Yardstick | None, tuple[str, ...]]:
    """The floor of the model and the card that a file names, or that the user gives.

    With it, a sentence on each choice and what it rests on; without a yardstick, on what is missing
    and which option gives it. Where the file has the size of the weights, a step reads those bytes
    less the embedding and, of a mixture of experts, less the experts that one token does not use.
    Raises UserError for a flag that names no known model, card or format, or does not fit.
    """
    chosen = choose(run.setting, flags)
    said = (*chosen.sentences, *chosen.missing)
    if chosen.missing or chosen.card is None:
        return None, said
    if chosen.nbytes is not None:
        return _from_bytes(chosen, chosen.card, chosen.nbytes, query_tokens_of(run)), said
    if chosen.model is None or chosen.format is None:
        return None, said
    kv_format = chosen.kv_format or "fp16"
    try:
        found = from_facts(
            chosen.model, chosen.card, chosen.tp, chosen.format, kv_format, query_tokens_of(run)
        )
    except UserError as error:
        if flags != Flags():
            raise
        return None, (*said, str(error))
    if chosen.kv_format is None:
        plain = found.plain_floor_s
        found = replace(
            found,
            floor_s=_without_cache(found.floor_s),
            plain_floor_s=None if plain is None else _without_cache(plain),
        )
    return found, said


def _without_cache(floor_s: Callable[[float, float], float]) -> Callable[[float, float], float]:
    return lambda _, batch: floor_s(0.0, batch)


def _from_bytes(chosen: Chosen, card: Hardware, nbytes: int, query_tokens: int) -> Yardstick:
    """The floor of weights whose size the file tells, spread evenly over the cards."""
    model, kv_format, ways = chosen.model, chosen.kv_format, chosen.tp
    read = nbytes if model is None else weights_read(model, chosen.format, nbytes)
    named = "" if model is None else f"{model.name}{f' {chosen.format}' if chosen.format else ''}, "

    def floor_s(context: float, batch: float, queries: int) -> float:
        if model is None:
            return card.read_ms(read / ways) * 1e-3
        # without a known cache neither its bytes nor what is done with it count
        at: dict[str, Any] = {"context": int(context), "batch": max(1, int(batch))}
        at["query_tokens"] = queries
        step = traffic(model, Workload(format="fp16", kv_format=kv_format or "fp16", **at))
        cache, operations = step.kv, step.operations
        if kv_format is None:
            cache, operations = 0, step.linear_operations
        return card.least_ms((read + cache) / ways, operations / ways, SERVED) * 1e-3

    return Yardstick(
        what=f"{named}{nbytes / 1e9:.2f} GB of weights, on {ways} x {card.title}",
        floor_s=partial(floor_s, queries=query_tokens),
        floor_from=(
            f"{read / ways / 1e9:.2f} GB and the cache a card over {card.bandwidth_gb_s:g} GB/s"
            f"{'' if model is None else _or_operations(card, query_tokens)}"
        ),
        query_tokens=query_tokens,
        plain_floor_s=partial(floor_s, queries=1),
        weight_format=chosen.format or "",
        tp=ways,
        devices=card.title,
    )


def weights_read(model: Model, format: str | None, nbytes: int) -> int:
    """Of a file of this size, the bytes that one token's step has to read.

    Of a mix, all but what the mix's own file has beside them: the embedding, unless it is lm_head,
    norms, biases, and the experts that the token does not use. Without a format every weight counts
    as the average one, norms and biases as fp32, the embedding as 8.5 bits where that is more:
    published files with a larger embedding (Q4_K_L) have it in Q8_0.
    """
    step = traffic(model, Workload(format=format or "fp16", context=0))
    if format is not None:
        return nbytes - (file_bytes(model, all_mixes()[format]) - step.bound)
    table = 0 if model.tied else model.embedding_elements()
    vectors = model.norm_elements() + model.bias_elements()
    matrices = nbytes - table * max(nbytes / model.parameters(), Q8_0_BYTES) - 4 * vectors
    used = sum(row.linear.weights * row.linear.count for row in step.linears)
    return max(0, int(matrices * used / (model.parameters() - table - vectors)))


def floor_of(
    model: Model,
    hardware: Hardware,
    tp: int,
    format: str,
    kv_format: str,
    dtype: str = SERVED,
    query_tokens: int = 1,
) -> Callable[[float, float], float]:
    """Seconds of a step by context and batch, at the datasheet's bandwidth and rate."""

    def floor_s(context: float, batch: float) -> float:
        # whole tokens and sequences, rounded down: it has to stay a bound
        found = floor(
            model,
            hardware,
            Workload(
                tp=tp,
                format=format,
                kv_format=kv_format,
                context=int(context),
                batch=max(1, int(batch)),
                dtype=dtype,
                query_tokens=query_tokens,
            ),
        )
        return found.ms_per_token * 1e-3

    return floor_s


def _or_operations(card: Hardware, query_tokens: int) -> str:
    rate, of = card.tops(SERVED), "" if query_tokens == 1 else f" of {query_tokens} query tokens"
    return "" if rate is None else f", or its operations{of} over {rate:.4g}e12 a second"
