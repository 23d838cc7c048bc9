"""The log that ipex-llm's ``vllm_online_benchmark.py`` prints."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.numbers import as_number
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.statistics import total
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "ipex-llm-online"
_NUMBER = r"(\S+)"
_LATENCY = re.compile(rf"(Average|P\d\d) (first|next) token latency: {_NUMBER} milliseconds\.")
_TOTAL = re.compile(
    r"Total time for (\d{1,9}) requests with (\d{1,9}) concurrent requests: "
    rf"{_NUMBER} seconds\."
)
_RESPONSE = re.compile(rf"Average respon[cs]e time: {_NUMBER}")
_THROUGHPUT = re.compile(rf"(Token|Output token|Total token) throughput: {_NUMBER}")
_MODEL = re.compile(r"model_name: (\S.*)")
_FAILED = re.compile(r"Request failed: (.*)")


@dataclass
class _Block:
    """What stands between one ``Total time`` and the next."""

    line: int
    requests: int | None = None
    concurrency: int | None = None
    duration: float | None = None
    figures: list[Figure] = field(default_factory=list)
    throughput: dict[str, float] = field(default_factory=dict)

    def has(self, metric: Metric, statistic: str) -> bool:
        return any((f.metric, f.statistic) == (metric, statistic) for f in self.figures)


def _recognises(source: Source) -> bool:
    return source.has(b" next token latency: ") or source.has(b" first token latency: ")


def _read(source: Source) -> list[Run]:
    """One run a block of averages."""
    blocks: list[_Block] = []
    model = None
    failures: Counter[str] = Counter()
    for number, text, ended in source.lines_and_ends():
        line = text.strip()
        key = line.partition(":")[0]
        if match := _TOTAL.fullmatch(line):
            seconds = as_number(source, number, match[3])
            blocks.append(_Block(number, int(match[1]), int(match[2]), seconds))
        elif match := _LATENCY.fullmatch(line):
            metric = Metric.TTFT if match[2] == "first" else Metric.TPOT
            name = "mean" if match[1] == "Average" else match[1].lower()
            if not blocks or blocks[-1].has(metric, name):
                blocks.append(_Block(number))  # The log begins in the middle.
            value = as_number(source, number, match[3])
            blocks[-1].figures.append(figure(metric, name, value, key, "ms"))
        elif blocks and ended and (match := _RESPONSE.fullmatch(line)):
            value = as_number(source, number, match[1])
            blocks[-1].figures.append(figure(Metric.E2E, "mean", value, key, "s"))
        elif blocks and ended and (match := _THROUGHPUT.fullmatch(line)):
            blocks[-1].throughput[match[1]] = as_number(source, number, match[2])
        elif match := _MODEL.fullmatch(line):
            model = match[1]
        elif match := _FAILED.fullmatch(line):
            failures[match[1][:200]] += 1
    blocks = [block for block in blocks if block.figures]
    if not blocks:
        raise source.error("ends before any latency was printed: let the benchmark run to its end")
    return [_run(block, model, failures, len(blocks) > 1) for block in blocks]


def _run(block: _Block, model: str | None, failures: Counter[str], several: bool) -> Run:
    """The tokens asked for are the tool's throughput times its duration: how it made the former."""
    rate = block.throughput.get("Token", block.throughput.get("Output token"))
    asked = total(rate, block.duration)
    notes = ["The throughput counts the tokens that were asked for, whatever came."]
    if failures:
        message, _ = failures.most_common(1)[0]
        notes.append(
            f"{failures.total():,} requests failed in the log, warm-up included: {message}."
        )
    return Run(
        tool=_TOOL,
        variant="log",
        place=f"line {block.line}" if several else "",
        definitions=definitions(_TOOL),
        figures=tuple(block.figures),
        totals=Totals(
            duration_s=block.duration,
            attempted=block.requests,
            completed=None if failures else block.requests,
            output_tokens={} if asked is None else {Counting.REQUESTED: asked},
            output_tokens_per_s=rate,
            total_tokens_per_s=block.throughput.get("Total token"),
        ),
        setting=Setting(
            model=model,
            max_concurrency=block.concurrency,
            output_tokens=_each(asked, block.requests),
            ignore_eos=True,
            streaming=True,
        ),
        notes=tuple(notes),
    )


def _each(tokens: int | None, requests: int | None) -> int | None:
    """None where the requests asked for different lengths."""
    return tokens // requests if tokens and requests and tokens % requests == 0 else None


READERS = (TextReader("ipex-llm vllm_online_benchmark.py log", _recognises, _read),)
