"""A whole run: look, single requests, points in their order, and the record as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from truetpot.drive.aiperf import AIPerf
from truetpot.drive.arms import differences, ready
from truetpot.drive.calibrate import calibrate
from truetpot.drive.canaries import Canaries, differs, sing
from truetpot.drive.engine import Engine, Load, program, version
from truetpot.drive.guidellm import GuideLLM
from truetpot.drive.plan import SINGLE, Arm, Asked, Step, steps
from truetpot.drive.point import measure
from truetpot.drive.series import series
from truetpot.drive.server import Server
from truetpot.drive.tokens import tokenizer_of
from truetpot.errors import UserError
from truetpot.records.drive import ArmRow, CanaryRow, DrivePoint, DriveRecord, ServerRow
from truetpot.records.opening import command, now
from truetpot.records.store import read_record, write_record
from truetpot.records.words import PointStatus
from truetpot.serving.measured import Measured, read_measured
from truetpot.serving.prompts.compose import compose
from truetpot.serving.prompts.corpus import shipped
from truetpot.serving.prompts.tokenizer import Tokenizer

RECORD = "record.json"
ENGINES: dict[str, type[AIPerf | GuideLLM]] = {"aiperf": AIPerf, "guidellm": GuideLLM}


class Watch:
    """What a run tells as it goes; this one says nothing. A command draws it."""

    def looked(self, arm: Arm, server: Server) -> None:
        """Called once a server has answered, with what it said."""

    def probed(self, arm: Arm, canaries: Sequence[CanaryRow], prefix_cache: bool | None) -> None:
        """Called once the single requests of a server have been judged."""

    def begins(self, step: Step) -> None:
        """Called before a point is run."""

    def ended(self, record: DriveRecord) -> None:
        """Called once the record is written, whatever ended the run."""


def drive(asked: Asked, watch: Watch | None = None) -> DriveRecord:
    """Everything. The record in ``asked.out`` is written after each point.

    Raises UserError for whatever ends it, with the points before it kept.
    """
    watch = watch or Watch()
    file = asked.out / RECORD
    if file.exists() and not asked.resume:
        raise UserError(f"{file} is there already; give another --out, or --resume to go on.")
    session = _begun(asked, watch)
    record, points = _opened(asked, session), _before(asked, session)
    session.refuse_stops()
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        for i, step in enumerate(steps(asked)):
            if points[i].status is PointStatus.OK:
                continue
            watch.begins(step)
            try:
                session.switch(step.arm)
                points[i] = session.point(step)
            except UserError as error:
                points[i] = structs.replace(
                    points[i], status=PointStatus.INVALID, reason=str(error)
                )
                raise
            write_record(structs.replace(record, points=points), file, "--out")
        record = structs.replace(record, partial=False)
    finally:
        record = structs.replace(
            record, points=points, series=series(points), differences=differences(points)
        )
        write_record(record, file, "--out")
        watch.ended(record)
    return record


@dataclass
class _Session:
    """What is the same for all points."""

    asked: Asked
    engine: Engine
    ladder: Measured | None
    servers: dict[str, Server] = field(default_factory=dict)
    canaries: dict[str, Canaries] = field(default_factory=dict)
    prompts: dict[int, list[str]] = field(default_factory=dict)
    """By their length: those of the single requests, then those of each point."""
    tokenizer: Tokenizer | None = None
    answers: Arm | None = None
    """Which one a restart made to answer last."""

    @property
    def stops(self) -> list[tuple[str, CanaryRow]]:
        """What stops the timing, and at which server."""
        return [(name, row) for name, one in self.canaries.items() for row in one.stops]

    def refuse_stops(self) -> None:
        """Raises UserError where single requests say not to time, without ``--anyway``."""
        if self.stops and not self.asked.anyway:
            name, first = self.stops[0]
            at = f" at {name}" if name else ""
            raise UserError(
                f"Nothing is timed{at}: {first.what} ({first.evidence.rstrip('.')}); mend the "
                "server, or give --anyway."
            )

    def switch(self, arm: Arm) -> None:
        """Make an arm the one that answers, if it has to be restarted for that."""
        if self.answers is arm or (not arm.restart and arm.name in self.servers):
            return
        if arm.restart:
            self.answers = None
        self.servers[arm.name] = ready(arm, self.asked.served)
        if arm.restart:
            self.answers = arm

    def point(self, step: Step) -> DrivePoint:
        """Run one, and hold the client against the stub."""
        asked, folder = self.asked, step.folder(self.asked)
        load = Load(
            self.servers[step.arm.name], asked.endpoint, step.own(asked, self.prompts[step.input]),
            asked.output, step.concurrency, step.concurrency, asked.timeout_s,
        )  # fmt: skip
        found = measure(self.engine, load, folder, asked.out, self.ladder, asked.anyway)
        found = structs.replace(found, **_told_by(asked, step))
        if asked.calibrate and found.token_ms:
            where = folder / "calibration"
            row = calibrate(self.engine, step.concurrency, found.token_ms / 1e3, where)
            found = structs.replace(found, calibration=row)
        return found


def _begun(asked: Asked, watch: Watch) -> _Session:
    """Look at each server and send it its single requests."""
    engine: Engine = ENGINES[asked.engine]()
    program(engine)
    session = _Session(asked, engine, None if asked.ladder is None else read_measured(asked.ladder))
    for arm in asked.arms:
        session.switch(arm)
        server = session.servers[arm.name]
        watch.looked(arm, server)
        if session.tokenizer is None:
            session.tokenizer = tokenizer_of(server, asked.tokenizer)
            session.prompts = _prompts(asked, session.tokenizer, server)
        single = session.prompts[min(asked.inputs)][:SINGLE]
        count = session.tokenizer.count
        found = sing(server, asked.endpoint, single, asked.timeout_s, count)
        session.canaries[arm.name] = found
        watch.probed(arm, found.rows, found.prefix_cache)
    return session


def _told_by(asked: Asked, step: Step) -> dict[str, Any]:
    """What tells a point from the others of a record."""
    return {
        "arm": step.arm.name or None,
        "input_tokens": step.input,
        "round": step.round if asked.rounds > 1 else None,
    }


def _prompts(asked: Asked, tokenizer: Tokenizer, server: Server) -> dict[int, list[str]]:
    longest = server.max_tokens
    most = max(asked.inputs)
    if longest is not None and most + asked.output > longest:
        raise UserError(
            f"{server.model} takes {longest:,} tokens, and {most:,} and {asked.output:,} are more; "
            "give fewer --input or --output."
        )
    return {
        tokens: [
            prompt.text
            for prompt in compose(shipped("en"), tokenizer, tokens=tokens, count=asked.prompts)
        ]
        for tokens in asked.inputs
    }


def _opened(asked: Asked, session: _Session) -> DriveRecord:
    first = asked.arms[0].name
    server, canaries = session.servers[first], session.canaries[first]
    ladder = session.ladder
    assert session.tokenizer is not None
    return DriveRecord(
        started=now(),
        command=command(),
        partial=True,
        folder=str(asked.out),
        server=_server_row(server),
        engine=session.engine.name,
        engine_version=version(session.engine),
        endpoint=asked.endpoint,
        input_tokens=asked.inputs[0],
        output_tokens=asked.output,
        tokenizer=session.tokenizer.where,
        setup=_setup(asked, session),
        canaries=list(canaries.rows),
        tokens_a_chunk=canaries.tokens_a_chunk,
        prefix_cache=canaries.prefix_cache,
        first_chunk_is_token=canaries.first_chunk_is_token,
        output_hashes=list(canaries.hashes),
        anyway=[row.what for _, row in session.stops],
        yardstick=None if ladder is None else ladder.yardstick().what,
        points=[],
        arms=[_arm_row(arm, session, canaries) for arm in asked.arms if arm.name],
    )


def _server_row(server: Server) -> ServerRow:
    return ServerRow(
        url=server.url, name=server.name, version=server.version, model=server.model,
        max_tokens=server.max_tokens, metrics=server.metrics,
    )  # fmt: skip


def _arm_row(arm: Arm, session: _Session, first: Canaries) -> ArmRow:
    found = session.canaries[arm.name]
    return ArmRow(
        name=arm.name,
        restart=arm.restart,
        server=_server_row(session.servers[arm.name]),
        canaries=list(found.rows),
        tokens_a_chunk=found.tokens_a_chunk,
        prefix_cache=found.prefix_cache,
        first_chunk_is_token=found.first_chunk_is_token,
        output_hashes=list(found.hashes),
        differs_at=None if found.text == first.text else differs(found.text, first.text),
    )


def _setup(asked: Asked, session: _Session) -> dict[str, str]:
    """What has to be the same for a run to go on."""
    servers = [
        f"{name} {one.url} {one.name} {one.version}".strip()
        for name, one in session.servers.items()
    ]
    found = {
        "server": "; ".join(servers),
        "model": session.servers[asked.arms[0].name].model,
        "engine": f"{session.engine.name} {version(session.engine)}",
        "endpoint": asked.endpoint,
        "input": ",".join(map(str, asked.inputs)),
        "output": str(asked.output),
        "requests": str(asked.requests or "3 a stream"),
        "ladder": "" if session.ladder is None else session.ladder.yardstick().what,
    }
    return found | ({"rounds": str(asked.rounds)} if asked.rounds > 1 else {})


def _before(asked: Asked, session: _Session) -> list[DrivePoint]:
    """Every point in its order, with those that an earlier run finished in their places.

    Raises UserError for a record of another setup.
    """
    empty = [
        DrivePoint(concurrency=one.concurrency, status=PointStatus.NOT_RUN, **_told_by(asked, one))
        for one in steps(asked)
    ]
    file = asked.out / RECORD
    if not file.exists():
        return empty
    then, setup = (
        read_record(file, DriveRecord, "a record of truetpot drive"),
        _setup(asked, session),
    )
    for name in {**then.setup, **setup}:
        if then.setup.get(name) != setup.get(name):
            raise UserError(
                f"{file} was measured with another {name} ({then.setup.get(name)}, now "
                f"{setup.get(name)}); give another --out."
            )
    kept = {
        (one.arm, one.input_tokens or asked.inputs[0], one.concurrency, one.round): one
        for one in then.points
        if one.status is PointStatus.OK
    }
    return [
        kept.get((one.arm, one.input_tokens or 0, one.concurrency, one.round), one) for one in empty
    ]
