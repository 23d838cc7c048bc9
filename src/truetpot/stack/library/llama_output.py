"""What `test-backend-ops perf` of llama.cpp writes, as timed lines: its console and its SQL.

tests/test-backend-ops.cpp@0c1e57098 has three printers. The console names each device; SQL has a
column for it that `perf` leaves empty; CSV has no column for times.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TIMED = re.compile(
    r"\s*(?P<op>[A-Z][A-Z0-9_]*)\((?P<args>.*)\):\s+\d+ runs -\s*(?P<us>\d+(?:\.\d+)?) us/run"
)
_BACKEND = re.compile(r"\s*Backend \d+/\d+: (?P<name>\S.*?)\s*$")
_DEVICE = re.compile(r"\s*Device description: (?P<name>\S.*?)\s*$")
_VERSION = re.compile(r"\bbuild(?: number)?: (?P<number>\d+)(?: \((?P<commit>[0-9a-f]+)\))?")
_INSERT = re.compile(r"\s*INSERT INTO test_backend_ops \((?P<fields>[^()]*)\) VALUES \((.*)\);\s*$")
_CONSOLE, _SQL, _CSV = " us/run", "INSERT INTO test_backend_ops (", '"op_name","op_params",'
_SAID = {"op_name", "op_params", "time_us", "backend_name", "build_commit", "device_description"}


@dataclass(frozen=True)
class Timed:
    """One operator with its parameters in ggml's words, and the mean time of a run."""

    op: str
    args: str
    us: float
    backend: str = ""
    device: str = ""
    version: str = ""


def is_output(text: str) -> bool:
    """Whether the text has timed lines of the console or of SQL."""
    return _CONSOLE in text or _SQL in text


def is_csv(text: str) -> bool:
    """Whether it is the output as CSV, in which no time is."""
    return _CSV in text[:500]


def timed_lines(text: str) -> Iterator[Timed]:
    """Every operator that has a time, in the order of the file."""
    backend, device, version = "", "", ""
    for line in text.splitlines():
        if match := _BACKEND.match(line):
            backend, device = match["name"], ""
        elif match := _DEVICE.match(line):
            device = match["name"]
        elif match := _VERSION.search(line):
            version = match["commit"] or match["number"]
        elif match := _TIMED.match(line):
            yield Timed(match["op"], match["args"], float(match["us"]), backend, device, version)
        elif (match := _INSERT.match(line)) and (row := _inserted(match["fields"], match[2])):
            yield row


def _inserted(fields: str, values: str) -> Timed | None:
    """A row of SQL, whose values are quoted and escape nothing; None of one without a time."""
    try:
        cells = next(csv.reader([values], quotechar="'", skipinitialspace=True, strict=True))
        row = dict(zip(fields.split(", "), cells, strict=True))
        us = float(row["time_us"])
    except (csv.Error, KeyError, StopIteration, ValueError):
        return None
    if row.get("test_mode") != "perf" or row.get("supported") != "1" or not row.keys() >= _SAID:
        return None
    commit = "" if row["build_commit"] == "unknown" else row["build_commit"]
    said = row["backend_name"], row["device_description"], commit
    return Timed(row["op_name"], row["op_params"], us, *said)
