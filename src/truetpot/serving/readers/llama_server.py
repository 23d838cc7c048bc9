"""The ``timings`` in answers of llama.cpp's server: one answer, a list of them, or one a line.

ggml-org/llama.cpp ``tools/server/server-common.h`` ``server_slot_stats``, before 2026
``result_timings`` of ``server-task.cpp``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.drafts import drafts
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Record, Rows, added, objects
from truetpot.serving.records import UNKNOWN, Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

TOOL = "llama-server"
PER_TOKEN, PER_STEP = "divided by n", "divided by n - 1"
_FINGERPRINT = re.compile(r"b(\d{1,9})-([0-9a-f]{5,40})")


def _recognises(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else first
    if some is None:
        return False
    timings, keys = some.members.get("timings"), some.members.keys()
    if timings is not None and {"predicted_n", "predicted_ms"} <= timings.members.keys():
        return True
    # The first message of a stream has none.
    return {"content", "stop", "tokens_predicted"} <= keys or _build(_plain(some)) is not None


def _plain(node: Node) -> str | None:
    """The build, as the OpenAI-like answers have it: ``b6710-74b8fc17f``."""
    found = node.members.get("system_fingerprint")
    return found.text() if found is not None and found.kind == "string" else None


def _build(fingerprint: str | None) -> str | None:
    match = _FINGERPRINT.fullmatch(fingerprint or "")
    return f"build {match[1]} ({match[2]})" if match else None


def _read(document: Document) -> list[Run]:
    """One run of all answers. The latency is prompt_ms + predicted_ms: the server writes no sum.

    Of the messages of a stream the last counts, which has the timings of all.
    """
    rows = Rows()
    generated = drafted = accepted = messages = 0
    models, builds = set(), set()
    said = []
    for record, before in _answers(document):
        messages += before
        last = record.node
        _add(rows, record)
        builds.add(_build(_plain(record.node)))
        models.add(record.text("model"))
        said.append(_said(record))
        generated += record.count("timings", "predicted_n")
        drafted += max(0, record.count("timings", "draft_n"))
        accepted += max(0, record.count("timings", "draft_n_accepted"))
    if not len(rows):
        raise document.first.error('has no "predicted_n" in any "timings"')
    one = len(rows) == 1
    variant = divisor(said)
    keys = (("prompt_ms", Metric.TTFT), ("predicted_per_token_ms", Metric.TPOT))
    return [
        Run(
            tool=TOOL,
            variant=f"timings, {variant}",
            place="",
            definitions=definitions(TOOL, variant),
            figures=tuple(
                figure(metric, "mean", last.number("timings", key), f"timings.{key}", "ms")
                for key, metric in keys
                if one
            ),
            totals=Totals(attempted=len(rows), completed=len(rows)),
            setting=Setting(
                model=models.pop() if len(models) == 1 else None,
                tool_version=builds.pop() if len(builds) == 1 else None,
                tokens_per_step=per_step(generated, drafted, accepted),
            ),
            requests=rows.requests(Counting.SERVER),
            drafts=drafts("timings.draft_n", drafted=drafted, accepted=accepted),
            notes=_notes(messages),
        )
    ]


def _answers(document: Document) -> Iterator[tuple[Record, int]]:
    """The record of each answer's timings, and how many messages came before it.

    With ``timings_per_token`` every message has those of the tokens so far: that of an answer is
    the last one before another ``id``, or the one that says ``"stop": true``.
    """
    pending: Record | None = None
    before = 0
    for node in objects(document):
        record = Record(node)
        if record.value.get("stop") is False or record.count("timings", "predicted_n") == UNKNOWN:
            before += 1
            continue
        if pending is not None:
            if record.value.get("id") is None or record.value["id"] != pending.value.get("id"):
                yield pending, before
                before = 0
            else:
                before += 1
        pending = record
    if pending is not None:
        yield pending, before


def _add(rows: Rows, record: Record) -> None:
    prompt = record.number("timings", "prompt_ms") / 1e3
    asked = record.count("generation_settings", "n_predict")
    whole, cached = _prompt_tokens(record)
    rows.add(
        tokens={
            Counting.SERVER: record.count("timings", "predicted_n"),
            Counting.REQUESTED: asked if asked > 0 else UNKNOWN,
        },
        prompt=whole,
        cached=cached,
        ttft=prompt,
        latency=prompt + record.number("timings", "predicted_ms") / 1e3,
        text=record.text("content"),
        finish=record.text("stop_type"),
    )


def _prompt_tokens(record: Record) -> tuple[int, int]:
    """All of the prompt, and those found in the cache, which prompt_n is without. Older servers do
    not write cache_n."""
    processed, cached = record.count("timings", "prompt_n"), record.count("timings", "cache_n")
    for path in (("usage", "prompt_tokens"), ("tokens_evaluated",)):
        if (whole := record.count(*path)) != UNKNOWN:
            if cached == UNKNOWN and 0 <= processed <= whole:
                cached = whole - processed
            return whole, cached
    return added(processed, max(0, cached)), cached


def per_step(generated: int, drafted: int, accepted: int) -> float | None:
    """A step gives one token and the accepted drafts; None where nothing was drafted."""
    some = drafted > 0 or accepted > 0
    return generated / (generated - accepted) if some and accepted < generated else None


def _said(record: Record) -> tuple[float, int, float, float]:
    ms, n = record.number("timings", "predicted_ms"), record.count("timings", "predicted_n")
    each = record.number("timings", "predicted_per_token_ms")
    return ms, n, each, 1e-9 * abs(each)


def divisor(said: Sequence[tuple[float, int, float, float]]) -> str:
    """By what the server divides the time from the first token to the last: n - 1, as it does
    since 2026, or n, also where no answer tells.

    Of each answer: the time, its tokens n, the time per token as written, and its rounding.
    """
    one_less = 0
    for ms, n, each, rounding in said:
        if abs(each * n - ms) <= rounding * n:
            return PER_TOKEN
        one_less += abs(each * (n - 1) - ms) <= rounding * n
    return PER_STEP if one_less else PER_TOKEN


def _notes(messages: int) -> tuple[str, ...]:
    clock = "The times are the server's own: queue and network are not in them."
    left_out = f"{messages:,} messages of streams are left out: the last has the timings of all."
    return (clock, left_out) if messages else (clock,)


READERS = (JsonReader("llama.cpp server timings", _recognises, _read),)
