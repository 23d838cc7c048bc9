# mypy: disallow-untyped-decorators=False
"""The detailed results of vLLM's client, and of SGLang's, which grew out of it: a list a column."""

from __future__ import annotations

from collections.abc import Mapping, Sized

import numpy as np
from numpy.typing import NDArray

from truetpot.jit import njit
from truetpot.serving.readers.document import Node
from truetpot.serving.records import UNKNOWN, Counting, Floats, Ints, Requests

_LONGEST_ERROR = 300
_MOST_ERRORS = 100


def requests(node: Node, counting: Counting) -> Requests | None:
    """One row a request from the lists of `node`, None if it has none. ``output_lens`` are counted
    by `counting`.

    A request failed if it has an error and no output: the files have no other mark. Where there
    are no ``latencies``, the latency is ``ttft + sum(gaps)``, and NaN if neither was measured.
    Raises UserError if two lists differ in length.
    """
    prompts, tokens = node.counts("input_lens"), node.counts("output_lens")
    ttfts, latencies = node.floats("ttfts"), node.floats("latencies")
    starts, queues = node.floats("start_times"), node.floats("queue_times")
    gaps = node.ragged("itls")
    texts = _text_lengths(node)
    failed, errors = _errors(node)
    n = _same_length(
        node,
        {
            "input_lens": prompts,
            "output_lens": tokens,
            "ttfts": ttfts,
            "itls": None if gaps is None else gaps.offsets[1:],
            "latencies": latencies,
            "start_times": starts,
            "queue_times": queues,
            "generated_texts": None if texts is None else texts[0],
            "errors": failed,
        },
    )
    if n is None:
        return None
    tokens = _known(tokens, n)
    ttfts = np.full(n, np.nan) if ttfts is None else ttfts
    from_gaps = latencies is None and gaps is not None
    if from_gaps and gaps is not None:
        latencies = _latencies(ttfts, gaps.seconds, gaps.offsets)
    return Requests(
        prompt_tokens=_known(prompts, n),
        output_tokens={counting: tokens},
        counting=counting,
        ttft_s=ttfts,
        latency_s=np.full(n, np.nan) if latencies is None else latencies,
        latency_from_gaps=from_gaps,
        ok=np.ones(n, np.bool_) if failed is None else ~(failed & (tokens <= 0)),
        start_s=starts,
        gaps=gaps,
        text_chars=None if texts is None else texts[0],
        blank_chars=None if texts is None else texts[1],
        errors=errors,
        queue_s=queues,
    )


def _same_length(node: Node, columns: Mapping[str, Sized | None]) -> int | None:
    lengths = {key: len(column) for key, column in columns.items() if column is not None}
    first = next(iter(lengths), "")
    for key, length in lengths.items():
        if length != lengths[first]:
            raise node.error(
                f'has {lengths[first]:,} entries in "{first}" and {length:,} in "{key}": '
                "each has to have one a request"
            )
    return lengths.get(first)


def _known(counts: Ints | None, n: int) -> Ints:
    return np.full(n, UNKNOWN) if counts is None else counts


def _text_lengths(node: Node) -> tuple[Ints, Ints] | None:
    """Characters and blank ones of every generated text; the texts are not kept."""
    if node.get("generated_texts") is None:
        return None
    chars: list[int] = []
    blanks: list[int] = []
    for texts in node.texts("generated_texts"):
        for text in texts:
            length = UNKNOWN if text is None else len(text)
            chars.append(length)
            blanks.append(UNKNOWN if text is None else length - len("".join(text.split())))
    return np.array(chars, np.int64), np.array(blanks, np.int64)


def _errors(node: Node) -> tuple[NDArray[np.bool_] | None, dict[str, int]]:
    """Which requests have an error, and how often each message came."""
    if node.get("errors") is None:
        return None, {}
    failed: list[bool] = []
    messages: dict[str, int] = {}
    for errors in node.texts("errors"):
        failed += map(bool, errors)
        for error in filter(None, errors):
            message = error[:_LONGEST_ERROR]
            if message in messages or len(messages) < _MOST_ERRORS:
                messages[message] = messages.get(message, 0) + 1
    return np.array(failed, np.bool_), messages


@njit(cache=True)
def _latencies(ttfts: Floats, seconds: Floats, offsets: Ints) -> Floats:
    latencies = ttfts.copy()
    for i in range(len(ttfts)):
        if offsets[i] == offsets[i + 1] and ttfts[i] == 0:
            latencies[i] = np.nan
        for j in range(offsets[i], offsets[i + 1]):
            latencies[i] += seconds[j]
    return latencies
