"""``truetpot contact``: ten minutes with a card, one archive; and an archive shown anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truetpot.cli.command import STDOUT, DeviceOption, JsonOption
from truetpot.cli.outputs import check_outputs
from truetpot.cli.together import Needs, Only, together
from truetpot.errors import UserError
from truetpot.exits import ExitCode
from truetpot.runtime.interrupts import uninterrupted
from truetpot.text import escaped

if TYPE_CHECKING:
    from truetpot.records.contact import ContactRecord
    from truetpot.report.terminal import Terminal

OUT = Path("truetpot-contact.zip")


@together(
    Only("replay", frozenset({"show", "json"}), "shows an archive, and runs nothing"),
    Needs("show", ("replay",), "is a file of an archive"),
)
def contact(
    device: DeviceOption = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.zip", help=f"The archive; {OUT}.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=600, help="For all steps together.")
    ] = 10.0,
    small: Annotated[
        bool, typer.Option("--small", help="Kernels and decode step of a model of 0.5B.")
    ] = False,
    replay: Annotated[
        Path | None, typer.Option(metavar="ARCHIVE", help="Show an archive; nothing is run.")
    ] = None,
    show: Annotated[
        str | None, typer.Option(metavar="FILE", help="Of the archive that --replay names.")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Try everything on a card, whatever fails, and pack it into an archive for an issue.

    Exits with 1 where a step did not end well.
    """
    from truetpot.report.terminal import Terminal

    terminal = Terminal(quiet=json == STDOUT)
    if replay is not None:
        check_outputs({"--json": json}, [replay])
        _replay(replay, show, json, terminal)
        return
    from truetpot.runtime.choose import check_name

    check_name(device)
    archive = out or OUT
    check_outputs({"--json": json, "--out": archive})
    raise typer.Exit(_run(device, archive, minutes, small, json, terminal))


def _replay(path: Path, show: str | None, json: str | None, terminal: Terminal) -> None:
    from truetpot.contact.archive import MANIFEST, read_archive
    from truetpot.records.store import as_text, write_record
    from truetpot.report.contact import draw_contact, draw_file, draw_files

    found = read_archive(path)
    if show is None:
        terminal.show(draw_contact(found.manifest), draw_files(found.manifest.files))
    elif show == MANIFEST:
        terminal.show(draw_file(as_text(found.manifest)))
    elif show in found.files:
        terminal.show(draw_file(found.text(show)))
    else:
        known = ", ".join([MANIFEST, *found.files])
        raise UserError(
            f"There is no {escaped(show)} in the archive; choose from {escaped(known)}."
        )
    if json is not None:
        write_record(found.manifest, json)


def _run(
    device: str, out: Path, minutes: float, small: bool, json: str | None, terminal: Terminal
) -> int:
    import os
    import tempfile

    if not hasattr(os, "killpg"):
        raise UserError(
            "truetpot contact ends process groups, which this system has not; use Linux."
        )
    from truetpot.contact.redact import Redactor
    from truetpot.contact.run import Contact
    from truetpot.contact.steps import Known, load_steps
    from truetpot.records.store import write_record
    from truetpot.report.contact import GOOD, draw_archive, draw_contact

    with tempfile.TemporaryDirectory(prefix="truetpot-", ignore_cleanup_errors=True) as temporary:
        work = Path(temporary)
        run = Contact(
            steps=load_steps(),
            known=Known(device, small, work / "compiled"),
            work=work,
            archive=out,
            limit_s=minutes * 60,
            redactor=Redactor.of_this_machine(work),
        )

        def begin(name: str, limit_s: float) -> None:
            terminal.status(f"{name} (at most {limit_s:.0f} s)")

        code = ExitCode.OK
        try:
            for row in run.run(begin):
                if row.outcome not in GOOD:
                    code = ExitCode.INVALID
                    terminal.status(f"  {row.outcome}: {row.said}", style="yellow")
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        with uninterrupted():
            run.write()
    found: ContactRecord = run.manifest()
    terminal.show(draw_contact(found), draw_archive(str(out), found))
    if json is not None:
        write_record(found, json)
    return code
