"""Cards by key, and by the name a driver reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from truetpot.errors import UserError
from truetpot.facts.roofline import roofline
from truetpot.facts.tables import convert, read
from truetpot.text import meant

# A driver reports a little less than the nominal memory (A770: 15.1 of 16 GiB), never half of it.
_MEMORY_SHARE = (0.85, 1.05)

_MEMORY = re.compile(r"\b(\d{1,3}) ?gi?b\b", re.IGNORECASE)
_RATES = {"fp16": "fp16_tflops", "bf16": "fp16_tflops", "int8": "int8_tops"}
"""By the dtype of the activations; ``int8`` is any kernel's that quantises them to 8 bits."""
_INTEGRATED = re.compile(r"\b(uhd|iris|radeon\(tm\) graphics)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Hardware:
    """One card; see hardware.toml for units. A field is None where no source gives the number."""

    key: str
    title: str
    memory_gib: float
    bandwidth_gb_s: float
    match: tuple[str, ...]
    sources: Mapping[str, str]
    reported_gib: float | None = None
    board_power_w: float | None = None
    xe_cores: int | None = None
    fp16_tflops: float | None = None
    int8_tops: float | None = None
    max_clock_ratio: float | None = None
    matrix_ops_per_clock: int | None = None
    l2_mib: float | None = None
    link: str | None = None
    link_gb_s: float | None = None
    measured_read_gb_s: float | None = None
    measured_fp32_tflops: float | None = None
    measured_fp16_tflops: float | None = None
    derived: tuple[str, ...] = field(default=())
    note: str | None = None

    @property
    def usable_gib(self) -> float:
        """Memory that a program can have at most: what a driver reports, or the nominal size."""
        return self.reported_gib or self.memory_gib

    def read_ms(self, nbytes: float) -> float:
        """Milliseconds to read `nbytes` at the datasheet bandwidth."""
        return nbytes / (self.bandwidth_gb_s * 1e9) * 1e3

    def tops(self, dtype: str) -> float | None:
        """The most dense operations a second with activations of a dtype, in 1e12.

        `int8` bounds kernels that quantise their activations to 8 bits as well as those that do
        not. None where no source gives the rate, as for `fp32`.
        """
        rate: float | None = getattr(self, _RATES.get(dtype, ""), None)
        return None if rate is None else rate * (self.max_clock_ratio or 1.0)

    def tops_at(self, dtype: str, clock_mhz: float) -> float | None:
        """The most dense operations a second at a clock, in 1e12; None where that is not known.

        Of `int8` twice those of `fp16` and `bf16`, as on every card of the tables.
        """
        if self.matrix_ops_per_clock is None or dtype not in _RATES:
            return None
        each = self.matrix_ops_per_clock * (2 if dtype == "int8" else 1)
        return each * clock_mhz * 1e6 / 1e12

    def compute_ms(self, operations: float, dtype: str) -> float | None:
        """Milliseconds of so many operations at :meth:`tops`; None where that is not known."""
        rate = self.tops(dtype)
        return None if rate is None else operations / (rate * 1e12) * 1e3

    def least_ms(self, nbytes: float, operations: float, dtype: str) -> float:
        """Milliseconds below which no kernel reads `nbytes` and does `operations`."""
        return roofline(self.read_ms(nbytes), self.compute_ms(operations, dtype))[0]


@cache
def all_hardware() -> dict[str, Hardware]:
    """Every card of hardware.toml by key."""
    return {
        key: convert({"key": key, **entry}, Hardware, f"hardware.toml [{key}]")
        for key, entry in read("hardware.toml").items()
    }


def load_hardware(key: str) -> Hardware:
    """The card with this key ("arc-a770"), or the one whose key ends with it ("a770").

    Raises UserError for an unknown one.
    """
    known, asked = all_hardware(), key.lower()
    named = [asked] if asked in known else [one for one in known if one.endswith(f"-{asked}")]
    if len(named) != 1:
        near = meant(key, known)
        raise UserError(f"unknown card {key!r}{near}; known are {', '.join(known)}.")
    return known[named[0]]


def recognise_cards(text: str) -> tuple[Hardware, int] | None:
    """The card that a file names, and how many of it; None where one is unknown or they differ.

    `text` is one name or several in a list, as a driver, a tool or a person writes them: `Intel(R)
    Arc(TM) A770 Graphics, Intel(R) Arc(TM) A770 Graphics`, `SYCL0 (Arc(TM) B580 Graphics)`, `4 x
    Arc A770 16GB`. Integrated graphics beside a card do not count, and a size of memory in the name
    has to be the card's.
    """
    found: list[Hardware | None] = []
    for part in re.split(r"[,;+/\n]", text):
        times = re.match(r"\s*(\d{1,2})\s*x\s", part)
        if not part.strip() or _INTEGRATED.search(part):
            continue
        size = _MEMORY.search(part)
        card = recognise(part, int(size[1]) * 2**30 if size else None)
        found += [card] * (max(1, int(times[1])) if times else 1)
    first = found[0] if found else None
    return (first, len(found)) if first and all(card is first for card in found) else None


def recognise(device_name: str, memory_bytes: int | None = None) -> Hardware | None:
    """The card that reports this name, or None when no entry, or more than one, fits.

    With `memory_bytes` (what the driver reports) an entry whose memory is another is no match: the
    8 GB A770 and one stack of a Max 1550 carry the names of cards with other bandwidths.
    """
    name = device_name.lower()
    found = [hw for hw in all_hardware().values() if any(re.search(m, name) for m in hw.match)]
    if memory_bytes is not None:
        low, high = _MEMORY_SHARE
        found = [h for h in found if low <= memory_bytes / (h.memory_gib * 2**30) <= high]
    return found[0] if len(found) == 1 else None
