"""``truetpot check``: what a serving benchmark's result is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import JsonOption, one_of
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.errors import UserError

FAIL_ON = ("info", "warning", "error", "never")


def check(
    result: Annotated[Path, typer.Argument(help="A file that a serving benchmark wrote.")],
    model: Annotated[
        str | None, typer.Option(help="A known model, or a folder with a config.json.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="A card of the tables: arc-a770.")] = None,
    tp: Annotated[int | None, typer.Option(min=1, help="Cards that shared the model.")] = None,
    format: Annotated[str | None, typer.Option(help="Weight format that was served.")] = None,
    kv_format: Annotated[str | None, typer.Option(help="KV cache format.")] = None,
    ladder: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A record of truetpot decode --json, as the yardstick."),
    ] = None,
    output_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Output tokens asked for, where the file does not say."),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(help="Exit with 1 from this severity on: info, warning, error, never.")
    ] = "error",
    json: JsonOption = None,
) -> None:
    """Read a serving result, recompute its time per token, and name what is wrong with it.

    Model, card, number of cards and formats that are not given are the file's, where it has them.
    """
    check_outputs({"--json": json}, [result, ladder, *of_model(model)])
    one_of(fail_on, FAIL_ON, "--fail-on")
    if ladder is not None and (model is not None or device is not None):
        raise UserError("--ladder says which model and device it is: no --model and no --device.")
    from truetpot.records.check import CheckRecord
    from truetpot.records.opening import command
    from truetpot.records.store import write_record
    from truetpot.records.verdicts import Verdict
    from truetpot.report.serving import draw_checked
    from truetpot.report.terminal import Terminal
    from truetpot.serving.check import check_run
    from truetpot.serving.chosen import Flags
    from truetpot.serving.readers import read
    from truetpot.serving.verdict import judge
    from truetpot.serving.yardstick import from_record, from_run

    terminal = Terminal(quiet=json == "-")
    flags = Flags(model, device, tp, format, kv_format)
    measured = None if ladder is None else from_record(ladder)
    runs = read(result)
    held = [(measured, ()) if measured else from_run(run, flags) for run in runs]
    checked = [
        check_run(run, tuple(runs[:i]), held[i][0], output_tokens) for i, run in enumerate(runs)
    ]
    judged = [judge(one) for one in checked]
    told = [*zip(checked, judged, (said for _, said in held), strict=True)]
    for one, serving, said in told:
        terminal.show(draw_checked(one, serving, said), "")
    if json is not None:
        rows = [one.record(serving.record(), said) for one, serving, said in told]
        write_record(CheckRecord.of(rows, command(), str(result)), json)
    found = [finding.severity for one in checked for finding in one.findings]
    failed = fail_on != "never" and any(severity >= fail_on for severity in found)
    failed |= fail_on != "never" and any(one.verdict is Verdict.IMPOSSIBLE for one in judged)
    raise typer.Exit(int(failed))

