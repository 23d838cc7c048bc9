"""llama-bench's ``-o csv`` and ``-o sql``: the fields of its JSON without the samples.

ggml-org/llama.cpp ``tools/llama-bench/llama-bench.cpp`` at 0104b151c: ``csv_printer`` quotes every
value, ``sql_printer`` writes one INSERT a test and escapes nothing; older builds call
the table ``test``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.llama_bench import runs_of
from truetpot.serving.readers.numbers import as_number
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run

_NEEDED = {"n_gen", "n_prompt", "avg_ns", "avg_ts", "model_size"}
_INSERT = re.compile(r"\s*INSERT INTO \w+ \((?P<fields>[\w, ]+)\) VALUES \((?P<values>.*)\);\s*")
_TABLES = ("INSERT INTO llama_bench (", "INSERT INTO test (")
_WHOLE = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True)
class Cells:
    """One test of llama-bench, as text by field."""

    source: Source
    line: int
    values: dict[str, str]

    @property
    def where(self) -> str:
        """Place of the test in its file: ``line 3``."""
        return f"line {self.line}"

    def text(self, key: str, /) -> str | None:
        """The field as text; None if absent or empty."""
        return self.values.get(key) or None

    def count(self, key: str, /) -> int | None:
        """The field as a whole number; None if absent or empty."""
        if (text := self.text(key)) is None:
            return None
        if not _WHOLE.fullmatch(text):
            raise self.source.error_in_line(
                self.line, f'"{key}" is {text[:40]!a}, where a whole number was expected'
            )
        return int(text)

    def number(self, key: str, /) -> float | None:
        """The field as a number; None if absent or empty."""
        text = self.text(key)
        return None if text is None else as_number(self.source, self.line, text, f'"{key}"')


def _csv(source: Source) -> Iterator[Cells]:
    """Lines of stderr between the rows are left out: a row begins with a quote, or is as long as
    the header is."""
    fields: list[str] = []
    for number, text in source.lines():
        if not fields and "avg_ts" not in text:
            continue
        try:
            cells = [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
        except csv.Error as error:
            if text.startswith('"'):
                raise source.error_in_line(number, f"the row is no CSV: {error}") from None
            continue
        if set(cells) >= _NEEDED:
            fields = cells
        elif fields and len(cells) == len(fields):
            yield Cells(source, number, dict(zip(fields, cells, strict=True)))
        elif fields and text.startswith('"'):
            raise source.error_in_line(
                number, f"the row has {len(cells)} values for {len(fields)} columns: it may be cut"
            )


def _sql(source: Source) -> Iterator[Cells]:
    for number, text in source.lines():
        if not text.lstrip().startswith(_TABLES):
            continue
        match = _INSERT.fullmatch(text)
        fields = match["fields"].split(", ") if match else []
        values = match["values"].strip("'").split("', '") if match else []
        if not match or len(fields) != len(values):
            raise source.error_in_line(
                number, f"there are {len(values)} values for {len(fields)} fields: it may be cut"
            )
        yield Cells(source, number, dict(zip(fields, values, strict=True)))


def _reader(lines: Callable[[Source], Iterator[Cells]]) -> Callable[[Source], list[Run]]:
    def read(source: Source) -> list[Run]:
        tests = list(lines(source))
        if not tests:
            raise source.error("has a header and no test: llama-bench was stopped before its first")
        return runs_of(source, tests)

    return read


def _has_header(source: Source) -> bool:
    """Of the CSV."""
    if not source.has(b"avg_ts") or not source.has(b"n_prompt,n_gen"):
        return False
    return any(set(text.strip().split(",")) >= _NEEDED for _, text in source.lines())


READERS = (
    TextReader("llama-bench -o csv", _has_header, _reader(_csv)),
    TextReader(
        "llama-bench -o sql",
        lambda source: (
            any(source.has(table.encode()) for table in _TABLES) and source.has(b"avg_ts")
        ),
        _reader(_sql),
    ),
)
