"""The table that llama-benchy prints by default: a row for a test's prompts, one for its tokens.

eugr/llama-benchy ``src/llama_benchy/results.py`` at bd412541, ``_generate_md_report``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.llama_benchy import TOOL
from truetpot.serving.readers.markdown import has_table, rows
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TTFT = "e2e_ttft (ms)"
_TEST = re.compile(r"(ctx_)?(pp|tg)(\d{0,9})(?: @ d(\d{1,9}))?(?: \(c(\d{1,9})\))?")
_MEAN = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(?:\s*[^\d\s]{1,3}\s*\d{1,12}(?:\.\d{1,9})?)?")


@dataclass(frozen=True)
class _Row:
    line: int
    test: str
    is_context: bool
    generates: bool
    tokens: int
    """Of the prompt or the response; 0 of a context alone."""
    depth: int
    users: int
    cells: dict[str, str]

    def mean(self, *columns: str) -> float | None:
        """Of the first that is there and not empty: the number before the deviation."""
        cells = (self.cells.get(column, "") for column in columns)
        match = next((m for cell in cells if (m := _MEAN.fullmatch(cell))), None)
        return float(match[1]) if match else None


def _is_header(cells: list[str]) -> bool:
    return {"model", "test", _TTFT} <= set(cells)


def _rows(source: Source) -> list[_Row]:
    found = []
    for line, cells in rows(source, _is_header):
        match = _TEST.fullmatch(cells["test"])
        if not match:
            raise source.error_in_line(
                line, f'"test" is {cells["test"][:40]!a}, where pp2048 or tg32 was expected'
            )
        context, kind, tokens, depth, users = match.groups()
        found.append(
            _Row(
                line, cells["test"], bool(context), kind == "tg", int(tokens or 0),
                int(depth or 0), int(users or 1), cells,
            )
        )  # fmt: skip
    return found


def _read(source: Source) -> list[Run]:
    """One run a row of tokens; the prompt's length and TTFT are of the row of prompts above it."""
    runs = []
    prompts: dict[tuple[bool, int, int], _Row] = {}
    table = _rows(source)
    several = sum(row.generates for row in table) > 1
    for row in table:
        key = row.is_context, row.depth, row.users
        if row.generates:
            runs.append(_run(row, prompts.get(key), several))
        else:
            prompts[key] = row
    if not runs:
        raise source.error("has no row of generated tokens: run it with --tg 128")
    return runs


def _run(row: _Row, prompt: _Row | None, several: bool) -> Run:
    """A time per token is the inverse of the mean speed of a request: the table has no other."""
    figures: list[Figure] = []
    place = f"line {row.line}"
    at = f"{place}, " if several else ""
    speed = row.mean("t/s (req)", *(("t/s", "t/s (total)") if row.users == 1 else ()))
    if speed:
        figures.append(figure(Metric.TPOT, "mean", 1 / speed, f"{at}1/(t/s)", "s"))
    ttft = prompt.mean(_TTFT) if prompt else None
    if ttft is not None:
        figures.append(figure(Metric.TTFT, "mean", ttft, f"{at}{_TTFT}", "ms"))
    context = row.depth + (prompt.tokens if prompt else 0)
    return Run(
        tool=TOOL,
        variant=row.test,
        place=place if several else "",
        definitions=definitions(TOOL),
        figures=tuple(figures),
        totals=Totals(
            output_tokens_per_s=row.mean("t/s (total)", "t/s") if row.users > 1 else None
        ),
        setting=Setting(
            model=row.cells["model"] or None,
            max_concurrency=row.users,
            input_tokens=context or None,
            output_tokens=row.tokens or None,
            streaming=True,
        ),
    )


READERS = (
    TextReader(
        "the table that llama-benchy prints",
        lambda source: source.has(_TTFT.encode()) and has_table(source, _is_header),
        _read,
    ),
)
