"""llama.cpp's Vulkan logger (``GGML_VK_PERF_LOGGER=1``): a block of totals by operator a graph.

ggml-vulkan.cpp prints ``MUL_MAT_VEC q4_K m=4096 n=1 k=4096: 32 x 45.6 us = 1459.2 us (...)`` below
``Vulkan Timings:``; the logger waits after every node unless ``GGML_VK_PERF_LOGGER_CONCURRENT`` is
set. A graph is one step of the model; those of a prompt have products of many columns (n).
"""

from __future__ import annotations

import re

from truetpot.stack.trace.lines import lines
from truetpot.stack.trace.model import Gemm, SummaryRow, Trace
from truetpot.stack.trace.opened import Opened
from truetpot.stack.trace.values import number

MICROSECOND = 1e-6
START = "Vulkan Timings:"
_ROW = re.compile(
    r"(?P<name>\S.{0,500}?): (?P<calls>\d{1,9}) x (?P<each>[\d.e+-]{1,30}) us"
    r"(?: = (?P<total>[\d.e+-]{1,30}) us)?(?: \(.{0,80}\))?\s*$"
)
_SHAPE = re.compile(r"\bm=(\d{1,9}),? n=(\d{1,9}),? k=(\d{1,9})")
Block = list[tuple[str, int, float]]


def is_log(text: str) -> bool:
    """Whether a text is such a log, by the line above a block."""
    return START in text


def read(opened: Opened) -> Trace:
    """The blocks of decoding, added up: those with the fewest columns in their products."""
    blocks: list[Block] = []
    inside = False
    for line in lines(opened):
        if START in line:
            blocks.append([])
            inside = True
        elif inside and line.startswith("Total time:"):
            inside = False
        elif inside and (row := _row(line)) is not None:
            blocks[-1].append(row)
    blocks = [block for block in blocks if block]
    if not blocks:
        raise opened.wrong("its blocks have no rows that can be read")
    columns = [_columns(block) for block in blocks]
    decode = [one for one, n in zip(blocks, columns, strict=True) if n == min(columns)]
    said = ["The logger waits after every operator: times add up to more than a step takes."]
    if len(decode) < len(blocks):
        said.append(f"{len(blocks) - len(decode)} of {len(blocks)} graphs have larger batches.")
    return Trace(
        "llama.cpp, Vulkan perf logger",
        summary=tuple(_added(decode)),
        blocks=len(decode),
        said=tuple(said),
    )


def _row(line: str) -> tuple[str, int, float] | None:
    match = _ROW.search(line)
    if match is None:
        return None
    each = number(match["each"])
    total = number(match["total"]) if match["total"] else None
    calls = int(match["calls"])
    if calls < 1 or each is None or each < 0 or (total is not None and total < 0):
        return None
    return match["name"], calls, (each * calls if total is None else total) * MICROSECOND


def _columns(block: Block) -> int:
    return max((int(found[2]) for name, *_ in block if (found := _SHAPE.search(name))), default=1)


def _added(blocks: list[Block]) -> list[SummaryRow]:
    totals: dict[str, tuple[int, float]] = {}
    for name, calls, seconds in (row for block in blocks for row in block):
        before = totals.get(name, (0, 0.0))
        totals[name] = before[0] + calls, before[1] + seconds
    found = []
    for name, (calls, seconds) in totals.items():
        shape = _SHAPE.search(name)
        # ggml's m are the rows of the weights and n the tokens
        gemm = None if shape is None else Gemm(int(shape[2]), int(shape[1]), int(shape[3]))
        found.append(SummaryRow(name, calls, seconds, gemm=gemm))
    return found
