"""``vllm bench latency`` and ``vllm bench throughput``: refused, with what to run instead.

Both time whole batches, from the prompts to the last token, without a stream: no time per output
token follows. Keys and printed lines are those of ``vllm/benchmarks/latency.py`` at 00cae07 and
``vllm/benchmarks/throughput.py`` at 0202831.
"""

from __future__ import annotations

import re

from truetpot.errors import UserError
from truetpot.serving.readers.detect import JsonReader, TextReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.vllm_table import HEADING
from truetpot.serving.records import Run

_KEYS = {
    "latency": {"avg_latency", "latencies", "percentiles"},
    "throughput": {"elapsed_time", "num_requests", "total_num_tokens", "tokens_per_second"},
}
_LINES = {
    "latency": (b"Avg latency: ", re.compile(r"Avg latency: [\d.e+-]+ seconds")),
    "throughput": (
        b"Throughput: ",
        re.compile(r"Throughput: [\d.]+ requests/s, [\d.]+ (total )?tokens/s.*"),
    ),
}


def _by_keys(first: Node) -> str | None:
    return next((name for name, keys in _KEYS.items() if keys <= first.members.keys()), None)


def _by_lines(source: Source) -> str | None:
    if source.has(HEADING.encode()):
        return None  # a log that has a serving run too
    for name, (mark, line) in _LINES.items():
        if source.has(mark) and any(line.fullmatch(text.strip()) for _, text in source.lines()):
            return name
    return None


def _refuse_json(document: Document) -> list[Run]:
    raise _refusal(document.source, _by_keys(document.first) or "")


def _refuse_text(source: Source) -> list[Run]:
    raise _refusal(source, _by_lines(source) or "")


def _refusal(source: Source, name: str) -> UserError:
    return source.error(
        f"is a result of vllm bench {name}, which times whole batches with their prompts: there is "
        "no time per output token (TPOT) in it; run vllm serve and vllm bench serve --save-result "
        "--save-detailed, and check what that writes"
    )


READERS = (
    JsonReader(
        "vllm bench latency or throughput", lambda first: bool(_by_keys(first)), _refuse_json
    ),
    TextReader("what these print", lambda source: bool(_by_lines(source)), _refuse_text),
)
