"""Throughput, concurrency and what they say of the time per token."""

from __future__ import annotations

import math

from truetpot.serving.evidence import Evidence, positive
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, sec, times
from truetpot.serving.records import Metric
from truetpot.serving.thresholds import limit


def decoding(evidence: Evidence) -> tuple[float, float, str] | None:
    """Sequences decoded at once by Little's law, how many were admitted, and by which limit.

    Throughput counts n tokens a request and TPOT spreads the interval over n - 1, so their product
    is too high by n / (n - 1). A time that is one of a message, and a rate that the file's own
    requests contradict, are not gone by: those have their findings.
    """
    tpot, rate, n = evidence.tpot, evidence.output_rate, evidence.divided_by
    if tpot is None or rate is None or n is None:
        return None
    if evidence.stream and not evidence.tpot_has_first:
        tpot = min(tpot, *(one.token_s for one in evidence.stream.readings))
    own = _rate_of_requests(evidence)
    if own is not None and not _same_rate(rate, own[0]):
        rate = own[0]
    limits = [
        (float(value), words)
        for value, words in (
            (evidence.run.setting.max_concurrency, "the limit of concurrency"),
            (evidence.run.totals.mean_concurrency, "the mean concurrency that the tool measured"),
            (evidence.completed, "the number of requests"),
        )
        if value
    ]
    if not limits:
        return None
    share = 1.0 if evidence.tpot_has_first else (n - 1) / n
    most, words = min(limits)
    return tpot * rate * share, most, words


@detector(
    "littles-law",
    title="More sequences decoded at once than there were",
    severity=Severity.ERROR,
    meaning=(
        "Output throughput times time per token is the number of sequences that decode at the same"
        " time. It cannot exceed the requests in flight, so the time per token is too long, or the"
        " throughput counts tokens that never came."
    ),
    needs="Mean TPOT, output throughput (or total and duration), and a limit of concurrency.",
    fix="Recompute both from one count of tokens; see which of them other findings question.",
    rules=(10, 11),
    pitfalls=(1, 10),
)
def littles_law(evidence: Evidence) -> Trace | None:
    """Only upwards: a run that is not busy has fewer."""
    law = decoding(evidence)
    if law is None or evidence.tpot is None:
        return None
    sequences, most, words = law
    if sequences <= limit("little") * most:
        return None
    text = (
        f"Mean TPOT {ms(evidence.tpot)} times the output throughput makes {times(sequences)}"
        f" sequences decoded at once; {words} is {count(most)}."
    )
    return Trace(text, sequences / most)


@detector(
    "peak-below-mean",
    title="The peak throughput is below the mean",
    severity=Severity.WARNING,
    meaning=(
        "The peak counts chunks in the busiest second and the mean counts tokens: with several"
        " tokens a chunk the first is the smaller. It is no throughput of tokens."
    ),
    needs="Peak and mean output throughput.",
    fix="Do not use the peak; take tokens per second from counts and time.",
    rules=(9,),
    pitfalls=(11, 5),
)
def peak_below_mean(evidence: Evidence) -> Trace | None:
    """A busiest second cannot be below the mean second, of which the last may be a part only."""
    peak, mean = positive(evidence.run.totals.peak_output_tokens_per_s), evidence.output_rate
    duration = evidence.duration_s
    if peak is None or mean is None or duration is None:
        return None
    seconds = math.floor(duration) + 1
    tokens = mean * max(0.0, duration - limit("rounding_s"))
    if peak >= tokens / seconds * (1 - limit("rounding")):
        return None
    return Trace(
        f"Peak {count(round(peak, 2))} tokens/s is below the mean of {count(round(mean, 2))}."
    )


@detector(
    "client-queue",
    title="Requests waited in the client, outside every figure",
    severity=Severity.WARNING,
    meaning=(
        "Requests were to arrive at a rate, and a limit of concurrency held them back in the client"
        " before their clock started. The rate was not reached, and the wait is in neither TTFT nor"
        " latency: the server looks faster than a user would find it."
    ),
    needs="A finite request rate, a limit of concurrency, the rate reached, and a latency.",
    fix="Raise the limit, or say that the load is closed-loop and report the client's queue.",
    pitfalls=(8,),
    rules=(10,),
)
def client_queue(evidence: Evidence) -> Trace | None:
    """The rate needs more requests in flight than were allowed, and was missed."""
    setting, totals = evidence.run.setting, evidence.run.totals
    rate, most = positive(setting.request_rate), setting.max_concurrency
    reached = positive(totals.requests_per_s)
    if reached is None and evidence.completed and evidence.duration_s:
        reached = evidence.completed / evidence.duration_s
    latency = _latency(evidence)
    waits = most is not None and most < (evidence.completed or most + 1)
    if rate is None or not waits or most is None or reached is None or latency is None:
        return None
    if reached >= limit("offered") * rate or limit("offered") * rate * latency <= most:
        return None
    text = (
        f"{times(rate)} requests/s of {latency:.3g} s each need {times(rate * latency)} in flight,"
        f" and {most} were allowed: {times(reached)} requests/s were reached."
    )
    return Trace(text)


def _latency(evidence: Evidence) -> float | None:
    if (latency := evidence.figure(Metric.E2E)) is not None:
        return latency
    if summary := evidence.recomputed.find("e2e"):
        return positive(summary.mean)
    ttft, tpot, n = evidence.ttft, evidence.tpot, evidence.divided_by
    return ttft + tpot * (n - 1) if ttft and tpot and n and not evidence.tpot_has_first else None


@detector(
    "throughput-contradicted",
    title="The throughput is not that of these requests",
    severity=Severity.WARNING,
    meaning=(
        "Output tokens a second, as reported, are several times more or fewer than the file's own"
        " requests and tokens make: a counter that overflowed, a unit, a sum over another run."
    ),
    needs="A reported throughput; and counts with a duration, or a rate, an interval and a TPOT.",
    fix="Take tokens per second from counts and time; look for the tool's own counter.",
    rules=(6, 10),
    pitfalls=(15,),
)
def throughput_contradicted(evidence: Evidence) -> Trace | None:
    """However absurd: what is no plausible rate is named here rather than left out."""
    reported = evidence.run.totals.output_tokens_per_s
    found = _rate_of_requests(evidence)
    if reported is None or found is None or not math.isfinite(reported) or reported <= 0:
        return None
    rate, how = found
    if _same_rate(reported, rate):
        return None
    return Trace(
        f"{_rate(reported)} output tokens/s are reported; {how} make {_rate(rate)}:"
        f" {times(reported / rate) if reported / rate < 1e6 else f'{reported / rate:.3g}'} times."
    )


def _same_rate(a: float, b: float) -> bool:
    return 1 / limit("inflation") < a / b < limit("inflation")


def _rate(value: float) -> str:
    return f"{value:.6g}" if value >= 1e9 else count(round(value, 2))


def _rate_of_requests(evidence: Evidence) -> tuple[float, str] | None:
    counted, done = evidence.counted_tokens, evidence.completed
    if counted and done and evidence.duration_s:
        said = f"{count(done)} requests of {count(counted)} tokens"
        rate = counted * done / evidence.duration_s
        return rate, f"{said} in {sec(evidence.duration_s)}"
    rate_s, decode_s, tpot = evidence.request_rate, evidence.decode_s, evidence.tpot
    if rate_s and counted:
        said = f"{count(round(rate_s, 2))} requests/s of {count(counted)} tokens"
        return rate_s * counted, said
    if not rate_s or not decode_s or not tpot or evidence.tpot_has_first:
        return None
    tokens = 1 + decode_s / tpot
    return rate_s * tokens, f"{count(round(rate_s, 2))} requests/s of {count(round(tokens))} tokens"
