"""What OpenVINO GenAI's ``llm_bench`` logs: a line or two an iteration, an average a prompt.

The lines are those of ``tools/llm_bench/llm_bench_utils/metrics_print.py`` of
openvinotoolkit/openvino.genai, read at 04d92b2 (2026) and, for older ones, in its earlier versions
and in PR #336: ``ms/token`` where ``ms`` is written now, no ``[P0]``, ``Prompt[0]``, ``lantency``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.openvino import Average, Iteration, per_step, runs_of
from truetpot.serving.readers.rows import NAN
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run, Setting

_MARKS = (b"other tokens latency: ", b"2nd tokens throughput: ")
_LONGEST_LINE = 2000
_COUNT, _NUMBER = r"(\d{1,12})", r"(\d{1,15}(?:\.\d{1,9})?)"
_PREFIX = re.compile(r"\[(warm-up|\d{1,9})\](\[C\d{1,9}\])?(?:\[[Pp](\d{1,9})\])? ")
_AVERAGE = re.compile(
    rf"\[Average\] (?:Prompt|P|C)\[(\d{{1,9}})\].*1st token lan?tency: (?:{_NUMBER} ms|NA)(\S*), "
    rf"2nd token lan?tency: (?:{_NUMBER} ms\S*|NA), "
)
_FIELDS = {
    "input_tokens": re.compile(rf"\bInput token size: {_COUNT},"),
    "output_tokens": re.compile(rf"\bOutput size: {_COUNT},"),
    "accepted": re.compile(rf"\baccepted by main model: {_COUNT},"),
    "per_token_ms": re.compile(rf"\bLatency: {_NUMBER} ms/"),
    "first_ms": re.compile(rf"\bFirst token latency: {_NUMBER} ms"),
    "other_ms": re.compile(rf"\bother tokens latency: {_NUMBER} ms/"),
}
_LENGTH = re.compile(rf"\blen of (input )?tokens: {_COUNT}(?: \* {_COUNT})?\n")
_BATCH = re.compile(rf"\bBatch_size={_COUNT},|ms/{_COUNT}tokens")
_MODEL = re.compile(r"\b[Mm]odel[ _]path=([^,]{1,400}), ")
_VERSION = re.compile(r"\b(?:genai|openvino runtime) version: ([\w.+/-]{1,100})")
_DEVICE = re.compile(r"\bOPENVINO_TORCH_BACKEND_DEVICE=([\w.:,()-]{1,60})")


@dataclass
class _Log:
    iterations: dict[tuple[int, str], Iteration] = field(default_factory=dict)
    averages: dict[str, list[Average]] = field(default_factory=dict)
    batch: int | None = None
    named: dict[str, str] = field(default_factory=dict)
    """``model``, ``version`` and ``device``, as first written."""


def _recognises(source: Source) -> bool:
    if not any(map(source.has, _MARKS)):
        return False
    return any(
        _AVERAGE.search(text) or (_PREFIX.search(text) and _FIELDS["other_ms"].search(text))
        for text in _lines(source)
    )


def _lines(source: Source) -> Iterator[str]:
    """With a line end, but for a last line that has none: a number at its end may be cut."""
    whole = source.map[-1:] == b"\n"
    for (_, text), (more, _) in pairwise(chain(source.lines(), [(0, "")])):
        yield f"{text[:_LONGEST_LINE]}\n" if more or whole else text[:_LONGEST_LINE]


def _read(source: Source) -> list[Run]:
    log = _Log()
    for text in _lines(source):
        if average := _AVERAGE.search(text):
            _add_average(log, average)
        elif prefix := _PREFIX.search(text):
            _add(log, prefix, text)
        else:
            for name, pattern in (("model", _MODEL), ("version", _VERSION), ("device", _DEVICE)):
                if match := pattern.search(text):
                    log.named.setdefault(name, match[1])
    # The line with both latencies comes second: without it the log was cut off in between.
    iterations = [each for each in log.iterations.values() if each.timed]
    setting = Setting(
        model=log.named.get("model"),
        batch=log.batch or 1,
        tokens_per_step=per_step(iterations),
        tool_version=log.named.get("version"),
        device=log.named.get("device"),
        streaming=False,
    )
    runs = runs_of(iterations, log.averages, setting, "log")
    if not runs:
        raise source.error("has the warm-up iteration only: run llm_bench with -n 3")
    return runs


def _add_average(log: _Log, match: re.Match[str]) -> None:
    """In chat mode the first latency is divided by the prompt's tokens: it is left out."""
    prompt, first, _, other = match.groups()
    chat = match[0].startswith("[Average] C")
    if first is None and other is None:
        return
    average = Average(
        "mean",
        f"[Average] [{prompt}]",
        NAN if chat or first is None else float(first),
        NAN if other is None else float(other),
    )
    log.averages.setdefault(prompt, []).append(average)


def _add(log: _Log, prefix: re.Match[str], text: str) -> None:
    number = 0 if prefix[1] == "warm-up" else int(prefix[1])
    found = {name: match[1] for name, p in _FIELDS.items() if (match := p.search(text))}
    length, batch = _LENGTH.search(text), _BATCH.search(text)
    if batch:
        log.batch = int(batch[1] or batch[2]) or None
    if not found:
        return
    chat, prompt = prefix[2] or "", prefix[3] or "0"
    key = (number, chat or prompt)
    each = log.iterations.setdefault(key, Iteration(number, chat[2:-1] if chat else prompt))
    for name, word in found.items():
        if name == "first_ms" and chat:
            continue
        setattr(each, name, float(word) if name.endswith("_ms") else int(word))
    each.timed = each.timed or "other_ms" in found or "first_ms" in found
    if length and not length[1] and each.output_tokens < 0:
        each.output_tokens = int(length[2]) * int(length[3] or 1)


READERS = (TextReader("OpenVINO llm_bench log", _recognises, _read),)
