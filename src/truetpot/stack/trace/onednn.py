"""``ONEDNN_VERBOSE=profile_exec``: a line a primitive, with its shapes, in the order of execution.

Times of a GPU are those of its own clock, and 0 where the queue was made without profiling; there
are no starts, so no pauses, unless ``ONEDNN_VERBOSE_TIMESTAMP`` was set, and those are the host's.
The fields are those of uxlfoundation/oneDNN doc/performance_considerations/verbose.md@13d58e9.
"""

from __future__ import annotations

from truetpot.stack.trace.lines import lines
from truetpot.stack.trace.matmul import gemm_of_text
from truetpot.stack.trace.model import Builder, Trace
from truetpot.stack.trace.opened import Opened
from truetpot.stack.trace.values import number

MILLISECOND = 1e-3
_MARKS = ("onednn_verbose,", "dnnl_verbose,")
_PRODUCTS = ("matmul", "inner_product", "ip")


def is_log(text: str) -> bool:
    """Whether a text is such a log, by a line of an execution."""
    return any(_fields(line) for line in text.splitlines())


def read(opened: Opened) -> Trace:
    """Executions on a GPU; those on the CPU where there are no others."""
    builders = {"gpu": Builder(MILLISECOND), "cpu": Builder(MILLISECOND)}
    counts = dict.fromkeys(builders, 0)
    zero = 0
    for line in lines(opened):
        fields = _fields(line)
        if fields is None or fields[0] not in builders:
            continue
        engine, primitive, implementation, shape, time = fields
        duration = number(time)
        if duration is None or duration < 0:
            continue
        zero += duration == 0
        gemm = gemm_of_text(shape) if primitive in _PRODUCTS else None
        name = f"onednn {primitive} {implementation}"
        builders[engine].add(name[:4000], duration, gemm=gemm, grid=shape[:200])
        counts[engine] += 1
    engine = "gpu" if counts["gpu"] else "cpu"
    said = []
    if zero:
        said.append(f"{zero:,} executions have the time 0: their queue was made without profiling.")
    if not counts[engine]:
        raise opened.wrong("it has no execution with a time")
    kernels = builders[engine].build()[0]
    return Trace(f"oneDNN verbose, {engine}", (engine,), kernels, said=tuple(said))


def _fields(line: str) -> tuple[str, str, str, str, str] | None:
    """Engine, primitive, implementation, shapes and ms of an execution.

    The fields before ``exec`` differ between versions: none, ``v1``, ``primitive``, a time.
    """
    start = next((at for mark in _MARKS if (at := line.find(mark)) >= 0), -1)
    if start < 0:
        return None
    fields = line[start:].split(",")
    if "exec" not in fields[:6]:
        return None
    rest = fields[fields.index("exec") + 1 :]
    if len(rest) < 6:
        return None
    return rest[0], rest[1], rest[2], rest[-2], rest[-1].strip()
