"""The table that llama-bench prints by default, in markdown: what most reports quote.

ggml-org/llama.cpp ``tools/llama-bench/llama-bench.cpp`` at 0104b151c, ``markdown_printer``. Columns
stand in it only where they are not the default; before 2024-03 a test is ``tg 128``.
"""

from __future__ import annotations

import re

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.llama_bench import runs_of
from truetpot.serving.readers.llama_bench_lines import Cells
from truetpot.serving.readers.markdown import has_table, rows
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run

_NEEDED = {"model", "test", "t/s"}
_OWN = {"size", "params", "backend"}
"""One of these tells it from other tools' tables of tests."""
_TEST = re.compile(r"(?:pp ?(\d{1,9}))?\+?(?:tg ?(\d{1,9}))?(?: @ d(\d{1,9}))?")
_SIZE = re.compile(r"(\d{1,6}(?:\.\d+)?) ?([MG])iB")
_BYTES = {"M": 1 << 20, "G": 1 << 30}
# The sign between is not ASCII, and consoles make one to three other characters of it.
_RATE = re.compile(r"(\d{1,9}(?:\.\d+)?)(?:\s*[^\d\s]{1,3}\s*\d+(?:\.\d+)?)?")
_BUILD = re.compile(r"build: (\w{1,40}) \((\d{1,9})\)")
_NAMES = {"sm": "split_mode", "dev": "devices"}


def _is_header(cells: list[str]) -> bool:
    return set(cells) >= _NEEDED and not _OWN.isdisjoint(cells)


def _recognises(source: Source) -> bool:
    return source.has(b"t/s") and source.has(b"model") and has_table(source, _is_header)


def _fields(source: Source, line: int, row: dict[str, str]) -> dict[str, str]:
    """The row by the names of the JSON. The size has three digits, the rate two decimals."""
    test, rate = _TEST.fullmatch(row["test"]), _RATE.fullmatch(row["t/s"])
    if not test or not any(test.groups()[:2]):
        raise source.error_in_line(
            line, f'"test" is {row["test"][:40]!a}, where pp512, tg128 or both were expected'
        )
    if not rate:
        raise source.error_in_line(
            line, f'"t/s" is {row["t/s"][:40]!a}, where a rate (40.00 \xb1 0.10) was expected'
        )
    size = _SIZE.fullmatch(row.get("size", ""))
    return {
        **{_NAMES.get(column, column): cell for column, cell in row.items()},
        "model_type": row["model"],
        "model_size": str(round(float(size[1]) * _BYTES[size[2]])) if size else "",
        "n_prompt": test[1] or "0",
        "n_gen": test[2] or "0",
        "n_depth": test[3] or "0",
        "n_gpu_layers": "0" if row.get("ngl") == "0" else "",
        "avg_ts": rate[1],
    }


def _read(source: Source) -> list[Run]:
    found = list(rows(source, _is_header))
    if not found:
        raise source.error("has the head of a table and no row: llama-bench was stopped before")
    builds = [(n, match) for n, text in source.lines() if (match := _BUILD.fullmatch(text.strip()))]
    tests = []
    for line, row in found:
        build = next((match for n, match in builds if n > line), None)
        version = {"build_commit": build[1], "build_number": build[2]} if build else {}
        tests.append(Cells(source, line, {**_fields(source, line, row), **version}))
    return runs_of(source, tests)


READERS = (TextReader("the table that llama-bench prints", _recognises, _read),)
