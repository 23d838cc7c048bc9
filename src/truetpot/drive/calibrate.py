"""Whether the client could follow: the same client, at as many streams, against the pace stub."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from truetpot.drive.engine import Engine, Load, run
from truetpot.drive.server import Server, get
from truetpot.drive.stub import MODEL, WORDS
from truetpot.errors import UserError
from truetpot.records.drive import CalibrationRow
from truetpot.serving.readers import read

RESERVE = 2
"""The stub is so many times as fast as the point was: a client that is the limit itself shows its
own pace there too, and one at the edge of it cannot follow."""
TOKENS = 100
ALONE, TOGETHER = 0.01, 0.03
"""How far client and stub may be apart, as a share of the time per token: one stream, several."""


def calibrate(engine: Engine, concurrency: int, token_s: float, folder: Path) -> CalibrationRow:
    """Against a stub ``RESERVE`` times as fast as ``token_s``, the seconds per token of a point."""
    return against_stub(engine, concurrency, token_s / RESERVE, folder)


def against_stub(engine: Engine, concurrency: int, pace_s: float, folder: Path) -> CalibrationRow:
    """Run the engine against a stub that sends a token every ``pace_s`` seconds a stream.

    What the client sees is held against what the stub really sent, which a busy machine delays: a
    stub that is as slow as the point was shows nothing, and that is called late too.
    Raises UserError where the engine fails.
    """
    requests = 2 * concurrency
    prompts = [f"{i} {' '.join(WORDS)}" for i in range(requests)]
    with pace_stub(pace_s) as server:
        load = Load(server, "completions", prompts, TOKENS, concurrency, 0, 60 + TOKENS * pace_s)
        run(engine, load, folder)
        sent = np.array([pace for tokens, pace in get(f"{server.root}/paces") if tokens == TOKENS])
    (one,) = read(engine.result(folder))[:1]
    rows = one.requests
    if rows is None or not rows.ok.all() or len(rows) != requests or len(sent) != requests:
        raise UserError(f"{engine.name} lost requests to the calibration's stub; see {folder}.")
    seen = (rows.latency_s - rows.ttft_s) / (TOKENS - 1)
    if rows.gaps is not None:
        seen = np.add.reduceat(rows.gaps.seconds, rows.gaps.offsets[:-1]) / (TOKENS - 1)
    limit = ALONE if concurrency == 1 else TOGETHER
    sent_s, seen_s = float(sent.mean()), float(seen.mean())
    return CalibrationRow(
        asked_ms=pace_s * 1e3,
        sent_ms=sent_s * 1e3,
        seen_ms=seen_s * 1e3,
        limit=limit,
        late=abs(seen_s / sent_s - 1) > limit or sent_s >= RESERVE * pace_s,
    )


@contextmanager
def pace_stub(pace_s: float) -> Iterator[Server]:
    """The stub in a process of its own, while the block runs."""
    command = [sys.executable, "-m", "truetpot.drive.stub", repr(pace_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise UserError("The calibration's stub does not start; use --no-calibrate.")
            yield Server(f"http://127.0.0.1:{port}/v1", MODEL)
        finally:
            process.terminate()
            process.wait()
