"""Whether the interval of a time per token covers more tokens than it is divided by."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.serving.evidence import FULL, STOPPED, Evidence
from truetpot.serving.evidence.lengths import AS_ASKED, Decoded, decoded
from truetpot.serving.findings.unit import slip
from truetpot.serving.findings.words import count, ms, percent, sec, times
from truetpot.serving.records import Counting
from truetpot.serving.thresholds import limit


@dataclass(frozen=True)
class Sign:
    """Something in the file that says the time per token is too long for a token."""

    text: str
    true_s: float | None = None
    """An estimate of the true time per token."""
    strong: bool = True


@dataclass(frozen=True)
class Diagnosis:
    """What speaks for a divisor that is too small for its interval."""

    tpot: float
    counted: float | None
    """Tokens that the tool divided by (minus one), mean."""
    all_tokens: Decoded | None
    signs: tuple[Sign, ...]
    really_short: str = ""
    """Why no more tokens than counted were decoded, if the file shows it: time was waited."""
    counted_short: str = ""
    """Why more tokens than counted were decoded, if the file shows it."""


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """None where the divisor is not short, or nothing says that the time is too long."""
    tpot, counted, all_tokens = evidence.tpot, evidence.divided_by, decoded(evidence)
    if tpot is None or evidence.tpot_has_first or (counted is None and all_tokens is None):
        return None
    duration = evidence.duration_s
    shorter = min(tpot, evidence.tpot_statistic("median") or tpot)  # a few requests can make a mean
    # a mean time by a mean count: of few requests, of unlike lengths, twice the mean interval
    if duration and shorter * max(1.0, (counted or 2) - 1) > limit("inflation") * duration:
        return None  # No interval of this run is that long: the value itself is wrong.
    if evidence.counting is Counting.CHUNKS and evidence.stream is not None:
        return None  # All messages were counted, and they hold several tokens each.
    if counted and all_tokens:
        if all_tokens.tokens - 1 < limit("shortfall") * (counted - 1):
            return None
        implied = tpot * (counted - 1) / (all_tokens.tokens - 1)
    else:
        implied = None
    signs = tuple(_from_times(evidence, tpot))
    if all_tokens:
        signs += tuple(_from_lengths(evidence, tpot, counted, all_tokens, implied))
    elif evidence.counting is Counting.SERVER or slip(evidence):
        return None
    short = _really_short(evidence, counted, all_tokens, implied)
    # Gaps as long as the time per token bear it out, unless tokens between them were not seen.
    if (short or not any(sign.strong for sign in signs)) and _borne_out(evidence, tpot):
        return None
    if not signs:
        return None
    long = "" if short else _counted_short(evidence, counted, all_tokens, implied)
    return Diagnosis(tpot, counted, all_tokens, signs, short, long)


def _borne_out(evidence: Evidence, tpot: float) -> bool:
    gaps = evidence.itl("mean"), evidence.itl("median")
    return all(gap and 1 / limit("pace") <= tpot / gap <= limit("pace") for gap in gaps)


def _from_times(evidence: Evidence, tpot: float) -> list[Sign]:
    """Signs that need no length asked for: other times of the same file."""
    signs = []
    inflation = limit("inflation")
    gaps = [gap for gap in (evidence.itl("mean"), evidence.itl("median")) if gap]
    if gaps and tpot >= inflation * max(gaps) and not _more_chunks(evidence):
        signs.append(Sign(f"the gaps between chunks are {ms(max(gaps))}", max(gaps)))
    requests, timed, sums = evidence.run.requests, evidence.timed, evidence.gap_sums
    if requests is not None and timed is not None and sums is not None:
        gaps_s = float(sums[timed].mean())
        interval_s = evidence.decode_s or tpot * float((requests.tokens[timed] - 1).mean())
        if gaps_s and interval_s >= inflation * gaps_s:
            said = f"the gaps of a request add up to {sec(gaps_s)} of an interval of "
            signs.append(Sign(said + sec(interval_s)))
    if requests is not None and timed is not None and not requests.latency_from_gaps:
        n, spans = requests.tokens[timed], (requests.latency_s - requests.ttft_s)[timed]
        varied = len(n) > 2 and n.max() >= 2 * n.min()
        if varied and spans.std() <= limit("interval_spread") * spans.mean():
            said = f"requests of {count(int(n.min()))} to {count(int(n.max()))} tokens all took "
            signs.append(Sign(f"{said}{sec(float(spans.min()))} to {sec(float(spans.max()))}"))
    return signs


def _from_lengths(
    evidence: Evidence,
    tpot: float,
    counted: float | None,
    all_tokens: Decoded,
    implied: float | None,
) -> list[Sign]:
    """Signs that mean something only where more tokens were decoded than counted."""
    signs = []
    if all_tokens.source != AS_ASKED and counted:
        said = f"by {all_tokens.source} a request has {count(all_tokens.tokens)} tokens"
        signs.append(Sign(said, implied))
    floor = evidence.floor_s
    if floor and evidence.yardstick and tpot >= limit("floor_ratio") * floor:
        said = f"it is {times(tpot / floor)} times the floor of {ms(floor)}"
        signs.append(Sign(f"{said} ({evidence.yardstick.what})"))
    if tpot >= limit("unserved_s"):
        signs.append(Sign(f"{sec(tpot)} a token is slower than any figure published", strong=False))
    ttft, median = evidence.ttft, evidence.tpot_statistic("median")
    if ttft and tpot >= limit("over_ttft") * ttft and (implied is None or implied <= ttft):
        said = f"it is {times(tpot / ttft)} times the mean TTFT of {ms(ttft)}"
        signs.append(Sign(said, strong=False))
    if median and tpot >= limit("skew") * median:
        said = f"it is {times(tpot / median)} times the median of {ms(median)}"
        signs.append(Sign(said, strong=False))
    return signs


def _really_short(
    evidence: Evidence, counted: float | None, all_tokens: Decoded | None, implied: float | None
) -> str:
    if counted is None:
        return ""
    server = evidence.tokens(Counting.SERVER)
    if server and server - 1 < limit("shortfall") * (counted - 1):
        return f"the server counts {count(server)} tokens a request too"
    stopped = evidence.ended(*STOPPED)
    if stopped is not None and stopped >= limit("most"):
        return f"{percent(stopped)} of the requests ended by themselves"
    floor = evidence.least_s if all_tokens else None
    if floor and implied and implied < floor * (1 - limit("rounding")):
        return f"{ms(implied)} for each token decoded would be below the floor of {ms(floor)}"
    return ""


def _counted_short(
    evidence: Evidence, counted: float | None, all_tokens: Decoded | None, implied: float | None
) -> str:
    if all_tokens is None:
        return ""
    if all_tokens.source != AS_ASKED:
        return f"by {all_tokens.source} there were {count(all_tokens.tokens)}"
    full = evidence.ended(*FULL)
    if full is not None and full >= limit("most"):
        return f"{percent(full)} of the requests ended at the length asked for"
    streamed = evidence.chunks
    if streamed and counted and streamed >= limit("shortfall") * counted:
        return f"{count(streamed)} messages were streamed for {count(counted)} tokens counted"
    pace = evidence.itl("mean")
    if pace and implied and 1 / limit("pace") <= implied / pace <= limit("pace"):
        return f"{ms(implied)} for each token decoded is the pace of the gaps, {ms(pace)}"
    return ""


def _more_chunks(evidence: Evidence) -> bool:
    """More messages than tokens, by a count that does not leave tokens out: gaps are short then."""
    streamed, n = evidence.chunks, evidence.divided_by
    if streamed is None or n is None or evidence.counting is Counting.RETOKENISED:
        return False
    return streamed - 1 > limit("gap_count") * (n - 1) + limit("gap_count_slack")
