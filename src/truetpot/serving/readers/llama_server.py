"""The ``timings`` in answers of llama.cpp's server: one answer, a list of them, or one a line."""

from __future__ import annotations

from itertools import islice

from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Record, Rows, added, objects
from truetpot.serving.records import UNKNOWN, Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "llama-server"


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
    for node in objects(document):
        record = Record(node)
        if record.count("timings", "predicted_n") == UNKNOWN:
            left_out += 1
            continue
        last = node
        _add(rows, record)
        models.add(record.text("model"))
        generated += record.count("timings", "predicted_n")
        accepted += max(0, record.count("timings", "draft_n_accepted"))
    if not len(rows):
        raise document.first.error('has no "predicted_n" in any "timings"')
    one = len(rows) == 1
    keys = (("prompt_ms", Metric.TTFT), ("predicted_per_token_ms", Metric.TPOT))
    return [
        Run(
            tool=_TOOL,
            variant="timings",
            place="",
            definitions=definitions(_TOOL),
            figures=tuple(
                figure(metric, "mean", last.number("timings", key), f"timings.{key}", "ms")
                for key, metric in keys
                if one
            ),
            totals=Totals(attempted=len(rows), completed=len(rows)),
            setting=Setting(
                model=models.pop() if len(models) == 1 else None,
                tokens_per_step=_per_step(generated, accepted),
            ),
            requests=rows.requests(Counting.SERVER),
            notes=_notes(left_out),
        )
    ]


def _add(rows: Rows, record: Record) -> None:
    prompt = record.number("timings", "prompt_ms") / 1e3
    asked = record.count("generation_settings", "n_predict")
    rows.add(
        tokens={
            Counting.SERVER: record.count("timings", "predicted_n"),
            Counting.REQUESTED: asked if asked > 0 else UNKNOWN,
        },
        prompt=_prompt_tokens(record),
        ttft=prompt,
        latency=prompt + record.number("timings", "predicted_ms") / 1e3,
        text=record.text("content"),
        finish=record.text("stop_type"),
    )


def _prompt_tokens(record: Record) -> int:
    """All of the prompt; prompt_n alone is without the tokens found in the cache."""
    for path in (("usage", "prompt_tokens"), ("tokens_evaluated",)):
        if (count := record.count(*path)) != UNKNOWN:
            return count
    cached = record.count("timings", "cache_n")  # Older servers do not tell.
    return added(record.count("timings", "prompt_n"), max(0, cached))


def _per_step(generated: int, accepted: int) -> float | None:
    """A step gives one token and the accepted drafts."""
    return generated / (generated - accepted) if 0 < accepted < generated else None


def _notes(left_out: int) -> tuple[str, ...]:
    clock = "The times are the server's own: queue and network are not in them."
    return (clock, f"{left_out:,} values without timings are left out.") if left_out else (clock,)


READERS = (JsonReader("llama.cpp server timings", _recognises, _read),)
