"""What ``truetpot isa`` prints while it runs and at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from truetpot.cli.screen import Screen
from truetpot.exits import ExitCode
from truetpot.isa.configs import ALL
from truetpot.isa.difference import compare, read_old
from truetpot.isa.ocloc import Ocloc
from truetpot.records.isa import Inspection
from truetpot.records.store import write_record
from truetpot.report.images import draw_images
from truetpot.report.isa import draw_changes, draw_kernels
from truetpot.report.isa_sweep import draw_sweep
from truetpot.report.numbers import count_of
from truetpot.report.terminal import Terminal
from truetpot.runs import isa, isa_images
from truetpot.runtime.interrupts import uninterrupted


class IsaScreen(Screen, isa.IsaWatch):
    """A line on what is to be compiled."""

    def planned(
        self, ocloc: Ocloc, targets: Sequence[str], jobs: int, compilations: int, kept: int
    ) -> None:
        """Say what is to be compiled, before it is."""
        what = count_of(compilations, "compilation")
        if jobs > compilations:
            what = f"{count_of(jobs, 'configuration')}, {what}"
        if kept:
            what += f", {kept} of them kept from before"
        self.say(f"ocloc {ocloc.version} for {', '.join(targets)}; {what}")


def run_and_show(
    request: isa.Request,
    command: str,
    work: str | None,
    instructions: bool,
    strict: bool,
    asm: Path | None,
    diff: Path | None,
    json: str | None,
    terminal: Terminal,
) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    old = None if diff is None else read_old(diff)
    done = isa.run(request, command, work, IsaScreen(terminal), asm)
    with uninterrupted():
        return _show(request, done, old, instructions, strict, json, terminal)


def _show(
    request: isa.Request,
    done: isa.Compiled,
    old: Sequence[Inspection] | None,
    instructions: bool,
    strict: bool,
    json: str | None,
    terminal: Terminal,
) -> int:
    record = done.record
    if old is not None:
        terminal.show(draw_changes(compare(old, record.kernels)))
    elif request.config == ALL and not instructions:
        terminal.show(draw_sweep(record))
    else:
        terminal.show(draw_kernels(record.kernels, instructions, record.without_entry))
    if record.no_kernel and not request.words:
        terminal.status(
            f"{count_of(len(record.no_kernel), 'case')} without a kernel, in the record"
        )
    for one in record.failed:
        terminal.say(
            f"{one.target}: {one.op} {one.name} ({one.variant}) does not compile: {one.reason}",
            "bold red",
        )
    if json is not None:
        write_record(record, json)
    terminal.draw(record)
    faulty = sum(bool(one.faults) for one in record.kernels)
    if faulty:
        terminal.say(f"{count_of(faulty, 'kernel')} with faults", "bold red")
    if done.interrupted:
        left = (record.configurations or 0) - len(done.results)
        terminal.say(
            f"Interrupted, {count_of(left, 'configuration')} left: the same command goes on from "
            "here.", "yellow",
        )  # fmt: skip
        return ExitCode.INTERRUPTED
    return ExitCode.INVALID if record.failed or (strict and faulty) else ExitCode.OK


def run_images_and_show(
    files: Sequence[Path],
    request: isa.Request,
    command: str,
    work: str | None,
    instructions: bool,
    strict: bool,
    json: str | None,
    terminal: Terminal,
) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    record = isa_images.run(files, request, command, work, Screen(terminal))
    terminal.show(draw_images(record, instructions))
    if not record.kernels and not record.failed:
        terminal.say("no kernel is left: loosen --kernel or --target", "yellow")
    if json is not None:
        write_record(record, json)
    terminal.draw(record)
    faulty = any(row.faults for row in record.kernels)
    return ExitCode.INVALID if record.failed or (strict and faulty) else ExitCode.OK
