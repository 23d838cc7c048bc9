"""``truetpot drive``: a serving run on a live server, held against the ladder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import JsonOption, numbers, one_of
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.errors import UserError

ENGINES = ("aiperf", "guidellm")
ENDPOINTS = ("completions", "chat")


def drive(
    url: Annotated[str, typer.Argument(metavar="URL", help="http://host:8000/v1")],
    input: Annotated[int, typer.Option(min=1, help="Tokens of each prompt.")] = 1024,
    output: Annotated[int, typer.Option(min=2, help="Tokens of each output.")] = 256,
    concurrency: Annotated[str, typer.Option(help="Requests at once: 1,4,16.")] = "1",
    requests: Annotated[
        int | None,
        typer.Option(min=1, help="Measured requests of a point; else 3 a stream, 8 at least."),
    ] = None,
    ladder: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A record of truetpot decode --json, as the yardstick."),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The model's tokenizer; else the server's /tokenize."),
    ] = None,
    served: Annotated[
        str | None, typer.Option(help="The model's name at a server that has several.")
    ] = None,
    endpoint: Annotated[
        str, typer.Option(help="completions: prompts of that length; chat: with the template.")
    ] = "completions",
    engine: Annotated[str, typer.Option(help="The load generator: aiperf or guidellm.")] = "aiperf",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where record, prompts and raw files go.")
    ] = Path("truetpot-drive"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the finished points that are in --out.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Time it although single requests say not to.")
    ] = False,
    calibrate: Annotated[
        bool, typer.Option(help="Hold the client against a stub of known pace, point by point.")
    ] = True,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a request may take.")] = 600,
    json: JsonOption = None,
) -> None:
    """Run a load on a live OpenAI-compatible server, and hold its time per token against a ladder.

    Single requests first: what the server does not obey, or counts wrongly, stops the timing. Then
    one run of an existing load generator a concurrency; its files are read as truetpot check reads
    anyone's. An API key is taken from OPENAI_API_KEY, and is written nowhere.
    """
    check_outputs({"--json": json}, [ladder, *of_model(tokenizer)])
    one_of(engine, ENGINES, "--engine")
    one_of(endpoint, ENDPOINTS, "--endpoint")
    streams = list(dict.fromkeys(numbers(concurrency, "--concurrency")))
    if min(streams) < 1 or max(streams) > 4096:
        raise UserError(f"--concurrency {concurrency} is out of range; give 1 to 4096.")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is no folder; give one, or a name for a new one.")
    from truetpot.cli.drive_run import Asked, drive_run

    asked = Asked(
        url, served, input, output, streams, requests, ladder, tokenizer, endpoint, engine, out,
        resume, anyway, calibrate, timeout,
    )  # fmt: skip
    drive_run(asked, json)
