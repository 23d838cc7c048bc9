"""What first contact with a card gave: a line a step, and what is in the archive."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding

from truetpot.records.contact import ArchivedFile, ContactRecord, StepRow
from truetpot.records.words import StepOutcome
from truetpot.report.numbers import count_of
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

LAST_LINES = 8
"""Of a traceback, where not all of it is shown."""
_STYLE = {
    StepOutcome.OK: "green",
    StepOutcome.NOT_RUN: "dim",
    StepOutcome.INTERRUPTED: "yellow",
    StepOutcome.REFUSED: "yellow",
    StepOutcome.OUT_OF_TIME: "yellow",
}
GOOD = (StepOutcome.OK, StepOutcome.NOT_RUN)


def draw_contact(record: ContactRecord) -> RenderableType:
    """Machine, steps, and the end of each traceback."""
    about = Table(name(), prose())
    about.row("started", record.started)
    about.row("truetpot", f"{record.truetpot}, Python {record.python}, {record.os}")
    about.row("device", record.device)
    for one in record.devices:
        driver = f", driver {one['driver']}" if one.get("driver") else ""
        about.row(one.get("device", ""), f"{one['name']}{driver}")
    return Group(about, "", draw_steps(record.steps), draw_outcome(record))


def draw_steps(steps: Sequence[StepRow]) -> RenderableType:
    """A line a step; what went wrong stands below the table."""
    table = Table(name("step"), name("outcome"), number("s"), prose("said"))
    for step in steps:
        seconds = f"{step.seconds:.1f}" if step.command else ""
        style = _STYLE.get(step.outcome, "red")
        table.row(step.name, words((step.outcome, style)), seconds, step.said)
    parts: list[RenderableType] = [table]
    for step in steps:
        if step.traceback:
            parts += ["", words((step.name, "bold"), f"  {step.command}")]
            whole = step.traceback.splitlines()
            lines = _innermost(whole)
            if len(lines) < len(whole):
                said = f"  the innermost {len(lines)} of {len(whole)} lines:"
                parts.append(words(said, style="dim"))
            parts += [Padding(words(line), (0, 0, 0, 2)) for line in lines]
    return Group(*parts)


def _innermost(lines: Sequence[str]) -> Sequence[str]:
    """The lines next to where it stopped: the last ones of an exception, and the first ones of the
    thread that a signal ended, which faulthandler writes the other way round."""
    ended = [i for i, line in enumerate(lines) if line.startswith("Current thread")]
    if not ended:
        return lines[-LAST_LINES:]
    own = lines[ended[-1] :]
    stack = own[: own.index("")] if "" in own else own
    return [line for line in stack if "<frozen importlib" not in line][:LAST_LINES]


def draw_outcome(record: ContactRecord) -> RenderableType:
    """How many steps ended well, in a sentence."""
    steps = record.steps
    ran = [one for one in steps if one.outcome is not StepOutcome.NOT_RUN]
    well = [one for one in ran if one.outcome is StepOutcome.OK]
    text = f"{len(well)} of {count_of(len(ran), 'step')} that ran ended well"
    if len(ran) < len(steps):
        text += f", {len(steps) - len(ran)} did not run"
    if record.partial:
        text += "; the run did not come to its end"
    return Group("", words(f"{text}.", style="" if len(well) == len(ran) else "yellow"))


def draw_archive(path: str, record: ContactRecord) -> RenderableType:
    """Every file of the archive, and what was taken out of them."""
    table = Table(name("file"), number("bytes"))
    for one in record.files:
        table.row(one.name, f"{one.size:,}")
    return Group(
        "",
        words((path, "bold"), " has manifest.json and"),
        Padding(table, (0, 0, 0, 2)),
        words(f"Replaced: {_replaced(record)}. Look into it before it leaves your hands:"),
        words(f"truetpot contact --replay {path} --show FILE, or unzip it."),
    )


def draw_file(text: str) -> RenderableType:
    """One file of an archive, line by line."""
    return Group(*(words(line) for line in text.splitlines()))


def draw_files(files: Sequence[ArchivedFile]) -> RenderableType:
    """The files of an archive that ``--show`` can be given."""
    return words("Files: ", ", ".join(one.name for one in files), style="dim")


def _replaced(record: ContactRecord) -> str:
    found = [f"{count_of(many, kind)}" for kind, many in record.redacted.items()]
    return ", ".join(found) or "nothing"
