"""``truetpot drive``: a serving run on a live server, held against the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truetpot.cli.command import JsonOption, counts
from truetpot.cli.outputs import check_folder, check_outputs, of_model
from truetpot.cli.together import Apart, Needs, together
from truetpot.errors import UserError
from truetpot.text import one_of

if TYPE_CHECKING:
    from truetpot.drive.plan import Arm, Step
    from truetpot.drive.server import Server
    from truetpot.records.drive import CanaryRow, DriveRecord

ENGINES = ("aiperf", "guidellm")
ENDPOINTS = ("completions", "chat")
MOST_STREAMS = 4096
ROUNDS = 3
"""Of several servers, where nothing else is asked for: fewer have no useful interval."""


@together(
    Apart("url", ("arm",), "is the only server"),
    Needs("restart", ("arm",), "is for one of several servers"),
)
def drive(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="http://host:8000/v1")] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="Instead of URL: servers in alternation."),
    ] = None,
    restart: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COMMAND", help="Makes the server of that --arm answer."),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Of the alternation; else 3, and 1 for one server.")
    ] = None,
    input: Annotated[str, typer.Option(help="Tokens of each prompt: 1024,8192.")] = "1024",
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
    streams = counts(concurrency, "--concurrency", 1)
    if max(streams) > MOST_STREAMS:
        raise UserError(f"--concurrency {concurrency} is out of range; give 1 to {MOST_STREAMS:,}.")
    check_folder(out, "--out", json, "--json")
    from truetpot.drive import session
    from truetpot.drive.plan import Asked, arms_of
    from truetpot.records.store import write_record
    from truetpot.report.drive import draw_canaries, draw_points, draw_server, told
    from truetpot.report.terminal import Terminal

    arms = arms_of(url, arm or [], restart or [])
    asked = Asked(
        arms, served, counts(input, "--input", 1), output, streams,
        rounds or (ROUNDS if len(arms) > 1 else 1), requests, ladder, tokenizer, endpoint, engine,
        out, resume, anyway, calibrate, timeout,
    )  # fmt: skip

    class Screen(session.Watch):
        """What is drawn as it goes; the record for ``--json`` whatever ends the run."""

        def looked(self, arm: Arm, server: Server) -> None:
            terminal.show(draw_server(server, arm.name))

        def probed(
            self, arm: Arm, canaries: Sequence[CanaryRow], prefix_cache: bool | None
        ) -> None:
            terminal.show(draw_canaries(canaries, prefix_cache))

        def begins(self, step: Step) -> None:
            terminal.status(told(step, asked.rounds))

        def ended(self, record: DriveRecord) -> None:
            if json is not None:
                write_record(record, json)
            terminal.show(draw_points(record))

    terminal = Terminal(quiet=json == "-")
    session.drive(asked, Screen())
