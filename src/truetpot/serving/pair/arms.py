"""The arms of a pair: which runs speculate, and how many tokens each of their steps gave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truetpot.records.verdicts import Counting, Verdict
from truetpot.serving.evidence import Evidence
from truetpot.serving.evidence.messages import Holds
from truetpot.serving.judged import RunOfFile
from truetpot.serving.speculation import stated_tokens_a_step
from truetpot.serving.verdict import Serving


def arms(runs: Iterable[RunOfFile]) -> list[RunOfFile]:
    """Those of the runs that have a time per token."""
    return [run for run in runs if run.serving.reported_s]


def tokens_a_step(arm: RunOfFile) -> tuple[float, str] | None:
    """Of a run with speculation, and what it rests on; None where nothing in its file tells.

    As the file states it; else by its streamed messages, each of which is a step where the first
    one held one token.
    """
    if (stated := stated_tokens_a_step(arm.checked.run)) is not None:
        return stated, "as its file states"
    stream = arm.evidence.stream
    for reading in stream.readings if stream else ():
        if reading.holds is Holds.FIRST_ALONE:
            return reading.tokens_a_message, "by its streamed messages"
    return None


def counts_messages(evidence: Evidence) -> bool:
    """Whether the tool's time per token is one per streamed message."""
    definition = evidence.run.definitions.get(evidence.per_token)
    return Counting.CHUNKS in (evidence.counting, definition and definition.counting)


def untold(serving: Serving) -> Serving:
    """The judgement of a run that speculates, as its user says, where its file has no tokens per
    step: a floor, which is of a step, says nothing of its tokens."""
    if serving.reported_s is None or serving.verdict is Verdict.INFLATED:
        return serving
    why = "Several tokens come per step, and the file does not say how many."
    return replace(serving, verdict=Verdict.NOT_COMPARABLE, why=why)
