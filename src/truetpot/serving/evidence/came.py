"""How many tokens of a request came in how many messages, where these are fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from truetpot.serving.evidence.figures import AFTER_FIRST, GAPS
from truetpot.serving.evidence.held import first_tokens, near, of_an_interval, runs
from truetpot.serving.evidence.point import OperatingPoint
from truetpot.serving.records import Counting, Metric
from truetpot.serving.thresholds import limit


@dataclass(frozen=True)
class Came:
    """Means of the requests with a time per token."""

    tokens: float
    messages: float
    interval_s: float
    """From the first message to the last."""
    first: float | None = None
    """Tokens that the first message held, where something tells."""
    asked: bool = False
    """Whether nobody counted the tokens: they are those asked for."""
    stamped: bool = False
    """Whether the tokens that are counted have the times of their messages: none is hidden."""


def came(evidence: OperatingPoint) -> Came | None:
    """None where nothing tells the number of messages, or they are as many as the tokens."""
    return next((found for way in _WAYS if (found := way(evidence)) is not None), None)


def _of_divided_gaps(evidence: OperatingPoint) -> Came | None:
    """Rows of a tool that divides each gap by its tokens, and writes it once for each.

    n less the gaps is what the first message held. Where that is one token, and the others are
    alike, an interval over n - 1 is right, and the gaps are: there is nothing to tell.
    """
    requests, timed, gaps = evidence.run.requests, evidence.timed, evidence.messages
    interval, counts = evidence.decode_interval, evidence.trusted_counts
    if requests is None or requests.gaps is None or not requests.gap_unit_is_token:
        return None
    if timed is None or gaps is None or counts is None or interval is None:
        return None
    found, each = runs(requests.gaps), (gaps - 1)[timed]
    tokens, later = float(counts[timed].mean()), float(found.each[timed].mean())
    held, slack = tokens - float(each.mean()), limit("gap_count_slack")
    if not found.regular and each.mean() >= limit("gap_count") * later:
        return Came(tokens, 1 + later, interval, 1.0, stamped=True)
    if found.regular and found.longest > 1 and round(held) == found.longest:
        return Came(tokens, 1 + later, interval, held, stamped=True)
    if later and 1 + slack < held < tokens:  # a message each but the first one, which held more
        return Came(tokens, max(2.0, tokens / held), interval, held)
    return None


def _of_rows(evidence: OperatingPoint) -> Came | None:
    requests, timed, messages = evidence.run.requests, evidence.timed, evidence.all_messages
    counts, spans = evidence.trusted_counts, evidence.spans
    if requests is None or timed is None or messages is None or counts is None or spans is None:
        return None
    rows = timed & (messages > 0) & (counts > 0)
    if requests.gap_unit_is_token or not rows.any():
        return None
    tokens, chunks = float(counts[rows].mean()), float(messages[rows].mean())
    interval = float(spans[rows].mean())
    if chunks < 2 or interval <= 0 or tokens - chunks <= limit("gap_count_slack"):
        return None
    if tokens < limit("gap_count") * chunks:
        return None
    regular = of_an_interval(counts[rows], messages[rows])
    first = regular or first_tokens(requests, counts, messages, rows)
    return Came(tokens, chunks, interval, first, stamped=regular is not None)


def _of_totals(evidence: OperatingPoint) -> Came | None:
    """From the tokens a message that the tool counted, and means."""
    several, n = evidence.run.totals.tokens_a_message, evidence.divided_by
    tpot = evidence.after_first
    if not several or several < limit("gap_count") or n is None or tpot is None:
        return None
    chunks, interval = (n - 1) / several + 1, tpot[0] * (n - 1)
    return Came(n, chunks, interval) if chunks >= 2 else None


def _of_zeros(evidence: OperatingPoint) -> Came | None:
    """Of a tool that gives the tokens of a message one time: gaps of 0 are within a message.

    The percentiles say how many of the gaps are 0 between two limits, and there the mean over the
    shortest other gap says it: these are alike but for stalls.
    """
    n, tpot, mean = evidence.divided_by, evidence.tpot, evidence.itl()
    if n is None or tpot is None or mean is None or evidence.canonical(Metric.ITL) != GAPS[1]:
        return None
    percentiles = {
        50.0 if figure.statistic == "median" else float(figure.statistic[1:]): figure.value
        for figure in evidence.run.figures
        if figure.metric is Metric.ITL
        and (figure.statistic == "median" or figure.statistic[1:].replace(".", "").isdecimal())
    }
    within = max((q for q, value in percentiles.items() if value == 0), default=0.0)
    gap = min((value for value in percentiles.values() if value > 0), default=None)
    if not within or gap is None:
        return None
    above = min(q for q, value in percentiles.items() if value > 0)
    share = min(max(1 - mean / gap, within / 100), above / 100)
    chunks = 1 + (n - 1) * (1 - share)
    if chunks < 2 or n < limit("gap_count") * chunks:
        return None
    return Came(n, chunks, tpot * (n - 1), stamped=True)


def first_gap_is_ttft(evidence: OperatingPoint) -> bool:
    """Whether TTFT is among the gaps, by their mean: it is that of TTFT and all intervals together.

    The median is not touched by one gap of many, and is the time per token still.
    """
    n, ttft, median = evidence.divided_by, evidence.ttft, evidence.itl("median")
    tpot, gap = evidence.tpot, evidence.itl()
    if n is None or ttft is None or tpot is None or gap is None or evidence.tpot_has_first:
        return False
    together = (tpot * (n - 1) + ttft) / n
    if gap < limit("weighting") * tpot or abs(gap / together - 1) > limit("same"):
        return False
    # nearer to the time per token than to the mean gap: else all gaps are as long as that
    return median is not None and near(median, tpot) and median**2 < gap * tpot


def _of_means(evidence: OperatingPoint) -> Came | None:
    """The same from mean gap, mean time per token and mean length, which weigh requests unlike."""
    requests, n = evidence.run.requests, evidence.divided_by
    tpot, gap = evidence.tpot, evidence.itl()
    if requests is not None and requests.gaps is not None:
        return None
    if tpot is None or gap is None or n is None or evidence.tpot_has_first:
        return None
    if gap < limit("weighting") * tpot or first_gap_is_ttft(evidence):
        return None
    interval = tpot * (n - 1)
    chunks = interval / gap + 1
    return Came(n, chunks, interval) if chunks > 1 and n - chunks > 0 else None


def _of_divisor(evidence: OperatingPoint) -> Came | None:
    """Of a tool that divides by messages: mean times tell their number, and it has another count of
    the tokens, or the length asked for."""
    n, interval, tpot = evidence.divided_by, evidence.decode_s, evidence.figure(evidence.per_token)
    definition = evidence.run.definitions.get(evidence.per_token)
    if definition is None or definition.counting is not Counting.CHUNKS or evidence.run.requests:
        return None
    if n is None or interval is None or tpot is None or definition.canonical not in AFTER_FIRST:
        return None
    chunks = interval / tpot + 1
    if n - chunks <= limit("gap_count_slack") or n - 1 < limit("weighting") * (chunks - 1):
        return None
    asked = evidence.counting is Counting.REQUESTED
    retokenised = evidence.counting is Counting.RETOKENISED
    return Came(n, chunks, interval, asked=asked, stamped=retokenised)


_WAYS: tuple[Callable[[OperatingPoint], Came | None], ...] = (
    _of_divided_gaps, _of_rows, _of_totals, _of_zeros, _of_means, _of_divisor,
)  # fmt: skip
"""The more certain first."""
