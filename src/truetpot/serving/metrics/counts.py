"""What came of a run's requests, in numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.metrics.summary import Counts
from truetpot.serving.records import Counting, Ints, Requests, Run

ENOUGH = 0.9
"""Share of the requested tokens below which an output is short: MLPerf, inference_rules.adoc."""

MOST = 1 << 40
"""Tokens of one request. A greater count is none: a damaged file's would overflow the sums."""


def known(tokens: Ints) -> NDArray[np.bool_]:
    """Which of the counts of tokens are known, as booleans [n]."""
    return (tokens >= 0) & (tokens <= MOST)


def count(run: Run, requested_output_tokens: int | None = None) -> Counts:
    """From single requests where the file has them, else from its totals."""
    totals, rows = run.totals, run.requests
    if rows is None:
        return Counts(
            requests=totals.attempted,
            ok=totals.completed,
            failed=totals.failed,
            no_tokens=None,
            one_token=None,
            short=None,
            output_tokens=dict(totals.output_tokens),
        )
    tokens = rows.tokens[rows.ok]
    some = bool(known(tokens).any())
    return Counts(
        requests=len(rows),
        ok=int(rows.ok.sum()),
        failed=int((~rows.ok).sum()),
        no_tokens=int((tokens == 0).sum()) if some else None,
        one_token=int((tokens == 1).sum()) if some else None,
        short=_short(rows, requested_output_tokens, run.setting.output_tokens),
        output_tokens={**totals.output_tokens, **_sums(rows)},
    )


def _sums(rows: Requests) -> dict[Counting, int]:
    """Of the requests that did not fail, by every count that all of them have."""
    counts = {counting: tokens[rows.ok] for counting, tokens in rows.output_tokens.items()}
    return {
        counting: int(tokens.sum())
        for counting, tokens in counts.items()
        if len(tokens) and known(tokens).all()
    }


def _short(rows: Requests, argument: int | None, setting: int | None) -> int | None:
    """Outputs that ended early; None if the file does not say what came or what was asked for."""
    counts = rows.output_tokens
    came = [key for key in (rows.counting, *counts) if key is not Counting.REQUESTED]
    asked = argument or counts.get(Counting.REQUESTED, setting)
    if not came or asked is None:
        return None
    tokens = counts[came[0]]
    judged = rows.ok & known(tokens) & (np.asarray(asked) > 0)
    return int((judged & (tokens < ENOUGH * np.asarray(asked))).sum()) if judged.any() else None
