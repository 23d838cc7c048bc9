"""How many tokens single messages held, where rows tell it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.records import Gaps, Ints, Requests
from truetpot.serving.thresholds import limit

LENGTHS = 4
"""Different numbers of tokens that a rule has to hold for."""


def near(a: float, b: float) -> bool:
    """Whether two times may be of the same pace."""
    return 1 / limit("pace") < a / b < limit("pace")


@dataclass(frozen=True)
class Runs:
    """Gaps that repeat the one before to the last digit, as one. Measured times do not repeat: a
    tool that divides a gap by the tokens of its message writes the quotient once for each."""

    each: Ints
    """Of each request [requests]."""
    longest: int
    """Gaps in one of them."""
    regular: bool
    """Whether all are as long, but for what is left at the end of a request: a server's interval,
    and not what a draft model happened to guess."""


def runs(gaps: Gaps) -> Runs:
    """Runs of equal gaps: how many a request has, the longest, whether all are as long."""
    each = np.zeros(len(gaps.offsets) - 1, np.int64)
    some = gaps.counts() > 0
    starts = gaps.offsets[:-1][some]
    if not len(starts):
        return Runs(each, 0, True)
    new = np.ones(len(gaps.seconds), np.bool_)
    new[1:] = gaps.seconds[1:] != gaps.seconds[:-1]
    new[starts] = True
    each[some] = np.add.reduceat(new, starts, dtype=np.int64)
    if each.sum() == len(new):
        return Runs(each, 1, True)
    lengths = np.diff(np.flatnonzero(new), append=len(new))
    longest = int(lengths.max())
    return Runs(each, longest, int(np.sum(lengths != longest)) <= len(starts))


def of_an_interval(counts: Ints, messages: Ints) -> float | None:
    """Tokens that the first message held, by the counts of every request [requests].

    A server's interval of k tokens makes ceil(n/k) messages, or 1 + ceil((n - 1)/k) where the first
    token comes alone; hidden tokens and speculative steps do not keep to it. None where they are no
    such numbers, where they are both, or where too few could be so by chance: 900 tokens of a
    reasoning budget and 100 visible ones are ten a message too, in request after request.
    """
    few = limit("every_request")
    if len(counts) < few or messages.mean() < few or len(np.unique(counts)) < LENGTHS:
        return None
    alike = _interval(counts, messages)
    alone = _interval(counts - 1, messages - 1)
    if (alike is None) == (alone is None):
        return None
    return 1.0 if alike is None else float(alike)


def _interval(tokens: Ints, messages: Ints) -> int | None:
    """The k of two and more with ``messages == ceil(tokens / k)`` throughout."""
    if messages.min() < 2:
        return None
    k = int(np.ceil((tokens / messages).max()))
    return k if k > 1 and np.array_equal(messages, -(-tokens // k)) else None


def first_tokens(
    requests: Requests, counts: Ints, messages: Ints, rows: NDArray[np.bool_]
) -> float | None:
    """Tokens that the first message of a request held, mean over `rows` [requests].

    1 or as many as the others held, whichever is nearer; None where no file says that, or where a
    share of the text lies between the two: texts are not as long as their tokens.
    """
    alike = float((counts[rows] / messages[rows]).mean())
    middle, off = np.sqrt(alike), 1.0
    if requests.first_tokens is not None and (requests.first_tokens[rows] > 0).all():
        held = float(requests.first_tokens[rows].mean())
    elif requests.first_share is not None and np.isfinite(requests.first_share[rows]).all():
        held, off = float((requests.first_share[rows] * counts[rows]).mean()), limit("first_text")
    else:
        return None
    if middle / off < held < middle * off:
        return None
    return alike if held > middle else 1.0
