"""Servers that time prompt and generation themselves: where the one clock stops and the other runs.
"""

from __future__ import annotations

import numpy as np

from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, percent, sec, times
from truetpot.serving.records import Ints
from truetpot.serving.thresholds import limit


@detector(
    "decoded-before-the-first-token",
    title="The tokens were decoded before the clock of the generation started",
    severity=Severity.ERROR,
    meaning=(
        "The time after the first token is a few microseconds a token, less than any processor"
        " takes, and the time before it is hundreds of times as long for a token of the prompt: the"
        " decoding lies in the prompt's time, or the answer came in one piece. The time per token"
        " is that of handing it over."
    ),
    needs="Rows with prompt length, TTFT, latency and output tokens.",
    fix=(
        "Divide the whole latency by the output tokens, which is at most too long by the prompt's"
        " share; stream, and take a server whose timings add up to what a client sees."
    ),
    rules=(4, 11),
    pitfalls=(15,),
    explains=("below-floor",),
)
def decoded_before_the_first_token(evidence: Evidence) -> Trace | None:
    """A decode step reads all weights for its one token, a prompt's step for many: a decoded token
    takes at least as long as one of the prompt, whatever the card."""
    requests, rows = evidence.run.requests, evidence.timed
    if requests is None or rows is None or requests.latency_from_gaps:
        return None
    processed = requests.prompt_tokens - _cached(requests.cached_tokens, len(requests))
    rows = rows & (processed > 0)
    if not rows.any():
        return None
    ttft, latency, n = (x[rows] for x in (requests.ttft_s, requests.latency_s, requests.tokens))
    decode, prompt = (latency - ttft) / (n - 1), ttft / processed[rows]
    unseen = (decode < limit("unseen_s")) & (decode < limit("prompt_pace") * prompt)
    if unseen.mean() < limit("most"):
        return None
    pace, most = float(decode.mean()), float((latency / n).mean())
    text = (
        f"{count(float(n.mean()))} tokens took {sec(float((latency - ttft).mean()))} after the"
        f" first, {ms(pace)} each, and {sec(float(ttft.mean()))} before it, for"
        f" {count(float(processed[rows].mean()))} tokens of prompt. Over the whole latency a token"
        f" took {ms(most)} at most."
    )
    return Trace(text, pace / most)


@detector(
    "cached-prompts",
    title="Prompts were in the server's cache",
    severity=Severity.WARNING,
    meaning=(
        "The server had processed most of these prompts before, for an earlier request, and TTFT is"
        " that of the few tokens that were new. It is no prefill time, and a mean over cached and"
        " new prompts is neither. The time per token is not touched: the cache of a found prompt is"
        " as long."
    ),
    needs=(
        "How much of each prompt was found (llama.cpp's cache_n, or a prompt_n below its length),"
        " or of all together (inference-perf, SGLang's cache report)."
    ),
    fix="Use a new prompt for each request, or turn the cache off (cache_prompt: false).",
)
def cached_prompts(evidence: Evidence) -> Trace | None:
    """A chat template's common beginning is cached by right: only half of a prompt and more."""
    requests = evidence.run.requests
    if requests is None or requests.cached_tokens is None:
        return _cached_in_all(evidence)
    known = requests.ok & (requests.cached_tokens >= 0) & (requests.prompt_tokens > 0)
    found = known & (requests.cached_tokens >= limit("cached") * requests.prompt_tokens)
    if not found.any():
        return None
    part = float(requests.cached_tokens[found].mean()), float(requests.prompt_tokens[found].mean())
    text = (
        f"{count(int(found.sum()))} of {count(int(known.sum()))} prompts were found,"
        f" {count(part[0])} of {count(part[1])} tokens"
    )
    new, times_found = requests.ttft_s[known & ~found], requests.ttft_s[found]
    if not np.isfinite(times_found).all():
        return Trace(f"{text}.")
    text += f": their mean TTFT is {ms(float(times_found.mean()))}"
    if new.size and np.isfinite(new).all() and times_found.mean() > 0:
        ratio = float(new.mean() / times_found.mean())
        text += f", that of the others {ms(float(new.mean()))}, {times(ratio)} times as long"
    return Trace(f"{text}.")


def _cached_in_all(evidence: Evidence) -> Trace | None:
    totals = evidence.run.totals
    if not totals.cached_tokens or not totals.input_tokens:
        return None
    share = totals.cached_tokens / totals.input_tokens
    if not limit("cached") <= share <= 1:
        return None
    tokens = f"{count(totals.cached_tokens)} of {count(totals.input_tokens)} tokens of prompt"
    text = f"{tokens} were found, {percent(share)}"
    ttft = evidence.ttft
    return Trace(f"{text}: the mean TTFT of {ms(ttft)} is of the rest." if ttft else f"{text}.")


def _cached(tokens: Ints | None, rows: int) -> Ints:
    """Known ones [rows], 0 for the rest."""
    return np.zeros(rows, np.int64) if tokens is None else np.maximum(tokens, 0)
