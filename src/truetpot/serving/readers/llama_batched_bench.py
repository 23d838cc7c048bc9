"""The table of llama.cpp's llama-batched-bench: a row a batch, with its prompts and its decoding.

ggml-org/llama.cpp ``tools/batched-bench/batched-bench.cpp``: TG steps of B sequences each, after
prompts of PP tokens; ``S_TG`` is B TG / T_TG. llama-sweep-bench of ikawrakow/ik_llama.cpp
(``examples/sweep-bench``) prints the same without B: one sequence, behind N_KV tokens.
"""

from __future__ import annotations

import re

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.llama_load import Loaded, loaded
from truetpot.serving.readers.markdown import has_table, rows
from truetpot.serving.readers.numbers import as_number
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "llama-batched-bench"
_NEEDED = {"PP", "TG", "N_KV", "T_PP s", "T_TG s", "S_TG t/s"}
_COUNTS = {"PP", "TG", "B", "N_KV"}
_COUNT = re.compile(r"\d{1,12}")


def _is_header(cells: list[str]) -> bool:
    return set(cells) >= _NEEDED


def _recognises(source: Source) -> bool:
    return source.has(b"S_TG t/s") and has_table(source, _is_header)


def _numbers(source: Source, line: int, row: dict[str, str]) -> dict[str, float]:
    for name in _COUNTS & row.keys():
        if not _COUNT.fullmatch(row[name]):
            raise source.error_in_line(
                line, f'"{name}" is {row[name][:40]!a}, where a whole number was expected'
            )
    return {name: as_number(source, line, cell, f'"{name}"') for name, cell in row.items()}


def _read(source: Source) -> list[Run]:
    """One run a row that decodes."""
    found = [(n, _numbers(source, n, row)) for n, row in rows(source, _is_header)]
    decoding = [(line, row) for line, row in found if row["TG"] >= 1 and row["S_TG t/s"] > 0]
    if not decoding:
        raise source.error("has no row that decodes: run it with -ntg 128")
    shared = loaded(source)
    return [_run(line, row, shared, len(found) > 1) for line, row in decoding]


def _run(line: int, row: dict[str, float], shared: Loaded, several: bool) -> Run:
    batch, prompt, n = (int(row.get(name, 1)) for name in ("B", "PP", "TG"))
    batch = max(1, batch)
    behind = int(row["N_KV"]) if "B" not in row else None
    at = f"line {line}, " if several else ""
    return Run(
        tool=_TOOL,
        variant=f"tg{n} of {batch}" if behind is None else f"tg{n} @ d{behind}",
        place=f"line {line}" if several else "",
        definitions=definitions(_TOOL),
        figures=(
            figure(Metric.E2E_PER_TOKEN, "mean", batch / row["S_TG t/s"], f"{at}B/S_TG", "s"),
            figure(Metric.TTFT, "mean", row["T_PP s"], f"{at}T_PP", "s"),
        ),
        totals=Totals(output_tokens_per_s=row["S_TG t/s"]),
        setting=Setting(
            batch=batch,
            input_tokens=prompt if behind is None else behind,
            output_tokens=n,
            ignore_eos=True,
            streaming=False,
            depth=behind,
            **shared,
        ),
    )


READERS = (TextReader("the table that llama-batched-bench prints", _recognises, _read),)
