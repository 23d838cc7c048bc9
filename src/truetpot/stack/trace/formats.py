"""Which reader takes what: JSON by the events in it, text by the words at its beginning."""

from __future__ import annotations

from collections.abc import Callable

from truetpot.stack.trace import (
    llama_perf,
    nsys_csv,
    onednn,
    rocprof,
    torch_profiler,
    unitrace_chrome,
    unitrace_text,
)
from truetpot.stack.trace.chrome import Walk, read_chrome
from truetpot.stack.trace.model import Trace
from truetpot.stack.trace.opened import Opened, Reader


def read_json(opened: Opened) -> Trace:
    """Reads a chrome trace; its events tell which profiler wrote it."""
    handlers = {**torch_profiler.HANDLERS, **unitrace_chrome.HANDLERS}
    return read_chrome(
        opened.file, opened.shown, opened.what, handlers, torch_profiler.BESIDE, _title,
        unitrace_chrome.flow,
    )  # fmt: skip


def _title(walk: Walk) -> str:
    one = unitrace_chrome if "unitrace" in walk.sources else torch_profiler
    return one.title(walk)


BY_TEXT: tuple[tuple[Callable[[str], bool], Reader], ...] = (
    (unitrace_text.is_metrics, unitrace_text.read_metrics),
    (unitrace_text.is_summary, unitrace_text.read_summary),
    (rocprof.is_trace, rocprof.read),
    (nsys_csv.is_summary, nsys_csv.read_summary),
    (nsys_csv.is_trace, nsys_csv.read_trace_rows),
    (llama_perf.is_log, llama_perf.read),
    (onednn.is_log, onednn.read),
)
"""Text by what stands in its first 256 KiB, the first that fits."""
