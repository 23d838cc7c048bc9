"""Requests that failed, and outputs that are shorter than asked for."""

from __future__ import annotations

import numpy as np

from truetpot.serving.evidence import STOPPED, Evidence
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, percent
from truetpot.serving.records import Counting
from truetpot.serving.thresholds import limit


@detector(
    "failed-requests",
    title="Requests failed",
    severity=Severity.WARNING,
    meaning=(
        "Failed requests are in no mean. What remains may be the easy part of the load; if none"
        " remains, tools print zeros."
    ),
    needs="Attempted beside completed requests, or rows with errors.",
    fix="Read the errors, repair, and run again; a result with failures describes another load.",
    rules=(7,),
    pitfalls=(9, 14),
)
def failed_requests(evidence: Evidence) -> Trace | None:
    """Requests failed; an error where none completed."""
    totals, requests = evidence.run.totals, evidence.run.requests
    failed, done = totals.failed, totals.completed
    if not failed and totals.attempted is not None and done is not None:
        failed = totals.attempted - done
    if not failed and requests is not None:
        failed, done = int((~requests.ok).sum()), int(requests.ok.sum())
    if done == 0 and not failed:
        return Trace("No request completed.", None, Severity.ERROR)
    if not failed or failed < 0:
        return None
    text = f"{count(failed)} requests failed"
    text += f" and {count(done)} completed." if done is not None else "."
    if requests is not None and requests.errors:
        message, often = max(requests.errors.items(), key=lambda item: item[1])
        text += f" Most often ({count(often)}): {message[:80]!a}."
    return Trace(text, None, Severity.WARNING if done else Severity.ERROR)


@detector(
    "short-outputs",
    title="Outputs are shorter than asked for",
    severity=Severity.WARNING,
    meaning=(
        "Less than 90 % of the tokens asked for came. The load was lighter than it says, contexts"
        " were shorter, and very short outputs make the time per token a quotient of small numbers."
        " MLPerf makes a run invalid for it. A few requests are enough: their time per token is a"
        " quotient of small numbers, and the mean over requests counts them like any other."
    ),
    needs="Output lengths, and the length asked for. Not with ignore_eos off, unless you ask.",
    fix="Pass ignore_eos (see that it reaches the server) or min_tokens; or state real lengths.",
    rules=(3,),
    pitfalls=(9, 10),
)
def short_outputs(evidence: Evidence) -> Trace | None:
    """By the server's count where there is one, never by the length asked for."""
    asked, setting = evidence.requested, evidence.run.setting
    if asked is None or (setting.ignore_eos is False and not evidence.requested_output_tokens):
        return None
    way = Counting.SERVER if evidence.tokens(Counting.SERVER) else evidence.counting
    mean = evidence.tokens(way)
    if mean is None or way is Counting.REQUESTED:
        return None
    severity = Severity.ERROR if setting.ignore_eos else Severity.WARNING
    counts = evidence.counts(way)
    short = int(np.sum(counts < limit("short") * asked)) if counts is not None else 0
    many = counts is not None and short >= max(1.0, limit("short_share") * len(counts))
    share = _short_share(evidence, asked) if counts is None else 0.0
    many |= share >= limit("short_share")
    if mean >= limit("short") * asked and not many and not (short and setting.ignore_eos):
        return None
    text = f"A request has {count(mean)} of {count(asked)} output tokens on average"
    if counts is not None:
        text += f", and {count(short)} of {count(len(counts))} have less than 90 %"
    elif share:
        text += f", and at least {percent(share)} of the requests have less than 90 %"
    return Trace(f"{text}.", None, severity)


def _short_share(evidence: Evidence, asked: int) -> float:
    """Share of the requests that are short, at least, by the percentiles that the tool wrote; by
    the least, which stands at 0, it is one of them."""
    lengths = evidence.run.totals.low_lengths
    short = [share for share, n in lengths.items() if n < limit("short") * asked]
    return max(*short, 1 / evidence.completed) if short and evidence.completed else 0.0


@detector(
    "longer-than-asked",
    title="Outputs are longer than asked for",
    severity=Severity.WARNING,
    meaning=(
        "More tokens came than were asked for: the limit did not reach the server, reasoning is not"
        " counted against it, or the file's setting is another run's. The contexts were longer than"
        " the setting says."
    ),
    needs="Output lengths, and the length asked for.",
    fix="Check that the limit (max_tokens) reached the server; name the lengths that came.",
    rules=(3,),
    pitfalls=(9,),
)
def longer_than_asked(evidence: Evidence) -> Trace | None:
    """By the count that came, which every other figure goes by too."""
    asked = evidence.requested
    way = Counting.SERVER if evidence.tokens(Counting.SERVER) else evidence.counting
    mean = evidence.tokens(way)
    if asked is None or mean is None or mean < limit("counts") * asked:
        return None
    return Trace(f"A request has {count(mean)} output tokens, and {count(asked)} were asked for.")


@detector(
    "empty-outputs",
    title="Requests without output count as successes",
    severity=Severity.WARNING,
    meaning=(
        "A request with no token, or with one where more were asked for, has no time per token. It"
        " leaves the mean silently or enters it as zero, and in a goodput it counts as perfect."
    ),
    needs="Output lengths of successful requests.",
    fix="Find out why they are empty; count them as failures.",
    rules=(6, 3),
    pitfalls=(9, 14),
)
def empty_outputs(evidence: Evidence) -> Trace | None:
    """From rows, else from counts that the tool gives; a total of zero shows it too."""
    counts, known = evidence.counts(), evidence.recomputed.counts
    if counts is not None:
        none, one, of = int(np.sum(counts == 0)), int(np.sum(counts == 1)), len(counts)
    elif evidence.tokens() == 0:
        none, one, of = evidence.completed or 0, 0, evidence.completed or 0
    else:
        none, one, of = known.no_tokens or 0, known.one_token or 0, known.ok or 0
    one = one if (evidence.requested or 0) > 1 else 0
    if not none + one:
        return None
    said = [f"{count(none)} have no output token"] if none else []
    said += [f"{count(one)} have one where {count(evidence.requested or 0)} were asked for"] * bool(
        one
    )
    return Trace(f"Of {count(of)} successful requests {' and '.join(said)}.")


@detector(
    "stopped-despite-ignore-eos",
    title="Requests stopped although ignore_eos was set",
    severity=Severity.ERROR,
    meaning="The setting did not reach the server: lengths are the model's, not the benchmark's.",
    needs="Finish reasons, and ignore_eos in the settings.",
    fix="Pass ignore_eos where the server reads it (extra body), or use min_tokens.",
    rules=(3,),
    pitfalls=(9,),
)
def stopped_despite_ignore_eos(evidence: Evidence) -> Trace | None:
    """SGLang's own check of finish reasons does the same."""
    share = evidence.ended(*STOPPED)
    if not evidence.run.setting.ignore_eos or not share:
        return None
    return Trace(f"{percent(share)} of the requests ended by themselves, with ignore_eos set.")
