"""Figures of one file that should agree with each other and do not."""

from __future__ import annotations

from truetpot.serving.evidence import AFTER_FIRST, WITH_FIRST, Evidence, positive
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, sec, times
from truetpot.serving.records import Metric
from truetpot.serving.thresholds import limit

UNCOUNTED = ("ttft", "itl_per_chunk", "e2e", "queue")
"""Definitions that divide by no count of tokens."""


def own_means(evidence: Evidence) -> list[tuple[Metric, float, float]]:
    """Metrics whose mean is both reported and recomputed from rows: reported, recomputed."""
    pairs = []
    for metric in (Metric.TTFT, Metric.TPOT, Metric.ITL, Metric.E2E):
        definition, reported = evidence.canonical(metric), evidence.figure(metric)
        counting = None if definition in UNCOUNTED else evidence.counting
        summary = evidence.recomputed.find(definition, counting)
        if reported and summary and not summary.from_totals and (mean := positive(summary.mean)):
            pairs.append((metric, reported, mean))
    return pairs


def expected_tpot(evidence: Evidence) -> tuple[float, str] | None:
    """Mean time per token from mean times and counts, and how: for files without rows."""
    n = evidence.divided_by
    if n is None:
        return None
    latency, decode_s = evidence.figure(Metric.E2E), evidence.decode_s
    if evidence.tpot_has_first:
        return (latency / n, f"{sec(latency)} / {count(n)}") if latency else None
    if decode_s is None:
        return None
    return decode_s / (n - 1), f"{sec(decode_s)} / ({count(n)} - 1)"


@detector(
    "reported-differs",
    title="A reported mean is not what its definition gives",
    severity=Severity.WARNING,
    meaning=(
        "The tool's own formula, applied to the rows or means of the same file, gives another"
        " value: the clocks are read at another moment than the rows say (a trailing usage message,"
        " [DONE]), other requests are in the mean, or the divisor is another."
    ),
    needs="A reported mean, and rows with times and counts, or mean latency, TTFT and tokens.",
    fix="Use the recomputed figure, and say which clock and which count it rests on.",
    rules=(4, 6),
    pitfalls=(2, 7, 12, 13),
)
def reported_differs(evidence: Evidence) -> Trace | None:
    """Rows first: they allow a narrower limit than means do."""
    off = [
        (reported / recomputed, metric, reported, recomputed)
        for metric, reported, recomputed in own_means(evidence)
        if abs(reported / recomputed - 1) > limit("same")
    ]
    if off:
        ratio, metric, reported, recomputed = max(off, key=lambda row: max(row[0], 1 / row[0]))
        text = (
            f"Mean {metric.name} is reported as {ms(reported)}; the rows give {ms(recomputed)}"
            f" by the same definition."
        )
        return Trace(text, ratio if metric is evidence.per_token else None)
    if evidence.stream is not None:  # a time of a message is not that of a token
        return None
    expected, tpot = expected_tpot(evidence), evidence.tpot
    if expected and tpot and tpot >= limit("aggregate_ratio") * expected[0]:
        text = f"Mean TPOT is reported as {ms(tpot)}; {expected[1]} gives {ms(expected[0])}."
        return Trace(text, tpot / expected[0])
    return None


@detector(
    "gaps-do-not-add-up",
    title="TTFT and the gaps do not add up to the latency",
    severity=Severity.WARNING,
    meaning=(
        "Latency ends with something that is no token, such as [DONE] or a usage message, or gaps"
        " were left out. What lies between is inside the time per token and in no gap."
    ),
    needs="Rows with TTFT, latency by a clock of its own, and gaps.",
    fix="End the interval at the last token; compare with the sum of the gaps.",
    rules=(4,),
    pitfalls=(2, 7),
    explains=("reported-differs",),
)
def gaps_do_not_add_up(evidence: Evidence) -> Trace | None:
    """Over all requests that have a time per token."""
    requests, timed, sums = evidence.run.requests, evidence.timed, evidence.gap_sums
    if requests is None or timed is None or sums is None or requests.latency_from_gaps:
        return None
    spans = float((requests.latency_s - requests.ttft_s)[timed].sum())
    gaps = float(sums[timed].sum())
    if gaps <= 0 or abs(spans / gaps - 1) <= limit("same"):
        return None
    k = int(timed.sum())
    text = (
        f"From the first chunk to the end a request takes {sec(spans / k)} on average, its gaps add"
        f" up to {sec(gaps / k)}: {times(spans / gaps)} times."
    )
    return Trace(text, spans / gaps)


@detector(
    "tpot-itl-disagree",
    title="Time per token and gap between chunks disagree",
    severity=Severity.WARNING,
    meaning=(
        "The mean time per token is longer than the mean gap between chunks. One is a mean over"
        " requests, the other over chunks: short requests that ran slowly raise the first only."
        " More messages than tokens would shorten the gaps; a small divisor, or a wait after the"
        " last chunk, would lengthen the time per token. Several tokens a chunk would do the"
        " opposite."
    ),
    needs="Mean TPOT beside mean or median ITL, without rows that would explain them.",
    fix="Save details (--save-detailed, --output-details) and check again; believe neither alone.",
    rules=(2,),
    pitfalls=(1, 4),
)
def tpot_itl_disagree(evidence: Evidence) -> Trace | None:
    """Where rows have gaps, those are looked at instead."""
    requests, tpot = evidence.run.requests, evidence.tpot
    if (requests is not None and requests.gaps is not None) or evidence.tpot_has_first:
        return None
    mean, median = evidence.itl("mean"), evidence.itl("median")
    gap = mean or median
    least = limit("aggregate_ratio") if mean else limit("inflation")
    if tpot is None or gap is None or tpot < least * gap:
        return None
    name = "mean" if mean else "median"
    text = f"Mean TPOT {ms(tpot)} is {times(tpot / gap)} times the {name} ITL of {ms(gap)}."
    return Trace(text, tpot / gap)


@detector(
    "skewed-tpot",
    title="A few requests make the mean time per token",
    severity=Severity.WARNING,
    meaning=(
        "Mean and median are far apart, or the standard deviation exceeds the mean: the mean"
        " describes no request. Often some requests have almost no tokens to divide by."
    ),
    needs="Mean TPOT with median or standard deviation.",
    fix="Look at the rows with the highest values; report median and percentiles.",
    rules=(1, 13),
    pitfalls=(1,),
)
def skewed_tpot(evidence: Evidence) -> Trace | None:
    """R1 and R13 see the same thing."""
    tpot = evidence.tpot
    median, std = evidence.tpot_statistic("median"), evidence.tpot_statistic("std")
    if tpot is None:
        return None
    seen, factor = [], None
    if median and not 1 / limit("skew") < tpot / median < limit("skew"):
        factor = tpot / median
        seen.append(f"{times(factor)} times the median of {ms(median)}")
    if std and std > tpot:
        seen.append(f"less than its standard deviation of {ms(std)}")
    return Trace(f"Mean TPOT {ms(tpot)} is {' and '.join(seen)}.", factor) if seen else None


@detector(
    "weighting",
    title="Weighed by tokens, the mean time per token is another",
    severity=Severity.WARNING,
    meaning=(
        "A mean over requests gives a request of two tokens the weight of one of two thousand; a"
        " mean over tokens or chunks does not. Requests of different length ran at different"
        " pace, so the two differ, and tools differ in which one they print."
    ),
    needs="Rows with times and counts.",
    fix="State the weighting; for the pace of a stream use the token-weighted mean.",
    pitfalls=(4, 13),
    rules=(2,),
)
def weighting(evidence: Evidence) -> Trace | None:
    """Both means by the tool's own count."""
    by_requests, by_tokens = (evidence.recomputed_mean(name) for name in AFTER_FIRST)
    if by_requests is None or by_tokens is None:
        return None
    ratio = by_requests / by_tokens
    if 1 / limit("weighting") < ratio < limit("weighting"):
        return None
    text = (
        f"The mean over requests is {ms(by_requests)}, the mean over tokens {ms(by_tokens)}:"
        f" {times(ratio)} times."
    )
    by_request = evidence.canonical(evidence.per_token) == AFTER_FIRST[0]
    return Trace(text, ratio if by_request else None)


@detector(
    "first-token-included",
    title="The first token's time is inside the time per token",
    severity=Severity.WARNING,
    meaning=(
        "Latency over n counts the prefill as if it were a decoded token. Beside a TPOT of another"
        " tool, (latency - TTFT)/(n - 1), it is longer by about TTFT/n."
    ),
    needs=(
        "A figure called TPOT or ITL that is latency/n, by its definition or by arithmetic, and the"
        " same without the first token: rows, another figure, or mean latency, TTFT and tokens."
    ),
    fix="Compare (latency - TTFT)/(n - 1), which the recomputed values hold.",
    rules=(4,),
    pitfalls=(12, 13),
    explains=("reported-differs",),
)
def first_token_included(evidence: Evidence) -> Trace | None:
    """Only where it changes the figure by more than weighting would."""
    n, latency, decode_s = evidence.divided_by, evidence.figure(Metric.E2E), evidence.decode_s
    without = None
    if evidence.canonical(evidence.per_token) in AFTER_FIRST and evidence.per_token is Metric.ITL:
        without = evidence.tpot
    for name in reversed(AFTER_FIRST):
        without = without or evidence.recomputed_mean(name)
    if without is None and n and decode_s:
        without = decode_s / (n - 1)
    if without is None:
        return None
    for metric in (Metric.TPOT, Metric.ITL):
        by_name = evidence.canonical(metric) in WITH_FIRST
        reported = evidence.figure(metric)
        if reported is None and by_name and metric is evidence.per_token:
            reported = evidence.tpot  # of rows, by the tool's own formula
        if reported is None or reported < limit("weighting") * without:
            continue
        whole = latency / n if latency and n else None
        if by_name or (whole and abs(reported / whole - 1) <= limit("same")):
            text = (
                f"Mean {metric.name} {ms(reported)} holds the first token; without it a token takes"
                f" {ms(without)}."
            )
            return Trace(text, reported / without)
    return None
