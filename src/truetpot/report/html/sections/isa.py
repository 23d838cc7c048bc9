"""The section of kernels' machine code."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.isa import Inspection, IsaRecord, IssueVerdict
from truetpot.report.html import plain
from truetpot.report.html.charts.isa import limits_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.numbers import count_of, digits

_HEADS = ("kernel", "variant", "target", "batch", "verdict", "issuing", "waiting", "local memory",
          "registers", "spill bytes", "SIMD", "where", "load bytes", "case", "roles")  # fmt: skip
_GOOD = (IssueVerdict.MEMORY, IssueVerdict.MARGIN)


def isa_section(record: IsaRecord) -> Section:
    """Estimates beside memory's time, faults, counts."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(limits_chart(record))
    parts.table("Kernels", _HEADS, map(_row, record.kernels))
    if record.failed:
        parts.grids.append(plain.grid("Not compiled", record.failed))
    facts = plain.facts(record, ("kernels", "failed", "rates"))
    title = f"Machine code of the OpenCL kernels of {record.model}"
    return Section(title, parts.notes, parts.charts, parts.grids, facts, plain.origin(record))


def _notes(record: IsaRecord) -> Iterator[Note]:
    for row in record.failed:
        yield Note(
            "bad", f"{row.name} {row.variant} does not compile.", f"{row.target}: {row.reason}"
        )
    for kernel in record.kernels:
        for fault in kernel.faults:
            yield Note("bad", f"{kernel.name} {kernel.variant}, {kernel.target}.", fault)
    head = f"{count_of(len(record.kernels), 'compiled kernel')}."
    yield Note("info", head, "Compiled, not run: times are estimates from the machine code.")
    for case, why in record.no_kernel.items():
        yield Note("info", f"No kernel for {case}.", why)
    for target, why in record.targets_left_out.items():
        yield Note("info", f"{target} was left out.", why)


def _row(row: Inspection) -> list[Cell]:
    ratios = (row.issue_over_memory, row.latency_over_memory, row.local_over_memory)
    return [
        cell(row.name),
        cell(row.variant),
        cell(row.target),
        cell(row.batch),
        cell(row.verdict, tone="good" if row.verdict in _GOOD else "warn"),
        *(cell(one, None if one is None else digits(one)) for one in ratios),
        cell(row.grf),
        cell(row.spill_bytes, tone="bad" if row.spill_bytes else ""),
        cell(row.simd),
        cell(row.where),
        cell(row.weight_load_bytes),
        cell(row.case),
        cell(", ".join(row.roles)),
    ]
