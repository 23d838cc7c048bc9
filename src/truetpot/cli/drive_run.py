"""What ``truetpot drive`` does: look, single requests, points, the record as it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from truetpot.drive.aiperf import AIPerf
from truetpot.drive.calibrate import calibrate
from truetpot.drive.canaries import Canaries, sing
from truetpot.drive.engine import Engine, Load, program, version
from truetpot.drive.guidellm import GuideLLM
from truetpot.drive.point import measure
from truetpot.drive.server import Server, look
from truetpot.drive.tokens import requests_of, tokenizer_of
from truetpot.errors import UserError
from truetpot.records.drive import DrivePoint, DriveRecord, ServerRow
from truetpot.records.opening import command, now
from truetpot.records.store import read_record, write_record
from truetpot.records.words import PointStatus
from truetpot.report.drive import draw_canaries, draw_points, draw_server
from truetpot.report.terminal import Terminal
from truetpot.serving.measured import Measured, read_measured
from truetpot.serving.prompts.compose import compose
from truetpot.serving.prompts.corpus import shipped
from truetpot.serving.prompts.tokenizer import Tokenizer

RECORD = "record.json"
SINGLE = 4
"""Prompts of the single requests, which no point sends again."""


@dataclass(frozen=True)
class Asked:
    """The options."""

    url: str
    served: str | None
    input: int
    output: int
    concurrency: list[int]
    requests: int | None
    ladder: Path | None
    tokenizer: Path | None
    endpoint: str
    engine: str
    out: Path
    resume: bool
    anyway: bool
    calibrate: bool
    timeout: float


def drive_run(asked: Asked, json: str | None) -> None:
    """Everything; the record in the folder is written after each point, ``json`` at the end.

    Raises UserError for whatever ends it, with the points before it kept.
    """
    terminal = Terminal(quiet=json == "-")
    engine: Engine = AIPerf() if asked.engine == "aiperf" else GuideLLM()
    program(engine)
    ladder = None if asked.ladder is None else read_measured(asked.ladder)
    server = look(asked.url, asked.served)
    tokenizer = tokenizer_of(server, asked.tokenizer)
    terminal.show(draw_server(server))
    record = _opened(asked, server, tokenizer, engine, ladder)
    file = asked.out / RECORD
    points = _before(asked, file, record)
    prompts = _prompts(asked, tokenizer, server)
    canaries = sing(server, asked.endpoint, prompts[:SINGLE], asked.timeout, tokenizer.count)
    record = _with(record, canaries)
    terminal.show(draw_canaries(record))
    if canaries.stops and not asked.anyway:
        first = canaries.stops[0]
        raise UserError(
            f"Nothing is timed: {first.what} ({first.evidence.rstrip('.')}); mend the server, or "
            "give --anyway."
        )
    record = structs.replace(record, anyway=[row.what for row in canaries.stops])
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        for i, point in enumerate(points):
            if point.status is PointStatus.OK:
                continue
            terminal.status(f"concurrency {point.concurrency}")
            try:
                points[i] = _point(asked, engine, server, prompts, point.concurrency, ladder)
            except UserError as error:
                points[i] = structs.replace(point, status=PointStatus.INVALID, reason=str(error))
                raise
            write_record(structs.replace(record, points=points), file, "--out")
        record = structs.replace(record, partial=False)
    finally:
        record = structs.replace(record, points=points)
        write_record(record, file, "--out")
        if json is not None:
            write_record(record, json)
        terminal.show(draw_points(record))


def _point(
    asked: Asked,
    engine: Engine,
    server: Server,
    prompts: list[str],
    concurrency: int,
    ladder: Measured | None,
) -> DrivePoint:
    folder = asked.out / f"c{concurrency}"
    warm_up = concurrency
    many = warm_up + requests_of(concurrency, asked.requests)
    before = asked.concurrency[: asked.concurrency.index(concurrency)]
    first = SINGLE + sum(one + requests_of(one, asked.requests) for one in before)
    own = prompts[first : first + many]
    load = Load(server, asked.endpoint, own, asked.output, concurrency, warm_up, asked.timeout)
    point = measure(engine, load, folder, ladder, asked.anyway)
    if asked.calibrate and point.token_ms:
        row = calibrate(engine, concurrency, point.token_ms / 1e3, folder / "calibration")
        point = structs.replace(point, calibration=row)
    return point


def _prompts(asked: Asked, tokenizer: Tokenizer, server: Server) -> list[str]:
    """Those of the single requests, then those of each point: none is sent in two of them."""
    most = sum(one + requests_of(one, asked.requests) for one in asked.concurrency)
    longest = server.max_tokens
    if longest is not None and asked.input + asked.output > longest:
        raise UserError(
            f"{server.model} takes {longest:,} tokens, and {asked.input:,} and {asked.output:,} "
            "are more; give fewer --input or --output."
        )
    made = compose(shipped("en"), tokenizer, tokens=asked.input, count=SINGLE + most)
    return [prompt.text for prompt in made]


def _opened(
    asked: Asked, server: Server, tokenizer: Tokenizer, engine: Engine, ladder: Measured | None
) -> DriveRecord:
    told = version(engine)
    setup = {
        "server": f"{server.url} {server.name} {server.version}".strip(),
        "model": server.model,
        "engine": f"{engine.name} {told}",
        "endpoint": asked.endpoint,
        "input": str(asked.input),
        "output": str(asked.output),
        "requests": str(asked.requests or "3 a stream"),
        "ladder": "" if ladder is None else ladder.yardstick().what,
    }
    return DriveRecord(
        started=now(),
        command=command(),
        partial=True,
        folder=str(asked.out),
        server=ServerRow(
            url=server.url, name=server.name, version=server.version, model=server.model,
            max_tokens=server.max_tokens, metrics=server.metrics,
        ),
        engine=engine.name,
        engine_version=told,
        endpoint=asked.endpoint,
        input_tokens=asked.input,
        output_tokens=asked.output,
        tokenizer=tokenizer.where,
        setup=setup,
        canaries=[],
        tokens_a_chunk=None,
        prefix_cache=None,
        first_chunk_is_token=None,
        output_hashes=[],
        yardstick=None if ladder is None else ladder.yardstick().what,
        points=[],
    )  # fmt: skip


def _before(asked: Asked, file: Path, record: DriveRecord) -> list[DrivePoint]:
    """Every point, with those that an earlier run finished in their places.

    Raises UserError for a folder that has a record, without ``--resume`` or of another setup.
    """
    empty = [DrivePoint(concurrency=one, status=PointStatus.NOT_RUN) for one in asked.concurrency]
    if not file.exists():
        return empty
    if not asked.resume:
        raise UserError(f"{file} is there already; give another --out, or --resume to go on.")
    then = read_record(file, DriveRecord, "a record of truetpot drive")
    for name in {**then.setup, **record.setup}:
        if then.setup.get(name) != record.setup.get(name):
            raise UserError(
                f"{file} was measured with another {name} ({then.setup.get(name)}, now "
                f"{record.setup.get(name)}); give another --out."
            )
    kept = {one.concurrency: one for one in then.points if one.status is PointStatus.OK}
    return [kept.get(one.concurrency, one) for one in empty]


def _with(record: DriveRecord, canaries: Canaries) -> DriveRecord:
    return structs.replace(
        record,
        canaries=list(canaries.rows),
        tokens_a_chunk=canaries.tokens_a_chunk,
        prefix_cache=canaries.prefix_cache,
        first_chunk_is_token=canaries.first_chunk_is_token,
        output_hashes=list(canaries.hashes),
    )
