"""The bytes and operations of a decode step, and the least time that they take."""

from __future__ import annotations

from truetpot.decode.program import StepShape
from truetpot.facts.floor import Floor, floor
from truetpot.facts.hardware import Hardware
from truetpot.facts.models import Model
from truetpot.facts.traffic import Traffic, traffic


def step_traffic(model: Model, shape: StepShape, layers: int | None = None) -> Traffic:
    """What one rank must move in a step of so many layers (None: all)."""
    return traffic(
        model,
        tp=shape.tp,
        format=shape.weight_format,
        kv_format=shape.kv_format,
        context=shape.context,
        batch=shape.batch,
        query_tokens=shape.query_tokens,
        layers=layers,
    )


def step_floor(model: Model, shape: StepShape, hardware: Hardware) -> Floor:
    """Rung ``spec`` of a step on a card of the tables."""
    return floor(
        model,
        hardware,
        tp=shape.tp,
        format=shape.weight_format,
        kv_format=shape.kv_format,
        context=shape.context,
        batch=shape.batch,
        query_tokens=shape.query_tokens,
        dtype=shape.dtype,
    )


def step_least_s(step: Traffic, shape: StepShape, hardware: Hardware, cache_bytes: int) -> float:
    """Seconds below which no step that follows its like can be, on a card of the tables.

    What the last-level cache may have kept from the step before need not be read.
    """
    cold = max(0, step.bound - cache_bytes)
    return hardware.least_ms(cold, step.operations, shape.dtype) * 1e-3
