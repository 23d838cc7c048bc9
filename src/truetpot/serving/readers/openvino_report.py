"""The reports of OpenVINO GenAI's ``llm_bench``: ``-r report.csv`` and ``-r report.json``.

Columns and keys are those of ``tools/llm_bench/llm_bench_utils/output_csv.py`` at 06a0485 and
``output_json.py`` at 037b4ca of openvinotoolkit/openvino.genai.
"""

from __future__ import annotations

import math

from truetpot.serving.readers import settings
from truetpot.serving.readers.csv_rows import Row, first_row, rows
from truetpot.serving.readers.detect import JsonReader, TextReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.openvino import Average, Iteration, runs_of
from truetpot.serving.readers.rows import NAN
from truetpot.serving.readers.source import Source
from truetpot.serving.records import UNKNOWN, Run, Setting

_COLUMNS = {"iteration", "infer_count", "1st_latency(ms)", "2nd_avg_latency(ms)"}
_STATISTICS = {"avg": "mean", "mini": "min", "median": "median"}


# CSV


def _is_header(cells: list[str]) -> bool:
    return set(cells) >= _COLUMNS


def _read_csv(source: Source) -> list[Run]:
    """A row an iteration, then those of each prompt's average, minimum and median, then comments.

    Old files end with a row of the iteration -1, the mean over all prompts: it is left out.
    """
    iterations: list[Iteration] = []
    averages: dict[str, list[Average]] = {}
    setting = None
    for row in rows(source, _is_header):
        name = row.text("iteration") or ""
        prompt = row.text("prompt_idx") or "0"
        if name in _STATISTICS:
            average = Average(_STATISTICS[name], f"{row.where}, {name}", *_times(row))
            averages.setdefault(prompt, []).append(average)
        elif name.isdecimal() and len(name) < 10:
            first, other, latency = _times(row)
            each = Iteration(
                int(name), prompt, per_token_ms=latency, first_ms=first, other_ms=other
            )
            each.input_tokens = _count(row, "input_size")
            each.output_tokens = _count(row, "output_size")
            iterations.append(each)
        else:
            continue
        setting = setting or _csv_setting(row)
    runs = runs_of(iterations, averages, setting or Setting(), "csv")
    return _some(source, runs, iterations)


def _csv_setting(row: Row) -> Setting:
    return Setting(
        model=row.text("model"),
        batch=row.count("batch_size"),
        weight_format=row.text("precision"),
        device=row.text("device"),
        streaming=False,
    )


def _times(row: Row) -> tuple[float, float, float]:
    """Milliseconds: of the first token, of another one, and of one with the prompt's share."""
    columns = ("1st_latency(ms)", "2nd_avg_latency(ms)", "latency(ms)")
    first, other, latency = (_known(row.number(column)) for column in columns)
    return first, other, latency


def _count(row: Row, column: str) -> int:
    """Averages of lengths are in rows that are no iterations."""
    count = row.count(column)
    return UNKNOWN if count is None else count


# JSON


def _is_json(first: Node) -> bool:
    results = first.get("perfdata", "results")
    if results is None or results.kind != "list":
        return False
    some = next(results.elements(), None)
    return some is None or {"iteration", "second_avg_latency"} <= some.members.keys()


def _read_json(document: Document) -> list[Run]:
    """``results_averaged`` mixes all prompts and is left out: the means are taken by prompt."""
    first = document.first
    iterations = [_iteration(node) for node in first.elements("perfdata", "results")]
    metadata = first.get("metadata")
    setting = Setting(
        model=settings.text(metadata, "model"),
        batch=settings.count(metadata, "batch_size"),
        weight_format=settings.text(metadata, "precision"),
        device=settings.text(metadata, "device"),
        streaming=False,
    )
    return _some(document.source, runs_of(iterations, {}, setting, "json"), iterations)


def _iteration(node: Node) -> Iteration:
    def number(key: str) -> float:
        """An empty string, as everything unknown is written, and -1 are NaN."""
        value = node.get(key)
        if value is None or (value.kind == "string" and not value.text()):
            return NAN
        return _known(value.number())

    def count(key: str) -> int:
        value = number(key)
        return UNKNOWN if math.isnan(value) else node.count(key) or 0

    index = node.get("prompt_idx")
    prompt = "0" if index is None else str(index.value())[:40]
    return Iteration(
        number=count("iteration"),
        prompt=prompt,
        input_tokens=count("input_size"),
        output_tokens=count("output_size"),
        per_token_ms=number("latency"),
        first_ms=number("first_latency"),
        other_ms=number("second_avg_latency"),
    )


def _known(value: float | None) -> float:
    """The tool's -1 stands for unknown."""
    return NAN if value is None or value < 0 or math.isinf(value) else value


def _some(source: Source, runs: list[Run], iterations: list[Iteration]) -> list[Run]:
    if not runs:
        what = "the warm-up iteration only" if iterations else "no iteration in it"
        raise source.error(f"has {what}: run llm_bench with -n 3")
    return runs


READERS = (
    TextReader("OpenVINO llm_bench CSV", lambda source: _is_header(first_row(source)), _read_csv),
    JsonReader("OpenVINO llm_bench JSON", _is_json, _read_json),
)
