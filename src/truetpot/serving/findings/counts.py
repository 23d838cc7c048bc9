"""Different counts of the same output tokens, and texts that do not go with them."""

from __future__ import annotations

import numpy as np

from truetpot.serving.evidence import Evidence
from truetpot.serving.evidence.counts import BY_TRUST
from truetpot.serving.evidence.messages import Holds
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, percent, times
from truetpot.serving.records import Counting
from truetpot.serving.thresholds import limit


def other_count(evidence: Evidence) -> tuple[Counting, float, float] | None:
    """The most trusted count but the tool's own: its name, its mean and the own mean."""
    own = evidence.tokens()
    if not own or own <= 1:
        return None
    for way in BY_TRUST:
        if way is not evidence.counting and (mean := evidence.tokens(way)):
            return way, mean, own
    return None


def _off_by_one(evidence: Evidence, way: Counting) -> int:
    """1 or -1 where the tool's count of every request differs from another by just that."""
    requests = evidence.run.requests
    if requests is None or way not in requests.output_tokens:
        return 0
    own, other = requests.tokens, requests.output_tokens[way]
    rows = requests.ok & (own > 1) & (other > 0)
    differences = np.unique((own - other)[rows])
    enough = rows.sum() >= limit("every_request")
    return int(differences[0]) if enough and len(differences) == 1 else 0


@detector(
    "counts-disagree",
    title="Two counts of the same output tokens disagree",
    severity=Severity.WARNING,
    meaning=(
        "The file counts the tokens of the same outputs in two ways, and they differ by more than"
        " tokenising text again explains: collapsed white space, reasoning that is not in the text,"
        " hidden special tokens, chunks of several tokens. The time per token divides by one."
    ),
    needs="Two counts, per request or in total.",
    fix="Divide by the server's count.",
    rules=(3, 5),
    pitfalls=(16, 18, 1, 5),
)
def counts_disagree(evidence: Evidence) -> Trace | None:
    """Where the tool divides by the more trusted count, its time per token is right."""
    found = other_count(evidence)
    if found is None or evidence.counting is Counting.REQUESTED:
        return None
    way, other, own = found
    if 1 / limit("counts") < other / own < limit("counts") or abs(_off_by_one(evidence, way)) == 1:
        return None
    mine = evidence.counting or Counting.UNSTATED
    text = (
        f"A request has {count(own)} tokens by the count that the tool divides by ({mine}) and"
        f" {count(other)} by another ({way}): {times(other / own)} times."
    )
    trusted = mine in BY_TRUST and BY_TRUST.index(mine) < BY_TRUST.index(way)
    return Trace(text, None if trusted or other <= 1 else (other - 1) / (own - 1))


@detector(
    "count-off-by-one",
    title="Every count is off by one",
    severity=Severity.INFO,
    meaning=(
        "Two counts differ by exactly one token in every request: a BOS token that the tokenizer"
        " adds, or an end token that is not in the text."
    ),
    needs="Two counts a request, in eight requests or more.",
    fix="Tokenise without special tokens; matters for short outputs only.",
    pitfalls=(17,),
    rules=(5,),
)
def count_off_by_one(evidence: Evidence) -> Trace | None:
    """Of retokenised text only a constant difference shows that it is no noise."""
    found = other_count(evidence)
    if found is None or (difference := _off_by_one(evidence, found[0])) not in (-1, 1):
        return None
    way, other, own = found
    more = "more" if difference > 0 else "less"
    text = (
        f"The tool counts one token {more} than the count by {way} in every request: {count(own)}"
        f" and {count(other)} on average."
    )
    return Trace(text, (other - 1) / (own - 1) if other > 1 else None)


@detector(
    "requested-as-count",
    title="The length asked for stands as the length that came",
    severity=Severity.ERROR,
    meaning=(
        "Every request is counted with the length asked for, and another count says that less came:"
        " outputs ended early. Throughput is too high and the time per token too short."
    ),
    needs="A divisor equal to the length asked for, and another count that is lower.",
    fix="Take the server's count; check that ignore_eos reached the server.",
    rules=(3,),
    pitfalls=(10, 9),
    explains=("counts-disagree",),
)
def requested_as_count(evidence: Evidence) -> Trace | None:
    """A server's own count is not questioned here: it decoded what its text may hide."""
    found = other_count(evidence)
    if found is None or evidence.counting in (Counting.SERVER, Counting.RETOKENISED):
        return None
    way, other, own = found
    stated = evidence.counting is Counting.REQUESTED
    if not (stated or own == evidence.requested) or other * limit("counts") > own:
        return None
    readings = evidence.stream.readings if evidence.stream else ()
    if not stated and any(one.holds is Holds.HIDDEN_FIRST for one in readings):
        return None  # as many may have been decoded as were asked for, the first ones hidden
    text = (
        f"Each request is counted with the {count(own)} tokens asked for; by another count ({way})"
        f" {count(other)} came."
    )
    return Trace(text, (other - 1) / (own - 1) if other > 1 else None)


@detector(
    "blank-text",
    title="The visible text does not go with its tokens",
    severity=Severity.WARNING,
    meaning=(
        "The outputs are nearly all white space, or have next to no characters for the tokens"
        " counted: special tokens, runs of blanks or hidden reasoning. Prompts without meaning"
        " (random token ids) bring this about. A client that counts visible text would go wrong on"
        " it, and runs of blanks become few tokens when tokenised again."
    ),
    needs="Lengths of the output texts.",
    fix="Use prompts with meaning and read some outputs before believing any figure.",
    rules=(3,),
    pitfalls=(16, 18, 1),
)
def blank_text(evidence: Evidence) -> Trace | None:
    """Tokens by the server's count if there is one."""
    requests = evidence.run.requests
    if requests is None or requests.text_chars is None:
        return None
    rows = requests.ok & (requests.text_chars >= 0)
    chars = int(requests.text_chars[rows].sum())
    if requests.blank_chars is not None and chars:
        blank = int(requests.blank_chars[rows].sum()) / chars
        if blank >= limit("blank"):
            return Trace(f"{percent(blank)} of the {count(chars)} characters are white space.")
    ways = [way for way in (Counting.SERVER, requests.counting) if way in requests.output_tokens]
    tokens = requests.output_tokens[ways[0]]
    total = int(tokens[rows & (tokens > 0)].sum())
    if not total or chars >= limit("text_per_token") * total:
        return None
    return Trace(f"The texts have {count(chars)} characters for {count(total)} tokens ({ways[0]}).")
