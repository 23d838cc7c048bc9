"""Reads the Parquet tables of AIConfigurator's systems data: GEMM, attention, collectives.

One file has one operator, its shapes in columns, `latency` in milliseconds. `message_size` of a
collective is a number of elements, not bytes (collect_oneccl_xpu.py divides what oneCCL reports by
the size of an element), and `step` + `isl` of decode attention are the tokens it reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.hardware import recognise
from truetpot.files import open_regular
from truetpot.stack.library.sources import source
from truetpot.stack.library.table import Key, Origin, Table
from truetpot.text import escaped

WHAT = "a Parquet table of AIConfigurator"
MOST_ROWS = 5_000_000
Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Kind:
    """How the rows of one `op_name` become shapes."""

    op: str
    format: str
    """The column that has it."""
    axes: tuple[str, ...]
    key: Callable[[Row], Key]


_ATTENTION = ("batch", "tokens", "heads", "kv_heads", "head_dim", "window")


def _attention(row: Row, tokens: int) -> Key:
    heads = row["num_heads"], row["num_key_value_heads"] or row["num_heads"], row["head_dim"]
    return (row["batch_size"], tokens, *heads, row.get("window_size") or 0)


_ELEMENT = {"half": 2, "bfloat16": 2, "float16": 2, "float": 4, "int8": 1, "fp8": 1}


def _collective(column: str) -> Callable[[Row], Key]:
    return lambda row: (row["num_gpus"], row["message_size"] * _ELEMENT[row[column]])


def _kind(names: set[str], op: str) -> _Kind | None:
    if op == "gemm":
        return _Kind("linear", "gemm_dtype", ("m", "n", "k"), lambda r: (r["m"], r["n"], r["k"]))
    if op == "generation_attention":
        return _Kind(
            "decode_attention",
            "kv_cache_dtype",
            _ATTENTION,
            lambda r: _attention(r, r["isl"] + r["step"]),
        )
    if op == "context_attention":
        return _Kind(
            "prefill_attention",
            "kv_cache_dtype",
            (*_ATTENTION, "prefix"),
            lambda r: (*_attention(r, r["isl"]), r.get("step") or 0),
        )
    if op in ("all_reduce", "all_gather", "reduce_scatter", "alltoall"):
        column = next(one for one in ("nccl_dtype", "allreduce_dtype") if one in names)
        return _Kind(op, column, ("ranks", "bytes"), _collective(column))
    return None


def read_parquet(path: Path, shown: str) -> list[Table]:
    """The tables of one file, by operator, format, stack and version.

    Raises UserError where pyarrow is not installed, and for a file that is not such a table.
    """
    rows = _rows(path, shown)
    parts: dict[tuple[Any, ...], tuple[_Kind, dict[Key, float]]] = {}
    for number, row in enumerate(rows):
        try:
            op = str(row["op_name"])
            kind = _kind(set(row), op)
            if kind is None:
                raise UserError(f"{shown} has operator {escaped(op)}, which is not read yet.")
            seconds = float(row["latency"]) * 1e-3
            if not (math.isfinite(seconds) and seconds > 0):
                raise ValueError("latency")
            key = kind.key(row)
            if not all(isinstance(one, int) and one >= 0 for one in key):
                raise ValueError("shape")
            stack = f"{row['framework']} {row['kernel_source']}"
            part = (kind.op, row[kind.format], stack, str(row["version"]), str(row["device"]))
            if not isinstance(row[kind.format], str):
                raise ValueError(kind.format)
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            raise UserError(
                f"{shown}: row {number} is not as it should be ({escaped(str(error))}); "
                f"give {WHAT}."
            ) from None
        parts.setdefault(part, (kind, {}))[1][key] = seconds
    return [_table(part, kind, found, shown) for part, (kind, found) in parts.items()]


def _table(part: tuple[Any, ...], kind: _Kind, rows: dict[Key, float], shown: str) -> Table:
    op, word, stack, version, device = part
    words = source("aiconfigurator")
    timing = source("oneccl").timing if stack.endswith("oneCCL") else words.timing
    origin = Origin(shown, device, recognise(device), stack, version, timing)
    return Table(op, word, words.stands_for(word), kind.axes, rows, origin)


def _rows(path: Path, shown: str) -> list[Row]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError(
            f"{shown} is a Parquet file, which needs pyarrow: pip install 'truetpot[library]'."
        ) from None
    with open_regular(path, WHAT) as file:
        try:
            table = pq.ParquetFile(file, page_checksum_verification=True)
            if table.metadata.num_rows > MOST_ROWS:
                raise UserError(
                    f"{shown} has {table.metadata.num_rows:,} rows, and at most {MOST_ROWS:,} are "
                    f"read; give {WHAT}."
                )
            rows: list[Row] = table.read().to_pylist()
        except (pa.ArrowException, OSError, ValueError) as error:
            why = escaped(str(error).splitlines()[0] if str(error) else type(error).__name__)
            raise UserError(f"{shown} cannot be read ({why}); give {WHAT}.") from None
    return rows
