"""A folder of measured kernels: every file by its content, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import MOST_BYTES, is_folder, open_regular, read_json, read_text
from truetpot.stack.library import asv
from truetpot.stack.library.aiconfigurator import read_parquet
from truetpot.stack.library.llama import read_llama
from truetpot.stack.library.llama_output import is_csv, is_output
from truetpot.stack.library.own import read_own
from truetpot.stack.library.table import Table
from truetpot.text import escaped

WHAT = "a table of measured kernels"
MOST_FILES = 10_000


@dataclass(frozen=True)
class Library:
    """Tables, and by file what was not read, with the reason."""

    tables: tuple[Table, ...]
    left_out: dict[str, str]


def read_library(folder: Path) -> Library:
    """Every table in a folder and below it, or in one file.

    Raises UserError where there is none, where pyarrow is needed and missing, and for a Parquet
    file or a record of ours that is not as it should be: a table that is silently not there would
    change what is predicted.
    """
    tables: list[Table] = []
    left_out: dict[str, str] = {}
    for path in _files(folder):
        shown = escaped(str(path.relative_to(folder) if path != folder else path.name))
        found, reason = _read(path, shown)
        tables += found
        if reason:
            left_out[shown] = reason
    if not tables:
        why = f" ({next(iter(left_out.values()))})" if len(left_out) == 1 else ""
        raise UserError(
            f"{escaped(str(folder))} has no table of measured kernels{why}; give a folder with "
            "Parquet files of AIConfigurator, output of llama.cpp's test-backend-ops perf, records "
            "of truetpot kernels or decode, or results of ASV."
        )
    return Library(tuple(tables), left_out)


def _files(folder: Path) -> Iterator[Path]:
    if not is_folder(folder):
        yield folder
        return
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(found) > MOST_FILES:
        raise UserError(
            f"{escaped(str(folder))} has {len(found):,} files, and at most {MOST_FILES:,} are "
            "looked at; give the folder of the tables."
        )
    yield from found


def _read(path: Path, shown: str) -> tuple[list[Table], str]:
    """Tables of a file, and what of it was left out."""
    with open_regular(path, WHAT) as file:
        first = file.read(4)
    if first == b"PAR1":
        return read_parquet(path, shown), ""
    try:
        text = read_text(path, WHAT, MOST_BYTES)
    except UserError as error:
        return [], str(error)
    if is_output(text):
        tables, others = read_llama(text, shown)
        names = ", ".join(f"{count} of {op}" for op, count in sorted(others.items()))
        return tables, f"timed lines that are not read: {names}" if others else ""
    if is_csv(text):
        return [], (
            "CSV of test-backend-ops, which has no times; give what it prints without --output, or "
            "with --output sql"
        )
    return _json(path, shown) if text.lstrip().startswith("{") else ([], "not a table")


def _json(path: Path, shown: str) -> tuple[list[Table], str]:
    try:
        content: dict[str, Any] = read_json(path, WHAT)  # ASV writes NaN, as Python's json reads it
    except UserError as error:
        return [], str(error)
    if (kind := content.get("kind")) in ("kernels", "decode"):
        tables = read_own(path, shown, str(kind))
        return tables, "" if tables else "a record without a kernel that was timed cold"
    if asv.MARK in content:
        try:
            tables = asv.read_asv(content, shown)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            return [], f"no result file of ASV ({escaped(str(error))})"
        return tables, "" if tables else "no benchmark of it has a device time"
    return [], "JSON, but no record of kernels or decode and no result of ASV"
