"""A trace: its steps, where a token's time went, each role, the losses and the doubts."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding

from truetpot.records.stack import Role
from truetpot.records.trace import StackRung, TracedRole, TracedRun, TraceRecord
from truetpot.records.verdicts import Severity
from truetpot.report.numbers import count_of, digits, percent
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_PARTS = (
    ("kernels", "kernels_ms", "while they run, each moment counted once"),
    ("collectives", "collectives_ms", "that no kernel hides"),
    ("copies", "copies_ms", "that no kernel hides"),
    ("waits for the host", "gap_host_ms", "nothing was submitted"),
    ("between kernels", "gap_queued_ms", "the next was submitted before"),
    ("unexplained", "unexplained_ms", "the trace does not tell why"),
)


def draw_trace(record: TraceRecord) -> Iterator[RenderableType]:
    """Every run of the record, one below the other."""
    for run in record.runs:
        yield from _head(run)
        if record.yardstick:
            yield words("Beside: ", record.yardstick, ".")
        yield ""
        if run.stack is not None:
            yield _rung(run.stack, run.step_ms, run.per)
            yield ""
        yield _roles(run)
        yield from _unknown(run)
        if run.losses:
            yield ""
            yield words("The largest losses", style="bold")
            for i, loss in enumerate(run.losses, 1):
                yield Padding(words(f"{i}. {loss.sentence}"), (0, 0, 0, 2))
        if run.findings:
            yield ""
            yield _findings(run)
        yield ""


def _head(run: TracedRun) -> Iterator[RenderableType]:
    rank = "" if run.rank is None else f", rank {run.rank}"
    yield words((run.file, "bold"))
    yield words(f"{run.format}, device {run.device}{rank}")
    layers = count_of(run.layers, "layer")
    if run.layers_total is not None and run.layers:
        layers = f"{run.layers} of {run.layers_total} layers"
    if not run.steps_by:
        yield words(f"{count_of(run.kernels, 'kernel')}, no steps: times are of the whole file.")
        return
    by = {"period": "an exact period", "anchor": "a kernel at even distances", "block": "blocks",
          "repeat": "the longest repeat", "annotation": "the program's marks"}  # fmt: skip
    yield words(
        f"{count_of(run.kernels, 'kernel')}; {count_of(run.decode_steps, 'decode step')}, found by "
        f"{by.get(run.steps_by, run.steps_by)}, {run.used_steps} used{_beside(run)}; {layers}"
    )
    yield words(f"Tokens a step and sequence: {run.tokens:g} ({run.tokens_from}).")
    if run.tokens != 1:
        yield words("The tables are of a token: ms of a step, divided by these tokens.")


def _beside(run: TracedRun) -> str:
    prefill = f", {run.prefill_steps} of prefill" if run.prefill_steps else ""
    return prefill + (f", {run.other_steps} other" if run.other_steps else "")


def _rung(rung: StackRung, step_ms: float | None, per: str) -> Table:
    table = Table(name(f"a {per}"), number("ms"), number("share"), prose("what"))
    whole = rung.ms_per_token
    launches = "" if rung.launches is None else f"{digits(rung.launches)} launches a {per}"
    for title, field, what in _PARTS:
        ms: float = getattr(rung, field)
        note = what
        if field == "collectives_ms" and rung.waiting_ms:
            note += f"; at least {rung.waiting_ms:.3f} ms of it is waiting"
        if field == "gap_host_ms" and launches:
            note += f"; {launches}"
        table.row(title, f"{ms:.3f}", percent(ms / whole if whole else None), note)
    note = "from one step to the next"
    table.row("stack", f"{whole:.3f}", percent(1.0), note, style="bold")
    if step_ms:
        note = f"of truetpot's kernels, measured: stack/step is {whole / step_ms:.3g}"
        table.row("step", f"{step_ms:.3f}", percent(step_ms / whole), note)
    return table


def _roles(run: TracedRun) -> Table:
    table = Table(
        name("role"), number(f"ms a {run.per}"), number("share"), number(_calls(run)),
        number("floor ms"), number("ceiling ms"), number("ours ms"), name("by"),
    )  # fmt: skip
    for row in run.roles:
        beside = [_ms(row.floor_ms), _ms(row.ceiling_ms), _ms(row.ours_ms)]
        cells = [row.role.value, f"{row.ms:.3f}", percent(row.share), digits(row.calls)]
        table.row(*cells, *beside, row.by.value or "-")
    floor = _ms(run.floor_ms)
    table.row("all", f"{run.busy_ms:.3f}", percent(1.0), "", floor, "", "", "", style="bold")
    return table


def _calls(run: TracedRun) -> str:
    return "calls" if run.per == "file" else "calls a step"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _unknown(run: TracedRun) -> Iterator[RenderableType]:
    """Kernels that no rule places, by their names: nothing is hidden in a sum."""
    for row in run.roles:
        if row.role in (Role.UNKNOWN, Role.GEMM):
            yield ""
            title = "no rule knows" if row.role == Role.UNKNOWN else "products without a place"
            yield _names(run, row, title)


def _names(run: TracedRun, row: TracedRole, title: str) -> Table:
    table = Table(number(f"ms a {run.per}"), number(_calls(run)), prose(title))
    for one in row.kernels:
        table.row(f"{one.ms:.3f}", digits(one.calls), one.name)
    return table


def _findings(run: TracedRun) -> Table:
    table = Table(name("finding"), prose("evidence"))
    for one in run.findings:
        table.row(one.id, f"{one.title}. {one.evidence} {one.fix}", style=_STYLES[one.severity])
    return table
