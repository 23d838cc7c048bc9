"""Chrome's trace format, which torch.profiler and unitrace write: an event at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from truetpot.stack.trace.model import Builder, Mark, Trace
from truetpot.stack.trace.streamed import Scanner
from truetpot.stack.trace.values import number, text, whole

MICROSECOND = 1e-6
_LAUNCHES = re.compile(
    r"launch(?!.*(config|attribute))|enqueue|execute.?commandlist|graph.?(exec|launch)|"
    r"mem(cpy|set|ory(copy|fill))",
    re.IGNORECASE,
)
"""Calls of CUDA, HIP, SYCL (UR) and Level Zero that make a device work."""
MOST_MARKS = 1_000_000
MOST_DEVICES = 1024


@dataclass
class Walk:
    """What was seen of a trace so far."""

    builder: Builder = field(default_factory=lambda: Builder(MICROSECOND))
    marks: list[Mark] = field(default_factory=list)
    devices: dict[int, str] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    """Which profiler's events there were."""
    launches: int = 0
    host_ops: int = 0
    broken: int = 0
    """Events of a device without a time."""
    said: list[str] = field(default_factory=list)
    rank: int | None = None
    ranks: int | None = None

    def call(self, name: str, launch: int, start: float) -> None:
        """A call of the host: counted where it launches work."""
        if _LAUNCHES.search(name):
            self.launches += 1
            self.builder.call(launch, start)

    def mark(self, name: str, start: float, duration: float, on_device: bool) -> None:
        """Take in a range that the program named."""
        if len(self.marks) < MOST_MARKS:
            begin = self.builder.time_s(start)
            self.marks.append(Mark(name, begin, duration * MICROSECOND, on_device))


Handler = Callable[[Walk, dict[str, Any], float, float], None]
"""Of an event with a start and a duration in microseconds."""


def read_chrome(
    file: BinaryIO,
    shown: str,
    what: str,
    handlers: Mapping[str, Handler],
    beside: Mapping[str, Callable[[Walk, Any], None]],
    title: Callable[[Walk], str],
    flow: Callable[[Walk, dict[str, Any], float], None],
) -> Trace:
    """A trace, each event given to the handler of its category; ``beside`` by the key beside them.

    ``flow`` has the starts of arrows, with their time in microseconds.

    Raises UserError for a file that is no trace in this format, or is cut off.
    """
    walk, scanner = Walk(), Scanner(file, shown, what)
    events = 0
    for key, value in scanner.events():
        if key != "traceEvents":
            if key in beside:
                beside[key](walk, value)
            continue
        events += 1
        if not isinstance(value, dict):
            continue
        if value.get("ph") == "s" and (start := number(value.get("ts"))) is not None:
            flow(walk, value, start)
        if value.get("ph") != "X":
            continue
        handler = handlers.get(text(value.get("cat")))
        if handler is None:
            continue
        start, duration = number(value.get("ts")), number(value.get("dur"))
        if start is None or duration is None:
            walk.broken += 1
            continue
        handler(walk, value, start, duration)
    if not events:
        raise scanner.wrong("it has no traceEvents")
    return _finished(walk, title(walk))


def arguments(event: dict[str, Any]) -> dict[str, Any]:
    """The event's ``args``, if they are what they should be."""
    args = event.get("args")
    return args if isinstance(args, dict) else {}


def as_grid(value: Any) -> str:
    """A grid of a list of numbers: ``4x20x1``."""
    if not isinstance(value, list) or not 0 < len(value) <= 3:
        return ""
    return "x".join(str(whole(one, 0)) for one in value)


def _finished(walk: Walk, title: str) -> Trace:
    kernels, zero = walk.builder.build()
    marks = tuple(
        Mark(one.name, one.start_s - zero, one.duration_s, one.on_device) for one in walk.marks
    )
    if walk.broken:
        walk.said.append(f"{walk.broken:,} events have no time that can be read: left out.")
    last = min(max(walk.devices, default=-1), MOST_DEVICES)
    names = tuple(walk.devices.get(i, str(i)) for i in range(last + 1))
    return Trace(
        format=title,
        devices=names,
        kernels=kernels,
        marks=marks,
        launches=walk.launches,
        host_ops=walk.host_ops,
        said=tuple(walk.said),
        rank=walk.rank,
        ranks=walk.ranks,
        dependent_launches="CUDA" in walk.sources,
    )
