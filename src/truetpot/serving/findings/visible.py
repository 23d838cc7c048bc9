"""Which counts of visible tokens could be behind a reported time per token, and which could not.

A client that counts n visible tokens of N decoded ones reports T = interval / (n - 1). So each n
implies an interval T (n - 1) and a true time per token T (n - 1) / (N - 1). Nearly everything that
a file holds excludes some n: the floor those that would be too fast, the duration those that would
last too long, and totals, rows, texts or gaps often all but one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from truetpot.records.check import VisibleCount
from truetpot.serving.evidence import Evidence
from truetpot.serving.evidence.lengths import decoded
from truetpot.serving.findings.words import count, ms, sec
from truetpot.serving.records import Ints
from truetpot.serving.thresholds import limit

OPEN = "open"
BELOW_FLOOR = "excluded: below the floor"
TOO_LONG = "excluded: longer than the run"
NOT_COUNTED = "excluded: not the file's count"
NOT_INTERVAL = "excluded: not the file's interval"
UNDER_GAPS = "excluded: shorter than its gaps"
NO_TEXT = "excluded: more tokens than the text has bytes"

MOST_COUNTS = 100_000
"""Rows at most: a request for more tokens than any context holds is a broken file."""


def visible_counts(evidence: Evidence) -> list[VisibleCount]:
    """Every count from 2 that could make the reported mean TPOT, with its standing.

    Worth showing where ``visible-token-denominator`` is found: a sane time has open counts too.
    Ends with the first excluded one after the last open one. Empty where the tool reports no such
    time, nothing says how many tokens were decoded, or the tool counted them all.
    """
    tpot, all_tokens, counted = evidence.tpot, decoded(evidence), evidence.divided_by
    if tpot is None or all_tokens is None or evidence.tpot_has_first:
        return []
    tokens = all_tokens.tokens
    if counted and counted >= tokens:
        return []
    n: Ints = np.arange(2, min(int(np.ceil(tokens)), MOST_COUNTS + 2))
    interval = np.asarray(tpot * (n - 1), np.float64)
    rows = _Rows(n, interval, interval / np.float64(tokens - 1))
    standing = np.full(len(n), OPEN, dtype=object)
    why = np.full(len(n), "nothing in the file speaks against it", dtype=object)
    for excluded, name, reason in _exclusions(evidence, rows):
        first = excluded & (standing == OPEN)
        standing[first], why[first] = name, reason
    possible = np.flatnonzero((standing == OPEN) | (standing == BELOW_FLOOR))
    end = int(possible[-1]) + 2 if possible.size else 1
    return [
        VisibleCount(
            n=int(rows.n[i]),
            interval_s=float(rows.interval[i]),
            implied_s=float(rows.implied[i]),
            standing=standing[i],
            why=why[i],
        )
        for i in range(min(end, len(n)))
    ]


@dataclass(frozen=True)
class _Rows:
    n: Ints
    interval: NDArray[np.float64]
    implied: NDArray[np.float64]


def _exclusions(
    evidence: Evidence, rows: _Rows
) -> Iterator[tuple[NDArray[np.bool_], str, str]]:
    """Masks over the counts, what they stand for and why; the more certain first."""
    slack = limit("rounding")
    if evidence.yardstick and (floor := evidence.least_s):
        context = count(round(evidence.context.low))
        yield (
            rows.implied < floor * (1 - slack),
            BELOW_FLOOR,
            f"a token takes at least {ms(floor)} at a context of {context}",
        )
    if duration := evidence.duration_s:
        yield rows.interval > duration * (1 + slack), TOO_LONG, f"the run took {sec(duration)}"
    counts = evidence.counts()
    if counts is not None:
        several = np.unique(counts[counts > 1])
        yield ~np.isin(rows.n, several), NOT_COUNTED, "no request has that many"
    elif alike(evidence):
        if mean := evidence.tokens():
            near = np.abs(rows.n - mean) < 1
            yield ~near, NOT_COUNTED, f"the file counts {count(mean)} tokens a request"
        elif evidence.decode_s and evidence.tpot:
            exact = 1 + evidence.decode_s / evidence.tpot
            far = np.abs(rows.n - exact) > np.maximum(0.5, limit("same") * rows.n)
            yield far, NOT_INTERVAL, f"first token to end took {sec(evidence.decode_s)}"
    yield from _from_rows(evidence, rows)


def _from_rows(evidence: Evidence, rows: _Rows) -> Iterator[tuple[NDArray[np.bool_], str, str]]:
    """Without counts too: then of all that succeeded."""
    requests = evidence.run.requests
    which = evidence.timed if requests is None or evidence.timed is not None else requests.ok
    if requests is None or which is None or not which.any():
        return
    if evidence.gap_sums is not None:
        gaps = float(evidence.gap_sums[which].mean())
        under = rows.interval * (1 + limit("rounding")) < gaps
        yield under, UNDER_GAPS, f"the gaps of a request add up to {sec(gaps)}"
    if requests.text_chars is not None and (longest := int(requests.text_chars[which].max())) >= 0:
        over = rows.n > limit("utf8") * longest
        yield over, NO_TEXT, f"the longest text has {count(longest)} characters"


def alike(evidence: Evidence) -> bool:
    """Whether one count can stand for all requests: nothing in the file shows that they differ."""
    mean = evidence.tpot
    if mean is None or evidence.completed == 1:
        return True
    spread = evidence.run.figure(evidence.per_token, "std")
    median = evidence.figure(evidence.per_token, "median")
    if spread is not None and np.isfinite(spread):
        return spread <= limit("same") * mean
    return median is None or abs(median / mean - 1) <= limit("same")


def summary(counts: list[VisibleCount]) -> str:
    """The table in a sentence: excluded ones by their reason, then the open ones."""
    parts = []
    for name in (BELOW_FLOOR, TOO_LONG, NOT_COUNTED, NOT_INTERVAL, UNDER_GAPS, NO_TEXT, OPEN):
        group = [row for row in counts if row.standing == name]
        if not group:
            continue
        first, last = group[0], group[-1]
        said = f"n = {first.n} ({ms(first.implied_s)})"
        if len(group) > 1:
            said += f" to {count(last.n)} ({ms(last.implied_s)})"
        parts.append(f"{said} {name}")
    return "; ".join(parts)
