"""A run's figures by every canonical definition."""

from __future__ import annotations

from itertools import chain

import numpy as np

from truetpot.serving.metrics.counts import count
from truetpot.serving.metrics.rows import from_rows
from truetpot.serving.metrics.summary import Recomputed, Summary
from truetpot.serving.metrics.totals import from_totals
from truetpot.serving.records import Counting, Run


def recompute(run: Run, requested_output_tokens: int | None = None) -> Recomputed:
    """Every definition that the data allow, for every way of counting tokens that the run has.

    Single requests come first; what they do not give is made from totals and means where these give
    it exactly. `requested_output_tokens` is what each request was asked for, whatever the run says.
    Beside the run this takes some per cent of the memory of its gaps.
    """
    found: dict[str, dict[Counting | None, Summary]] = {}
    rows = from_rows(run.requests, run.totals.duration_s) if run.requests else iter(())
    with np.errstate(all="ignore"):  # a file may hold anything: then the result is infinite or NaN
        for key, counting, summary in chain(rows, from_totals(run)):
            found.setdefault(key, {}).setdefault(counting, summary)
        return Recomputed(found, count(run, requested_output_tokens))
