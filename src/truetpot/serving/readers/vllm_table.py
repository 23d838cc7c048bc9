"""The table that vLLM's client prints, and SGLang's: a stdout, or a longer log with several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from truetpot.serving.readers import sglang, vllm
from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.drafts import drafts
from truetpot.serving.readers.figures import STATISTIC, figure
from truetpot.serving.readers.json_values import as_float, is_nan, whole
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Counting, Drafts, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

HEADING = "Serving Benchmark Result"
_METRICS = {
    "ttft": Metric.TTFT,
    "tpot": Metric.TPOT,
    "itl": Metric.ITL,
    "e2el": Metric.E2E,
    "e2e latency": Metric.E2E,
    "client queue time": Metric.QUEUE,
}
_FIGURE = rf"({STATISTIC}) ({'|'.join(_METRICS)}) \((ns|us|ms|s)\)"
_OTHERS = (
    "backend",
    "successful requests",
    "failed requests",
    "maximum request concurrency",
    "max request concurrency",
    "max reqeuest concurrency",  # SGLang, until 2025
    "request rate configured (rps)",
    "traffic request rate",
    "benchmark duration (s)",
    "total input tokens",
    "total generated tokens",
    "total generated tokens (retokenized)",
    "request throughput (req/s)",
    "output token throughput (tok/s)",
    "peak output token throughput (tok/s)",
    "total token throughput (tok/s)",
    "concurrency",
    "acceptance rate (%)",
    "acceptance length",
    "drafts",
    "draft tokens",
    "accepted tokens",
    "accept length",
)
_POSITION = r"position \d{1,2}"
"""Of a draft token, the first is 0."""
_LABEL = "|".join((*map(re.escape, _OTHERS), _POSITION, _FIGURE))
# A logger's prefix may stand before: up to a word in capitals, or whatever ends with no letter.
_LINE = re.compile(
    rf"(?:.*(?:[^\sA-Za-z]|\b[A-Z]+)\s+)?\s*(?i:(?P<label>{_LABEL})):\s+(?P<word>\S+).*"
)
_LONGEST_LINE, _LONGEST_TABLE = 400, 300
_CLOSING = re.compile(r"(?:.*\s)?={40,}\s*")
# A heading between the parts of a table, an entry that is not among those above.
_WITHIN = re.compile(r"(?:.*\s)?-{3,}[^-]*[A-Za-z][^-]*-{3,}\s*|.*:\s+\S+\s*")
_ARGUMENT = re.compile(r"\b(\w+)=('[^']*'|[^\s,()\[\]{}]+)")
# Of a server that logs into the same file, as an option, a keyword or a key.
_STREAM_INTERVAL = re.compile(r"\bstream[-_]interval['\"]?[=:\s]\s{0,9}(\d{1,9})\b")


class _Entry(NamedTuple):
    line: int
    label: str
    word: str


@dataclass
class _Table:
    source: Source
    line: int
    """Of the heading."""
    arguments: dict[str, str]
    """What the client was started with, from the log above; ``stream_interval`` is the server's."""
    entries: dict[str, _Entry] = field(default_factory=dict)
    """By the label in lower case."""
    closed: bool = False
    """By its own closing line."""
    left: int = 0
    """The line of something else below the last entry: the table was pasted, not cut off."""

    def _entry(self, labels: tuple[str, ...]) -> _Entry | None:
        return next((self.entries[label] for label in labels if label in self.entries), None)

    def word(self, *labels: str) -> str | None:
        """Of the first label that is there."""
        entry = self._entry(labels)
        return entry.word if entry else None

    def number(self, *labels: str) -> float | None:
        """The same; None for ``not set`` and ``None``."""
        return _number(self.word(*labels))

    def count(self, *labels: str) -> int | None:
        """The same as a whole number; raises UserError for another."""
        entry = self._entry(labels)
        value = _number(entry.word) if entry else None
        if entry is None or value is None or is_nan(value):
            return None
        if (number := whole(value)) is None:
            raise self.source.error_in_line(
                entry.line, f'"{entry.label}" is {entry.word}, where a whole number was expected'
            )
        return number


def _tables(source: Source) -> Iterator[_Table]:
    table: _Table | None = None
    arguments: dict[str, str] = {}
    server: dict[str, str] = {}
    for line, text in source.lines():
        if interval := _STREAM_INTERVAL.search(text):
            server = {"stream_interval": interval[1]}
        if HEADING in text:
            if table:
                yield table
            table = _Table(source, line, arguments | server)
        elif "Namespace(" in text:
            arguments = {key: word.strip("'") for key, word in _ARGUMENT.findall(text)}
        elif table and not table.closed and line < table.line + _LONGEST_TABLE:
            if match := _LINE.fullmatch(text[:_LONGEST_LINE]):
                table.entries[match["label"].lower()] = _Entry(line, match["label"], match["word"])
                table.left = 0
            elif text.strip() and not _WITHIN.fullmatch(text[:_LONGEST_LINE]):
                table.left = line
            table.closed = bool(_CLOSING.fullmatch(text[:_LONGEST_LINE]))
    if table:
        if table.left == line and source.map[-1:] not in (b"\n", b"\r"):
            table.left = 0  # It may be half an entry.
        yield table


def _read(source: Source) -> list[Run]:
    tables = [table for table in _tables(source) if table.entries]
    if not tables:
        raise source.error(f'has the heading "{HEADING}", but no line of the table below it')
    return [_run(table, f"line {table.line}" if len(tables) > 1 else "") for table in tables]


def _run(table: _Table, place: str) -> Run:
    backend = table.word("backend")
    is_sglang = backend is not None or any("e2e latency" in label for label in table.entries)
    if is_sglang:
        tool, variant = "sglang", sglang.way_of_counting(backend)
        counting, note = sglang.COUNTING[variant], sglang.NOTE.get(variant)
    else:
        tool, variant = "vllm", vllm.age(_keys(table), None)
        counting, note = vllm.COUNTING[variant], vllm.NOTE.get(variant)
    whole = table.closed or table.left
    cut = None if whole else "The table has no closing line: it may have been cut off."
    counts = {
        Counting.RETOKENISED: table.count("total generated tokens (retokenized)"),
        counting: table.count("total generated tokens"),
    }
    return Run(
        tool=tool,
        variant=f"printed table, {backend or variant}",
        place=place,
        definitions=definitions(tool, variant),
        figures=tuple(
            figure(_METRICS[match[2]], match[1], value, entry.label, match[3])
            for label, entry in table.entries.items()
            if (match := re.fullmatch(_FIGURE, label))
            and (value := _number(entry.word)) is not None
        ),
        totals=Totals(
            duration_s=table.number("benchmark duration (s)"),
            attempted=_count(table.arguments.get("num_prompts")),
            completed=table.count("successful requests"),
            failed=table.count("failed requests"),
            input_tokens=table.count("total input tokens"),
            output_tokens={key: count for key, count in counts.items() if count is not None},
            requests_per_s=table.number("request throughput (req/s)"),
            output_tokens_per_s=table.number("output token throughput (tok/s)"),
            total_tokens_per_s=table.number("total token throughput (tok/s)"),
            peak_output_tokens_per_s=table.number("peak output token throughput (tok/s)"),
            mean_concurrency=table.number("concurrency"),
        ),
        setting=_setting(table, is_sglang),
        drafts=_drafts(table),
        notes=tuple(filter(None, [note, cut])),
    )


def _keys(table: _Table) -> set[str]:
    """What :func:`vllm.age` goes by, as far as a table and the arguments above it show it."""
    labels = {
        "failed requests": "failed",
        "peak output token throughput (tok/s)": "max_output_tokens_per_s",
        "acceptance length": "spec_decode_acceptance_length",
    }
    keys = {key for label, key in labels.items() if label in table.entries} | set(table.arguments)
    return keys | {"tokenizer_id"} if "tokenizer" in keys else keys


def _setting(table: _Table, is_sglang: bool) -> Setting:
    given = {key: word for key, word in table.arguments.items() if word != "None"}
    ratio = _number(given.get("random_range_ratio"))
    exact = 1.0 if is_sglang else vllm.exact_ratio(_keys(table))
    one_length = given.get("dataset_name") in ("random", "random-ids") and ratio == exact
    prompt = given.get("input_len", given.get("random_input_len"))
    output = given.get("output_len", given.get("random_output_len"))
    ignore_eos = given.get("ignore_eos") == "True" or given.get("disable_ignore_eos") == "False"
    rate = table.number("request rate configured (rps)", "traffic request rate")
    if rate is None:
        rate = _number(given.get("request_rate"))
    concurrency = table.count(
        "maximum request concurrency", "max request concurrency", "max reqeuest concurrency"
    )
    if concurrency is None:
        concurrency = _count(given.get("max_concurrency"))
    return Setting(
        model=given.get("model"),
        tokenizer=given.get("tokenizer"),
        request_rate=rate,
        max_concurrency=concurrency,
        input_tokens=_count(prompt) if one_length else None,
        output_tokens=_count(output) if one_length else None,
        # False says little: newer clients turn it on by themselves after they print this.
        ignore_eos=ignore_eos or None,
        tokens_per_step=table.number("acceptance length", "accept length") or None,
        tokens_per_chunk=_count(given.get("stream_interval")),
        range_ratio=ratio,
    )


def _drafts(table: _Table) -> Drafts | None:
    """As the client prints them: all shares in per cent."""
    rate = table.number("acceptance rate (%)")
    shares: list[float] = []
    while (share := table.number(f"position {len(shares)}")) is not None:
        shares.append(share / 100)
    return drafts(
        "Acceptance rate (%)",
        steps=table.number("drafts"),
        drafted=table.number("draft tokens"),
        accepted=table.number("accepted tokens"),
        rate=None if rate is None else rate / 100,
        by_position=shares,
    )


def _count(word: str | None) -> int | None:
    return int(word) if word and re.fullmatch(r"\d{1,18}", word) else None


def _number(word: str | None) -> float | None:
    return None if word is None else as_float(word)


READERS = (
    TextReader(
        "the table that vLLM's or SGLang's client prints",
        lambda source: source.has(HEADING.encode()),
        _read,
    ),
)
