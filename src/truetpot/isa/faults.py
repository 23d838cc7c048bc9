"""What a kernel should not do: a sentence for each fault, by which it is named and found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from truetpot.facts.kernel_faults import fault_limits


@dataclass(frozen=True)
class Facts:
    """What a kernel is judged by; bytes of an iteration of one sub-group."""

    spill_bytes: int
    scratch_messages: int
    private_bytes: int
    has_calls: bool
    load_bytes: int | None
    overlap: float
    products: float
    loops: bool
    """Whether what is counted is a loop."""
    conflicts: float | None
    dependent: bool
    in_flight: int
    in_flight_on_card: int
    needed: int | None
    passes: float | None
    rows: int
    beyond: dict[str, int]
    kernel_bytes: int
    memory_us: float | None
    """Of this kernel; None where the card's bandwidth is not known."""


def faults(facts: Facts) -> Iterator[str]:
    """Every one of them. Waiting, and how memory is read, count where memory has much to do."""
    least = fault_limits()
    if facts.spill_bytes or facts.scratch_messages:
        yield (
            f"spills: {facts.spill_bytes} bytes of a thread's registers are in scratch memory, "
            f"{facts.scratch_messages} messages"
        )
    if facts.private_bytes:
        yield f"private memory: {facts.private_bytes} bytes of a work-item found no registers"
    if facts.has_calls:
        yield "calls: a function was not inlined"
    for name, nbytes in facts.beyond.items():
        yield f"out of bounds: {name} is used up to {nbytes} bytes behind its end"
    if facts.memory_us is None:
        big = facts.kernel_bytes >= least.least_bytes
    else:
        big = facts.memory_us >= least.least_us
    if facts.products >= least.products and (big or facts.loops):
        yield f"32-bit products: {facts.products:.2f} for each weight, at a quarter of the rate"
    if facts.conflicts is not None and facts.conflicts >= least.conflicts:
        yield f"bank conflicts: local memory takes {facts.conflicts:.1f} times the clocks"
    if big:
        yield from _of_memory(facts)


def _of_memory(facts: Facts) -> Iterator[str]:
    least = fault_limits()
    if facts.load_bytes is not None and facts.load_bytes < least.narrow_bytes:
        yield f"narrow loads: {facts.load_bytes} bytes a message of the largest input"
    if facts.overlap >= least.overlap:
        yield f"overlapping loads: {facts.overlap:.1f} bytes are asked for to get one"
    if facts.dependent:
        yield (
            "latency: an address is made of what was just loaded, so that a thread has no more "
            f"than {facts.in_flight} bytes in flight"
        )
    if facts.passes is not None and facts.passes >= facts.rows * least.more_passes:
        rows = "a row" if facts.rows == 1 else f"{facts.rows} rows"
        yield f"passes: the largest input is read {facts.passes:.1f} times for {rows} of x"
    if facts.needed is not None and facts.in_flight_on_card < facts.needed:
        yield (
            f"latency: {facts.in_flight_on_card} bytes in flight on the card, of the "
            f"{facts.needed} that keep its memory busy"
        )
