"""A model of what tensor parallelism adds to a step: collectives times a measured latency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.hardware import Hardware
from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class Latency:
    """A measured latency of one collective, in microseconds."""

    id: str
    hardware: str
    cards: int
    link: str
    typical_us: float
    low_us: float
    high_us: float
    what: str
    source: str


@dataclass(frozen=True)
class Collectives:
    """The model term. `ms` is None where nothing measured applies; `explanation` says why."""

    count: int
    ms: float | None
    low_ms: float | None
    high_ms: float | None
    explanation: str


@cache
def latencies() -> tuple[Latency, ...]:
    """Every measured latency of collectives.toml."""
    entries = read("collectives.toml")["latency"]
    return tuple(convert(e, Latency, f"collectives.toml {e.get('id')}") for e in entries)


def collectives(
    model: Model, hardware: Hardware, *, tp: int, batch: int = 1, each_us: float | None = None
) -> Collectives:
    """Cost of the collectives of one step, by a published latency, or ``each_us`` where given.

    Two all-reduces a layer (after o and after down) of batch x hidden fp16 values, and one gather
    of the logits. An all-reduce moves 2 (tp-1)/tp of its payload over each card's link, a gather
    (tp-1)/tp (ring algorithms); each call costs a measured latency besides.
    """
    if each_us is not None and not 0 <= each_us < math.inf:
        raise UserError(f"{each_us:g} us is no latency of a collective; give 0 or more.")
    if tp == 1:
        return Collectives(0, 0.0, 0.0, 0.0, "one card: no collectives")
    count = 2 * model.layers + 1
    if each_us is not None:
        ms = count * each_us * 1e-3
        given = f"{count} collectives x {each_us:g} us, as given, payload included"
        return Collectives(count, ms, ms, ms, given)
    if hardware.link is None or hardware.link_gb_s is None:
        why = (
            f"no source for the link of {hardware.key}, so the collectives have no estimate; give "
            "--collective-us"
        )
        return Collectives(count, None, None, None, why)
    measured = [x for x in latencies() if hardware.link.startswith(x.link)]
    if not measured:
        why = (
            f"no measured latency for {hardware.link}, so the collectives have no estimate; give "
            "--collective-us"
        )
        return Collectives(count, None, None, None, why)
    # A latency taken on this very card goes before one borrowed from another.
    latency = min(measured, key=lambda x: x.hardware != hardware.key)
    share = (tp - 1) / tp
    reduced = 2 * model.layers * 2 * share * batch * model.hidden * 2
    gathered = share * batch * model.vocab * 2
    wire_ms = (reduced + gathered) / (hardware.link_gb_s * 1e9) * 1e3

    def total(each_us: float) -> float:
        return count * each_us * 1e-3 + wire_ms

    borrowed = latency.hardware != hardware.key or latency.cards != tp
    explanation = (
        f"{count} collectives x {latency.typical_us:g} us ({latency.low_us:g} to "
        f"{latency.high_us:g}) measured on {latency.cards} x {latency.hardware}"
        + (f" and borrowed for {tp} x {hardware.key}" if borrowed else "")
        + f" ({latency.what}; {latency.source}), and {wire_ms:.3f} ms of payload over "
        + hardware.link
    )
    return Collectives(
        count,
        total(latency.typical_us),
        total(latency.low_us),
        total(latency.high_us),
        explanation,
    )
