"""One point: the load generator's run, and what its file says by ``check``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from truetpot.drive import cost
from truetpot.drive.engine import Engine, Load, Used, run
from truetpot.drive.rungs import rung_s
from truetpot.drive.server import Server, read_metrics
from truetpot.errors import UserError
from truetpot.records.drive import DrivePoint
from truetpot.records.words import PointStatus
from truetpot.serving.check import check_run
from truetpot.serving.measured import Measured
from truetpot.serving.readers import read
from truetpot.serving.records import Run
from truetpot.serving.verdict import judge
from truetpot.text import shortened

_FAILURES = (
    ("TimeoutError", "their end did not come within the {timeout_s:g} s of --timeout"),
    ("ClientPayloadError", "the connection broke off in the middle of an answer"),
    ("ServerDisconnected", "the server closed the connection"),
    ("ConnectionReset", "the server closed the connection"),
    ("ClientConnectorError", "nobody answers at the address any more"),
    ("InvalidInferenceResult", "what came is no answer"),
)
"""By the names of AIPerf's and aiohttp's errors."""


def measure(
    engine: Engine,
    load: Load,
    folder: Path,
    root: Path,
    held: Measured | None,
    anyway: bool = False,
) -> DrivePoint:
    """Run one point in ``folder``, which lies below ``root``, and read what it left.

    ``anyway`` takes outputs of other lengths too. Raises UserError where the engine fails, or a
    request does: half of a load is another load.
    """
    server = load.server
    metrics, spent = _metrics(server), cost.read(server)
    used = run(engine, load, folder)
    now = cost.between(spent, cost.read(server))
    server_s = server.kind.token_s(metrics, _metrics(server), len(load.prompts))
    file = engine.result(folder)
    (one,) = read(file)[:1]
    check_requests(one, load, file, engine.whole)
    if not anyway:
        check_lengths(one, load)
    tokens = load.output_tokens * len(load.prompts)
    return replace(
        describe(one, load, file, root, held, used),
        server_ms=_ms(server_s),
        server_cpu_s=now.cpu_s,
        joules=now.joules,
        tokens_per_joule={name: tokens / joules for name, joules in now.joules.items()},
    )


def _metrics(server: Server) -> dict[str, float]:
    return read_metrics(server.root) if server.kind.token_time else {}


def describe(
    one: Run, load: Load, file: Path, root: Path, held: Measured | None, used: Used | None
) -> DrivePoint:
    """The point of a run, its file below ``root``; ``used`` is the client's cost, if known."""
    yardstick = None if held is None else held.yardstick_of(one)
    checked = check_run(one, (), yardstick, load.output_tokens)
    serving = judge(checked)
    evidence = checked.evidence
    batch, context = serving.batch, serving.context

    def rung_ms(name: str) -> float | None:
        if held is None or yardstick is None or batch is None or context is None:
            return None
        return _ms(rung_s(held, yardstick, name, context.value, batch.value))

    requests = one.requests
    ttft = None if requests is None else requests.ttft_s[requests.ok]
    return DrivePoint(
        concurrency=load.concurrency,
        status=PointStatus.OK,
        file=str(file.relative_to(root)),
        requests=0 if requests is None else len(requests),
        ttft_ms=None if ttft is None or not len(ttft) else float(np.nanmedian(ttft)) * 1e3,
        token_ms=_ms(serving.reported_s),
        tokens_per_s=tokens_per_s(one),
        token_from=serving.reported_from,
        tokens_a_step=evidence.tokens_a_step,
        batch=None if batch is None or batch.assumed else batch.value,
        context=None if context is None else context.value,
        floor_ms=_ms(serving.floor_s),
        ceiling_ms=rung_ms("ceiling"),
        kernels_ms=rung_ms("kernels"),
        step_ms=_ms(serving.step_s),
        verdict=serving.verdict,
        why=serving.why,
        findings=[finding.id for finding in checked.findings],
        client_cpu_s=None if used is None else used.cpu_s,
        wall_s=None if used is None else used.wall_s,
    )


def tokens_per_s(one: Run) -> float | None:
    """Of all requests that came, from the first one's start to the last one's end."""
    requests = one.requests
    if requests is None or not requests.ok.any() or requests.start_s is None:
        return None
    ok = requests.ok
    start, latency = requests.start_s[ok], requests.latency_s[ok]
    took = float((start + latency).max() - start.min())
    return float(requests.tokens[ok].sum()) / took if took > 0 else None


def check_requests(one: Run, load: Load, file: Path, whole: bool) -> None:
    """Raises UserError for a request that failed or is missing."""
    requests = one.requests
    if requests is None or not len(requests):
        raise UserError(f"There is no request in {file}; see the engine's log beside it.")
    lost = int((~requests.ok).sum())
    if lost:
        said = next(iter(requests.errors), "no message")
        raise UserError(
            f"{lost} of {len(requests)} requests at concurrency {load.concurrency} failed: "
            f"{_failure(said, load.timeout_s)}; see the server's log."
        )
    if whole and len(requests) != load.requests:
        raise UserError(
            f"{len(requests)} requests at concurrency {load.concurrency} came back of "
            f"{load.requests}; see the server's log."
        )


def _failure(said: str, timeout_s: float) -> str:
    """An engine's words for a failure, in a reader's."""
    for mark, meaning in _FAILURES:
        if mark in said:
            return meaning.format(timeout_s=timeout_s)
    return f"the server says {shortened(said).rstrip('.')}"


def check_lengths(one: Run, load: Load) -> None:
    """Raises UserError for an output of another length than was asked for."""
    requests = one.requests
    if requests is None:
        return
    short = int((requests.tokens != load.output_tokens).sum())
    if short:
        raise UserError(
            f"{short} of {len(requests)} outputs at concurrency {load.concurrency} have another "
            f"length than {load.output_tokens} tokens by the server's count; see docs/drive.md."
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
