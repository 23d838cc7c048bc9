"""What one kernel's call launches, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from truetpot.records.launch import LaunchRecord, LaunchRow
from truetpot.records.words import Cache
from truetpot.report.config import with_origin
from truetpot.report.table import Table, name, prose
from truetpot.report.words import words

UNKNOWN = "not known"


def draw_launch(found: LaunchRecord) -> RenderableType:
    """Case, parameters, what each launch is, and how often it was called on what."""
    case = found.op + (f" ({', '.join(found.roles)})" if found.roles else "")
    parts: list[RenderableType] = [words((case, "bold"), f"  {found.case}")]
    table = Table(name(), prose())
    table.row("provider", found.provider)
    ran = with_origin(found.config, found.origin, found.origin_case)
    table.row("launch parameters", ran or "none")
    rows: Sequence[LaunchRow] = found.launches or [LaunchRow(note=_nothing(found.provider))]
    for row in rows:
        for what, text in _lines(row):
            table.row(what, text)
    parts.append(table)
    where = "its inputs may come from a cache" if found.cache is Cache.HOT else (
        f"each on the next of {found.copies} copies of its inputs"
    )  # fmt: skip
    calls = "1 call" if found.calls == 1 else f"{found.calls} calls, {where}"
    parts.append(words(f"{calls}; not checked, not timed: truetpot kernels does both", style="dim"))
    return Group(*parts)


def _lines(row: LaunchRow) -> Iterator[tuple[str, str]]:
    yield "entry point", row.entry_point or UNKNOWN
    yield "global size", _sizes(row.global_size)
    yield "local size", _sizes(row.local_size)
    yield "build options", UNKNOWN if row.options is None else " ".join(row.options)
    yield "binary", row.binary or UNKNOWN
    if row.note:
        yield "", row.note


def _sizes(sizes: Sequence[int] | None) -> str:
    return UNKNOWN if sizes is None else " x ".join(map(str, sizes))


def _nothing(provider: str) -> str:
    return f"{provider} does not say what it launches; the profiler does"
