"""Published decode figures beside their floors: the check of the model against the world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.facts.floor import floor
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.tables import convert, read
from truetpot.facts.workload import Workload


@dataclass(frozen=True)
class Published:
    """One published figure; see published.toml for how the fields are to be read.

    Either `model` with `format`, or `parameters` (weights read for a token) with `bits`, says what
    has to be read. `parallel` is "tensor" (cards read at once) or "layers" (one after the other).
    """

    id: str
    url: str
    hardware: str
    cards: int
    reported: str
    ms_per_token: float
    single_stream: bool
    comparable: bool
    date: str | None = None
    parallel: str = "tensor"
    model: str | None = None
    format: str | None = None
    kv_format: str = "fp16"
    parameters: float | None = None
    bits: float | None = None
    context: int = 0
    batch: int = 1
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Comparison:
    """A figure and its floor, in ms per token. `ratio` is reported over floor; None without one."""

    entry: Published
    floor_ms: float | None
    ratio: float | None

    @property
    def impossible(self) -> bool:
        """The figure claims to be comparable and lies below its floor: one of the two is wrong."""
        return self.entry.comparable and self.ratio is not None and self.ratio < 1


@cache
def published() -> tuple[Published, ...]:
    """Every entry of published.toml, in its order."""
    entries = read("published.toml")["figure"]
    return tuple(convert(e, Published, f"published.toml {e.get('id')}") for e in entries)


def compare(entry: Published) -> Comparison:
    """The entry beside its floor. A bound on every count: see published.toml."""
    floor_ms = _floor_ms(entry)
    return Comparison(entry, floor_ms, entry.ms_per_token / floor_ms if floor_ms else None)


def comparisons() -> tuple[Comparison, ...]:
    """`compare` of every published figure."""
    return tuple(compare(entry) for entry in published())


def _floor_ms(entry: Published) -> float | None:
    hardware = load_hardware(entry.hardware)
    ways = entry.cards if entry.parallel == "tensor" else 1
    if entry.parameters is not None and entry.bits is not None:
        return hardware.read_ms(entry.parameters * entry.bits / 8 / ways)
    if entry.model is None or entry.format is None:
        return None
    bound = floor(
        load_model(entry.model),
        hardware,
        Workload(
            tp=ways,
            format=entry.format,
            kv_format=entry.kv_format,
            context=entry.context,
            batch=entry.batch,
            dtype="int8",
        ),
    )
    return bound.ms_per_token
