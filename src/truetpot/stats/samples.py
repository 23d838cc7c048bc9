"""The samples of one thing that was timed, and what they say of it alone and beside another."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from truetpot.stats.median import Stats, stats
from truetpot.stats.paired import Ratio, paired
from truetpot.stats.stop import Stop

CLOCKS_APART = 0.001
"""The two clocks are read at slightly different instants: so small a share is no contradiction."""


class Submitted(StrEnum):
    """Who submits the calls of a sample to the device."""

    GRAPH = "graph"
    """The device replays a captured graph of them."""
    EAGER = "eager"
    """The host, each time."""


@dataclass
class Samples:
    """Seconds of one call by the device's clock, the host's, and until it was submitted.

    ``bytes`` that one call must move, ``operations`` that it does; ``floor_s`` is the time below
    which no call can be (None: not known). ``per_sample`` calls share a bracket, and a sample is
    their mean. The lists of things that were timed in one race are aligned by round.
    """

    name: str
    bytes: int = field(default=0, kw_only=True)
    operations: int = field(default=0, kw_only=True)
    floor_s: float | None = field(default=None, kw_only=True)
    device_s: list[float] = field(default_factory=list, kw_only=True)
    wall_s: list[float] = field(default_factory=list, kw_only=True)
    enqueue_s: list[float] = field(default_factory=list, kw_only=True)
    per_sample: int = field(default=1, kw_only=True)
    stop: Stop = field(default=Stop.RUNNING, kw_only=True)
    fault: str = field(default="", kw_only=True)
    """What the calls raised, which ended the samples, in one line."""
    submitted: Submitted = field(default=Submitted.EAGER, kw_only=True)

    @property
    def stats(self) -> Stats:
        """Statistics of the device's times, in seconds."""
        return stats(self.device_s)

    @property
    def wall(self) -> Stats:
        """Statistics of the host's times, in seconds."""
        return stats(self.wall_s)

    @property
    def bandwidth(self) -> float:
        """Bytes a second at the median."""
        return self.bytes / self.stats.median_s

    def impossible(self) -> str | None:
        """Why the run is invalid, if one sample cannot be true; no sample is ever dropped."""
        for device_s, wall_s in zip(self.device_s, self.wall_s, strict=True):
            if wall_s < device_s * (1 - CLOCKS_APART):
                return f"a sample took {device_s:.3g} s on the device, {wall_s:.3g} s on the host"
            if device_s <= 0:
                return f"a sample took {device_s:.3g} s"
        if self.floor_s is not None and (fastest := min(self.device_s)) < self.floor_s:
            return (
                f"a sample took {fastest:.4g} s and the datasheet allows no less than "
                f"{self.floor_s:.4g} s"
            )
        return None

    def share_of(self, ceiling: Samples, what: str = "bytes") -> Ratio:
        """This one's bytes (or ``operations``) a second over the ceiling's, round by round."""
        rounds = min(len(self.device_s), len(ceiling.device_s))
        mine = getattr(self, what) / np.asarray(self.device_s[:rounds])
        return paired(mine, getattr(ceiling, what) / np.asarray(ceiling.device_s[:rounds]))

    def over(self, other: Samples) -> Ratio:
        """This one's time over the other's, round by round."""
        return paired(self.device_s, other.device_s)
