"""The ladder as it stands in a record: rungs, losses, the table of kernels, the ranks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Milliseconds = Annotated[float, Meta(gt=0)]
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
Interval = tuple[float, float]


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One height of the ladder."""

    ms_per_token: Annotated[
        float, Meta(gt=0, description="ms a token; of all but `spec` at the step's median")
    ]
    ci_ms: Annotated[Interval | None, Meta(description="95 % interval")] = None
    extrapolated: Annotated[
        bool, Meta(description="whether some of the layers stand for all")
    ] = False
    source: Annotated[str, Meta(description="where the number comes from, in words")] = ""
    own_median_ms: Annotated[
        Milliseconds | None,
        Meta(description="median over its own samples, in no relation to the step's rounds"),
    ] = None


class Rungs(msgspec.Struct, frozen=True, kw_only=True):
    """Every rung of a device, None for one that was not measured."""

    spec: Rung | None = None
    ceiling: Rung | None = None
    kernels: Rung | None = None
    step: Rung | None = None
    eager: Rung | None = None

    def present(self) -> Iterator[tuple[str, Rung]]:
        """Name and rung of those that are there, the lowest first."""
        for name in self.__struct_fields__:
            rung = getattr(self, name)
            if rung is not None:
                yield name, rung

    def get(self, name: str) -> Rung | None:
        """By name; None for one that is not there, ``serving`` among them."""
        return getattr(self, name, None)


class OperatorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel's part in the step."""

    op: str
    role: str
    provider: str
    count: Annotated[int, Meta(ge=1, description="calls in the measured step")]
    median_s: Annotated[Seconds, Meta(description="of one call")]
    ci_s: Interval
    cv: float
    share: Annotated[float, Meta(description="of the sum of all rows' medians")]
    share_of_ceiling: Annotated[
        float | None, Meta(description="round by round; null where it reads from a cache")
    ]
    bytes: Count
    case: str
    config: Annotated[dict[str, Any], Meta(description="launch parameters")] = {}
    at_step_s: Annotated[
        Seconds | None, Meta(description="of one call, at the step's median round")
    ] = None


class RankRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rank's own times, ms a token, and the state of its device right after."""

    rank: Count
    host: str
    device: str
    name: str
    uuid: str | None
    pci_address: str | None
    kernels_ms: Milliseconds
    collectives_ms: Annotated[
        float, Meta(ge=0, description="each timed alone, all ranks starting at the same time")
    ]
    step_ms: Milliseconds
    ceiling_gb_s: Annotated[
        float, Meta(gt=0, description="the best read bandwidth that the rank found")
    ]
    state: Annotated[
        dict[str, Any], Meta(description="clocks, temperature, throttling right after the timing")
    ]

    def who(self) -> str:
        """The physical device, as far as it is known."""
        where = self.pci_address or self.uuid
        return f"{self.device} on {self.host}" + (f", {where}" if where else "")

    def condition(self) -> str:
        """Clock and temperature in words; empty where the platform tells neither."""
        clock, heat = self.state.get("clock_mhz"), self.state.get("temperature_c")
        if isinstance(clock, list):
            clock = max(clock)
        parts = [f"{clock} MHz"] * (clock is not None) + [f"{heat} C"] * (heat is not None)
        return ", ".join(parts)


class Communication(msgspec.Struct, frozen=True, kw_only=True):
    """The collectives of one step, in ms a token."""

    backend: str
    count: Annotated[Count, Meta(description="collectives of a step of all layers")]
    payload_bytes: Annotated[Count, Meta(description="of all of them together, on one rank")]
    alone_ms: Annotated[
        float, Meta(ge=0, description="sum of each timed alone, all ranks starting together")
    ]
    exposed_ms: Annotated[
        float, Meta(description="the step less its kernels: what nothing hides")
    ]


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """Rungs, losses between neighbours, the table, and what a reader must be told."""

    rungs: Rungs
    losses: Annotated[
        dict[str, float], Meta(description="quotients of neighbouring rungs, by `upper/lower`")
    ] = {}
    share_of_ceiling: Annotated[
        float | None, Meta(description="the rung `ceiling` over the rung `step`")
    ] = None
    operators: tuple[OperatorRow, ...] = ()
    valid: bool = True
    warnings: tuple[str, ...] = ()
    ranks: Annotated[tuple[RankRow, ...], Meta(description="times of each, of several")] = ()
    communication: Communication | None = None
