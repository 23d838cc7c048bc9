"""The ``timings`` in answers of llama.cpp's server: one answer, a list of them, or one a line.

ggml-org/llama.cpp ``tools/server/server-common.h`` ``server_slot_stats``, before 2026
``result_timings`` of ``server-task.cpp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Record, Rows, added, objects
from truetpot.serving.records import UNKNOWN, Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

TOOL = "llama-server"
PER_TOKEN, PER_STEP = "n", "n - 1"


def _recognises(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else first
    timings = some.members.get("timings") if some is not None else None
    return timings is not None and {"predicted_n", "predicted_ms"} <= timings.members.keys()


def _read(document: Document) -> list[Run]:
    """One run of all answers. The latency is prompt_ms + predicted_ms: the server writes no sum.

    Lines without timings (the messages of a stream, but for its last) are left out.
    """
    rows = Rows()
    generated = accepted = left_out = 0
    models = set()
    said = []
    for node in objects(document):
        record = Record(node)
        if record.count("timings", "predicted_n") == UNKNOWN:
            left_out += 1
            continue
        last = node
        _add(rows, record)
        models.add(record.text("model"))
        said.append(_said(record))
        generated += record.count("timings", "predicted_n")
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
                tokens_per_step=per_step(generated, accepted),
            ),
            requests=rows.requests(Counting.SERVER),
            notes=_notes(left_out),
        )
    ]


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


def per_step(generated: int, accepted: int) -> float | None:
    """A step gives one token and the accepted drafts; None where none was accepted."""
    return generated / (generated - accepted) if 0 < accepted < generated else None


def _said(record: Record) -> tuple[float, int, float, float]:
    ms, n = record.number("timings", "predicted_ms"), record.count("timings", "predicted_n")
    each = record.number("timings", "predicted_per_token_ms")
    return ms, n, each, 1e-9 * abs(each)


def divisor(said: Sequence[tuple[float, int, float, float]]) -> str:
    """``n - 1`` where the server divides the time from the first token to the last by that, as it
    does since 2026; ``n`` otherwise, and where no answer tells.

    Of each answer: the time, its tokens n, the time per token as written, and its rounding.
    """
    one_less = 0
    for ms, n, each, rounding in said:
        if abs(each * n - ms) <= rounding * n:
            return PER_TOKEN
        one_less += abs(each * (n - 1) - ms) <= rounding * n
    return PER_STEP if one_less else PER_TOKEN


def _notes(left_out: int) -> tuple[str, ...]:
    clock = "The times are the server's own: queue and network are not in them."
    return (clock, f"{left_out:,} values without timings are left out.") if left_out else (clock,)


READERS = (JsonReader("llama.cpp server timings", _recognises, _read),)
