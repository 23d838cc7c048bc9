"""``truetpot check``: what a serving benchmark's result is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truetpot.cli.command import JsonOption, one_of
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.errors import UserError

if TYPE_CHECKING:
    from truetpot.serving.yardstick import Yardstick

FAIL_ON = ("info", "warning", "error", "never")


def check(
    result: Annotated[Path, typer.Argument(help="A file that a serving benchmark wrote.")],
    model: Annotated[
        str | None, typer.Option(help="A known model, or a folder with a config.json.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="A card of the tables: arc-a770.")] = None,
    tp: Annotated[int, typer.Option(min=1, help="Cards that shared the model.")] = 1,
    format: Annotated[str, typer.Option(help="Weight format that was served.")] = "fp16",
    kv_format: Annotated[str, typer.Option(help="KV cache format.")] = "fp16",
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
    """Read a serving result, recompute its time per token, and name what is wrong with it."""
    check_outputs({"--json": json}, [result, ladder, *of_model(model)])
    one_of(fail_on, FAIL_ON, "--fail-on")
    if ladder is not None and (model is not None or device is not None):
        raise UserError("--ladder says which model and device it is: no --model and no --device.")
    if (model is None) != (device is None):
        raise UserError("A floor needs both --model and --device; give the other one too.")
    from truetpot.records.check import CheckRecord
    from truetpot.records.opening import command
    from truetpot.records.store import write_record
    from truetpot.records.verdicts import Verdict
    from truetpot.report.serving import draw_checked
    from truetpot.report.terminal import Terminal
    from truetpot.serving.check import check_file
    from truetpot.serving.verdict import judge

    terminal = Terminal(quiet=json == "-")
    yardstick = _yardstick(model, device, tp, format, kv_format, ladder)
    checked = check_file(result, yardstick, output_tokens)
    judged = [judge(one) for one in checked]
    for one, serving in zip(checked, judged, strict=True):
        terminal.show(draw_checked(one, serving), "")
    if json is not None:
        runs = [one.record(serving.record()) for one, serving in zip(checked, judged, strict=True)]
        held = None if yardstick is None else yardstick.what
        write_record(CheckRecord.of(runs, command(), str(result), held), json)
    found = [finding.severity for one in checked for finding in one.findings]
    failed = fail_on != "never" and any(severity >= fail_on for severity in found)
    failed |= fail_on != "never" and any(one.verdict is Verdict.IMPOSSIBLE for one in judged)
    raise typer.Exit(int(failed))


def _yardstick(
    model: str | None,
    device: str | None,
    tp: int,
    format: str,
    kv_format: str,
    ladder: Path | None,
) -> Yardstick | None:
    from truetpot.serving.yardstick import from_facts, from_record

    if ladder is not None:
        return from_record(ladder)
    if model is None or device is None:
        return None
    from truetpot.facts.hardware import load_hardware
    from truetpot.facts.models import load_model

    return from_facts(load_model(model), load_hardware(device), tp, format, kv_format)
