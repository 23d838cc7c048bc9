"""What a file states of speculative decoding: tokens that a step gave, and that it verified."""

from __future__ import annotations

import math

from truetpot.serving.records import Run
from truetpot.serving.thresholds import limit

MOST_DRAFTED = 64
"""More tokens than any draft has: a count beyond is something else."""


def stated_tokens_a_step(run: Run) -> float | None:
    """As the file states it, or as its counts of drafts give it."""
    stated = run.setting.tokens_per_step
    if stated is None and run.drafts is not None:
        stated = run.drafts.tokens_per_step
    return stated if stated is not None and 1 <= stated < math.inf else None


def drafted_a_step(run: Run) -> float | None:
    """Draft tokens that a step verified, mean; None where the file's figures do not give it.

    Drafted tokens over steps; else the accepted ones of a step over their share of the drafted.
    """
    drafts = run.drafts
    if drafts is None:
        return None
    gave = drafts.tokens_per_step or stated_tokens_a_step(run)
    if drafts.steps and drafts.drafted is not None:
        found = drafts.drafted / drafts.steps
    elif gave is not None and drafts.rate:
        found = (gave - 1) / drafts.rate
    else:
        return None
    return found if 0 < found <= MOST_DRAFTED else None


def query_tokens_of(run: Run) -> int:
    """Of each sequence in a step: the draft's tokens and the one before; 1 where none is stated.

    A mean between two whole numbers is rounded down, so that a floor stays one: a step's least
    time, the larger of its bytes' and its operations', grows no slower for longer drafts.
    """
    drafted = drafted_a_step(run)
    return 1 if drafted is None else 1 + int(drafted * (1 + limit("drafted")))


def verifies(run: Run, tokens: int) -> bool:
    """Whether every step of the run has so many query tokens, as far as its file tells."""
    drafted = drafted_a_step(run)
    if drafted is None:
        return tokens == 1
    return tokens == query_tokens_of(run) and drafted <= (tokens - 1) * (1 + limit("drafted"))
