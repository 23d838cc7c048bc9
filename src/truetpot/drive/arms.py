"""Several servers at one point: which of them answers, and how their times differ."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from math import exp, fsum, log

from truetpot.drive.plan import Arm
from truetpot.drive.server import Server, look
from truetpot.errors import UserError
from truetpot.records.drive import DifferenceRow, DrivePoint
from truetpot.records.words import PointStatus
from truetpot.stats.compare import compare
from truetpot.stats.processes import across

CONFIDENCE = 0.95
LEAST = 0.01
"""Share below which a difference is none."""
ASKS_S = 1.0
"""Between two tries whether a server answers."""
STARTS_S = 1800.0
"""A server of a large model loads and compiles for so long."""


def ready(arm: Arm, served: str | None, starts_s: float = STARTS_S) -> Server:
    """The server of an arm: restarted where a command does that, and waited for.

    The command is run by the shell and has to come back. Raises UserError where it fails, and where
    the server does not answer in time.
    """
    if not arm.restart:
        return look(arm.url, served)
    end = time.monotonic() + starts_s
    try:
        code = subprocess.run(
            arm.restart, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=starts_s, check=False,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UserError(
            f"The --restart of {arm.name} does not come back within {starts_s:g} s; start the "
            "server in the background."
        ) from None
    if code:
        raise UserError(f"The --restart of {arm.name} ends with {code}; run it by hand to see why.")
    while True:
        try:
            return look(arm.url, served)
        except UserError:
            if time.monotonic() > end:
                raise
        time.sleep(ASKS_S)


def differences(points: Sequence[DrivePoint]) -> list[DifferenceRow]:
    """Of each arm to the first one, at every point and over the rounds that both have."""
    known = {
        (one.arm or "", one.input_tokens or 0, one.concurrency, one.round or 0): one.token_ms
        for one in points
        if one.status is PointStatus.OK and one.token_ms
    }
    names = list(dict.fromkeys(one.arm or "" for one in points))
    spots = list(dict.fromkeys((one.input_tokens or 0, one.concurrency) for one in points))
    rounds = sorted({one.round or 0 for one in points})
    found = []
    for input, concurrency in spots:
        for name in names[1:]:
            pairs = [
                (known[name, input, concurrency, turn], known[names[0], input, concurrency, turn])
                for turn in rounds
                if (name, input, concurrency, turn) in known
                and (names[0], input, concurrency, turn) in known
            ]
            if pairs:
                found.append(_row(name, names[0], input, concurrency, pairs))
    return found


def _row(
    name: str, first: str, input: int, concurrency: int, pairs: Sequence[tuple[float, float]]
) -> DifferenceRow:
    ratios = [one / other for one, other in pairs]
    ratio = across(ratios, CONFIDENCE) if len(ratios) > 1 else None
    return DifferenceRow(
        arm=name,
        against=first,
        input_tokens=max(1, input),
        concurrency=concurrency,
        rounds=len(pairs),
        token_ms=fsum(one for one, _ in pairs) / len(pairs),
        against_ms=fsum(other for _, other in pairs) / len(pairs),
        ratio=exp(fsum(map(log, ratios)) / len(ratios)),
        low=None if ratio is None else ratio.low,
        high=None if ratio is None else ratio.high,
        says=None if ratio is None else compare(ratio, LEAST),
    )
