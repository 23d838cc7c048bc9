"""The ladder as it stands in a record: rungs, losses, the table of kernels, the ranks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta, field

from truetpot.facts.roofline import Limit
from truetpot.records.numbers import (
    AtLeastOne,
    Count,
    Finite,
    Milliseconds,
    NotNegative,
    Rate,
    Seconds,
    Share,
)
from truetpot.records.opening import Part
from truetpot.records.words import Origin

Interval = tuple[Finite, Finite]


class Rung(Part, frozen=True, kw_only=True):
    """One height of the ladder.

    Every rung but `spec` and `step` is the step's median times the median of its ratio to the step,
    round by round: the rungs can be divided by each other.
    """

    ms_per_token: Annotated[
        Milliseconds, Meta(description="of all but `spec` at the step's median")
    ]
    ci_ms: Annotated[Interval | None, Meta(description="95 % interval")] = None
    extrapolated: Annotated[bool, Meta(description="whether some of the layers stand for all")] = (
        False
    )
    source: Annotated[str, Meta(description="where the number comes from, in words")] = ""
    own_median_ms: Annotated[
        Milliseconds | None,
        Meta(description="median over its own samples, in no relation to the step's rounds"),
    ] = None
    bound_by: Annotated[
        Limit | None, Meta(description="of `spec` and `ceiling`: which of the two is the larger")
    ] = None


class Rungs(Part, frozen=True, kw_only=True):
    """Every rung of a device; null for one that was not measured."""

    spec: Rung | None = None
    """Bytes that must move over the datasheet's bandwidth, or operations over its rate if more."""
    ceiling: Rung | None = None
    """The same over the best read bandwidth, and the best rate of a GEMM, found on the device."""
    kernels: Rung | None = None
    """The sum of each kernel's own time."""
    step: Rung | None = None
    """The whole step."""
    eager: Rung | None = None
    """The step with every kernel submitted by the host, where `step` is a captured graph."""

    def present(self) -> Iterator[tuple[str, Rung]]:
        """Name and rung of those that are there, the lowest first."""
        for name in self.__struct_fields__:
            rung = getattr(self, name)
            if rung is not None:
                yield name, rung

    def get(self, name: str) -> Rung | None:
        """By name; None for one that is not there, ``serving`` among them."""
        return getattr(self, name, None)


class OperatorRow(Part, frozen=True, kw_only=True):
    """One kernel's part in the step."""

    op: str
    role: str
    provider: str
    count: Annotated[AtLeastOne, Meta(description="calls in the measured step")]
    median_s: Annotated[Seconds, Meta(description="of one call")]
    ci_s: Interval
    cv: NotNegative
    share: Annotated[Share, Meta(description="of the sum of all rows' medians")]
    share_of_ceiling: Annotated[
        Share | None,
        Meta(
            description="of bytes or operations, whichever is larger, round by round; null where "
            "it reads from a cache"
        ),
    ]
    bytes: Count
    case: str
    config: Annotated[dict[str, Any], Meta(description="launch parameters")] = field(
        default_factory=dict
    )
    at_step_s: Annotated[
        Seconds | None, Meta(description="of one call, at the step's median round")
    ] = None
    origin: Annotated[
        Origin | None, Meta(description="where the launch parameters come from")
    ] = None
    origin_case: Annotated[
        str | None, Meta(description="the case whose entry it is, where `origin` is `nearest`")
    ] = None
    operations: Annotated[
        Count | None, Meta(description="of one call, a multiply-add counted as two")
    ] = None
    bound_by: Annotated[
        Limit | None, Meta(description="which of the two `share_of_ceiling` is of")
    ] = None


class RankRow(Part, frozen=True, kw_only=True):
    """One rank's own times, ms a token, and the state of its device right after."""

    rank: Count
    host: str
    device: str
    name: str
    uuid: str | None
    pci_address: str | None
    kernels_ms: Milliseconds
    collectives_ms: Annotated[
        NotNegative, Meta(description="each timed alone, all ranks starting at the same time")
    ]
    step_ms: Milliseconds
    ceiling_gb_s: Annotated[Rate, Meta(description="the best read bandwidth that the rank found")]
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


class Communication(Part, frozen=True, kw_only=True):
    """The collectives of one step, in ms a token."""

    backend: str
    count: Annotated[Count, Meta(description="collectives of a step of all layers")]
    payload_bytes: Annotated[Count, Meta(description="of all of them together, on one rank")]
    alone_ms: Annotated[
        NotNegative, Meta(description="sum of each timed alone, all ranks starting together")
    ]
    exposed_ms: Annotated[Finite, Meta(description="the step less its kernels: what nothing hides")]


class Ladder(Part, frozen=True, kw_only=True):
    """Rungs, losses between neighbours, the table, and what a reader must be told."""

    rungs: Rungs
    losses: Annotated[
        dict[str, NotNegative],
        Meta(description="quotients of neighbouring rungs, by `upper/lower`"),
    ] = field(default_factory=dict)
    share_of_ceiling: Annotated[
        Share | None, Meta(description="the rung `ceiling` over the rung `step`")
    ] = None
    operators: tuple[OperatorRow, ...] = ()
    valid: bool = True
    warnings: tuple[str, ...] = ()
    ranks: Annotated[tuple[RankRow, ...], Meta(description="times of each, of several")] = ()
    communication: Communication | None = None
