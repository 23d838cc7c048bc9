"""unitrace's chrome trace: intel/pti-gpu, tools/unitrace/src/chromelogger.h@0459850.

Device work has the category ``gpu_op``, the id of the launch in ``args``, and a name that ends in
its SIMD width, groups and group size: ``gemm_kernel[SIMD16 {56; 1; 1} {64; 8; 1}]``
(levelzero/ze_collector.h@01281b5). Host calls have the category ``cpu_op`` and no id; an arrow
``Flow_H2D_<id>_<rank>`` that starts with the call leads to the work. Times are whole microseconds.
"""

from __future__ import annotations

import re
from typing import Any

from truetpot.stack.trace.chrome import Handler, Walk, arguments
from truetpot.stack.trace.model import Work
from truetpot.stack.trace.values import identity, text, whole

_SHAPE = re.compile(r"(?:\[SIMD(?:\d+|_ANY))? ?((?:\{[\d; ]+\} ?)+)\]$")
"""Of a kernel whose width is unknown, unitrace leaves out the bracket that opens."""
_LAUNCHED = ("Flow_H2D_", "CL_Flow_H2D_")
_BYTES = re.compile(r"\[\d+( bytes)?\]$")


def split_name(name: str) -> tuple[str, str, Work]:
    """Name, grid and kind of a row or event: ``("gemm_kernel", "56x1x1/64x8x1", KERNEL)``."""
    name = name.strip()[:4000]
    if name.startswith("zeCommandListAppend"):
        kind = Work.FILL if "Fill" in name else Work.COPY
        return _BYTES.sub("", name), "", kind
    match = _SHAPE.search(name)
    if match is None:
        return name, "", Work.KERNEL
    parts = [
        part.replace(";", "x").replace(" ", "") for part in re.findall(r"\{([^}]*)\}", match[1])
    ]
    return name[: match.start()], "/".join(parts), Work.KERNEL


def _work(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
    name, grid, kind = split_name(text(event.get("name")) or "(no name)")
    walk.sources.add("unitrace")
    pid, tid = identity(event.get("pid")), identity(event.get("tid"))
    walk.builder.add(
        name,
        duration,
        start,
        work=kind,
        device=max(0, pid),
        stream=tid,
        launch=whole(arguments(event).get("id")),
        grid=grid,
    )


HANDLERS: dict[str, Handler] = {"gpu_op": _work}


def flow(walk: Walk, event: dict[str, Any], start: float) -> None:
    """An arrow's start: when the host made the call that launches what has its id."""
    if text(event.get("cat")).startswith(_LAUNCHED):
        walk.builder.call(whole(event.get("id")), start)


def title(walk: Walk) -> str:
    """The format in words, for the record."""
    return "unitrace, chrome trace"
