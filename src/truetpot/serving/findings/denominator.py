"""A time per token whose interval covers more than the tokens it is divided by."""

from __future__ import annotations

import numpy as np

from truetpot.serving.evidence import Evidence
from truetpot.serving.evidence.lengths import AS_ASKED
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.shortfall import Diagnosis, diagnose
from truetpot.serving.findings.visible import OPEN, summary, visible_counts
from truetpot.serving.findings.words import count, ms, sec, times
from truetpot.serving.records import Counting
from truetpot.serving.thresholds import limit


@detector(
    "visible-token-denominator",
    title="The time of all decoded tokens, divided by the few that were visible",
    severity=Severity.ERROR,
    meaning=(
        "The interval runs to the end of everything that the server decoded, and the divisor counts"
        " only tokens that came out as text. Special tokens, blanks, incomplete characters and"
        " unparsed reasoning are decoded and not seen, so the result is too long by"
        " (N - 1)/(n - 1): thousands of times for a handful of visible tokens. Each visible count n"
        " that could make the figure is listed with the per-token time T (n - 1)/(N - 1) that it"
        " implies; a floor, the duration, totals, rows, texts and gaps exclude what they can."
        " Where the file cannot tell it from outputs that really were short, with a wait inside"
        " the interval, the finding names both."
    ),
    needs=(
        "A mean TPOT; how many tokens were decoded (server's count, length asked for, streamed"
        " messages) or how many were counted; and a sign that the time is too long for one token:"
        " gaps, the same interval for different counts, a floor, TTFT, the median."
    ),
    fix=(
        "Divide by the server's count (usage.completion_tokens; a vLLM client later than 0.6.6"
        " does), and use prompts with meaning, for which visible text and decoded tokens agree."
    ),
    rules=(1, 2, 3, 11),
    pitfalls=(1, 2, 16, 18),
    explains=(
        "chunk-is-not-a-token",
        "counts-disagree",
        "far-above-floor",
        "first-chunk-is-no-token",
        "gaps-do-not-add-up",
        "reported-differs",
        "skewed-tpot",
        "tpot-itl-disagree",
        "wrong-unit",
    ),
)
def visible_token_denominator(evidence: Evidence) -> Trace | None:
    """The client divided by visible tokens, or that is undecided."""
    seen = diagnose(evidence)
    if seen is None or seen.really_short:
        return None
    sentences = [_what(evidence, seen), _signs(seen)]
    rows = visible_counts(evidence)
    still = [row.n for row in rows if row.standing == OPEN]
    if rows and still != [seen.counted]:
        sentences.append(f"Visible counts: {summary(rows)}.")
    if seen.all_tokens and len(still) > 1:
        most, least = ((seen.all_tokens.tokens - 1) / (n - 1) for n in (still[0], still[-1]))
        sentences.append(f"It is {times(least)} to {times(most)} times too long.")
    if seen.counted_short:
        sentences.append(f"The outputs were long and counted short: {seen.counted_short}.")
    else:
        sentences.append(
            "Either long outputs were counted short, or outputs were short and a queue or a"
            f" prefill lies inside the interval: the file cannot tell.{_missing(evidence)}"
        )
    return Trace(" ".join(sentences), _factor(evidence, seen, still), _severity(seen))


def _severity(seen: Diagnosis) -> Severity:
    strong = any(sign.strong for sign in seen.signs)
    return Severity.ERROR if strong else Severity.WARNING


def _what(evidence: Evidence, seen: Diagnosis) -> str:
    said = f"Mean TPOT {ms(seen.tpot)}"
    way = "retokenised" if evidence.counting is Counting.RETOKENISED else "counted"
    if seen.counted:
        interval = seen.tpot * (seen.counted - 1)
        said += f" is {sec(interval)} over {count(seen.counted)} - 1 {way} tokens"
    else:
        said += " is a time over n - 1 visible tokens"
    if seen.all_tokens is None:
        return said + "."
    asked = seen.all_tokens.source == AS_ASKED
    said += f", and {count(seen.all_tokens.tokens)} were "
    said += "asked for" if asked else f"decoded by {seen.all_tokens.source}"
    if seen.counted and not seen.really_short:
        implied = seen.tpot * (seen.counted - 1) / (seen.all_tokens.tokens - 1)
        said += f": {ms(implied)} each{' if all were decoded' if asked else ''}"
    return said + "."


def _signs(seen: Diagnosis) -> str:
    said = "; ".join(sign.text for sign in seen.signs)
    return f"{said[0].upper()}{said[1:]}."


def _missing(evidence: Evidence) -> str:
    wanted = []
    if evidence.yardstick is None:
        wanted.append("a model and a device, for a floor")
    if evidence.requested is None:
        wanted.append("the output length asked for")
    if evidence.run.requests is None:
        wanted.append("rows of single requests")
    return f" Missing: {', '.join(wanted)}." if wanted else ""


def _factor(evidence: Evidence, seen: Diagnosis, still: list[int]) -> float | None:
    """Reported over true: by the counts, else by the gaps, else by a measured step, else by the
    smallest count that is open, which makes it the most that it can be.
    """
    if seen.all_tokens and seen.counted:
        interval = evidence.decode_s or seen.tpot * (seen.counted - 1)
        return seen.tpot / (interval / (seen.all_tokens.tokens - 1))
    estimates = [sign.true_s for sign in seen.signs if sign.true_s]
    if estimates:
        return seen.tpot / float(np.median(estimates))
    if seen.all_tokens and (step_s := evidence.step_at(1.0)):
        return seen.tpot / step_s
    if seen.all_tokens and still:
        return (seen.all_tokens.tokens - 1) / (still[0] - 1)
    return None


@detector(
    "wait-inside-the-interval",
    title="Few tokens and a long wait between the first chunk and the end",
    severity=Severity.ERROR,
    meaning=(
        "The outputs really were short, and the time from the first chunk to the end is far more"
        " than their decoding: a queue, a prefill after a message without a token, a stall. Divided"
        " by few tokens, the wait becomes the time per token."
    ),
    needs=(
        "As visible-token-denominator, and something that shows the outputs to be short: the"
        " server's count, finish reasons, or a floor that the requested length would break."
    ),
    fix=(
        "Make the server decode the whole length (ignore_eos or min_tokens), take TTFT at the first"
        " token, and look for what waits: queue, prefill, preemption."
    ),
    rules=(1, 2, 3, 11),
    pitfalls=(1, 6, 9),
    explains=(
        "far-above-floor",
        "first-chunk-is-no-token",
        "gaps-do-not-add-up",
        "reported-differs",
        "skewed-tpot",
        "tpot-itl-disagree",
        "wrong-unit",
    ),
)
def wait_inside_the_interval(evidence: Evidence) -> Trace | None:
    """The interval has a wait in it that is no decoding."""
    seen = diagnose(evidence)
    if seen is None or not seen.really_short:
        return None
    text = f"{_what(evidence, seen)} {_signs(seen)} The outputs were short: {seen.really_short}."
    pace = evidence.itl("mean")
    factor = seen.tpot / pace if pace and seen.tpot >= limit("inflation") * pace else None
    return Trace(text, factor, _severity(seen))
