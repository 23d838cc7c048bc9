"""``summary.csv`` of ``vllm bench sweep serve``: a row for each result of vLLM's client.

The columns are the keys of ``--save-result`` and what the sweep varied, as pandas writes them, with
the number of the row first (``vllm/benchmarks/sweep/serve.py`` at 0031557).
"""

from __future__ import annotations

from truetpot.serving.readers import vllm
from truetpot.serving.readers.csv_rows import Row, first_row, rows
from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run, Setting


def _read(source: Source) -> list[Run]:
    runs = [
        vllm.run_of(row, _setting(row), None, row.where, vllm.drafts_of(row.number, _shares(row)))
        for row in rows(source, vllm.is_result)
    ]
    if not runs:
        raise source.error("has a header and no row: no run of the sweep succeeded")
    return runs


def _setting(row: Row) -> Setting:
    return Setting(
        model=row.text("model_id"),
        tokenizer=row.text("tokenizer_id"),
        date=row.text("date"),
        request_rate=row.number("request_rate") or None,
        max_concurrency=row.count("max_concurrency") or None,
        tokens_per_step=row.number("spec_decode_acceptance_length") or None,
        tokens_per_chunk=next(filter(None, map(row.count, vllm.STREAM_INTERVAL)), None),
        range_ratio=row.number("random_range_ratio"),
    )


def _shares(row: Row) -> str | None:
    return row.text("spec_decode_per_position_acceptance_rates")


READERS = (
    TextReader(
        "vllm bench sweep summary.csv", lambda source: vllm.is_result(first_row(source)), _read
    ),
)
