"""Reads records of `truetpot kernels` and `truetpot decode` as measured kernels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from truetpot.facts.hardware import recognise
from truetpot.records.decode import DecodeRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.opening import Measured
from truetpot.records.store import read_record
from truetpot.records.words import Cache, KernelStatus
from truetpot.stack.library.sources import source
from truetpot.stack.library.table import Key, Origin, Table

_NAMES = {"context": "tokens"}
_ATTENTION = ("batch", "tokens", "heads", "kv_heads", "head_dim", "window")
_AXES = {"linear": ("m", "n", "k"), "decode_attention": _ATTENTION}
_FORMATS = ("weight_format", "kv_format", "dtype")
"""Of a case in words, the first that it has: of its weights, its cache, its values."""


def read_own(path: Path, shown: str, kind: str) -> list[Table]:
    """Every kernel of a record that has a time and is neither wrong nor read from a cache.

    None of a run that is invalid. Raises UserError for a file that is no such record.
    """
    if kind == "kernels":
        kernels = read_record(path, KernelsRecord, "a record of truetpot kernels --json")
        rows = [
            (row.op, row.case, row.provider, row.median_s)
            for row in kernels.results
            if row.status is KernelStatus.OK and row.cache is Cache.ROTATED
        ]
        return _tables(kernels, rows, shown)
    decode = read_record(path, DecodeRecord, "a record of truetpot decode --json")
    cold = [
        (row.op, row.case, row.provider, row.median_s)
        for row in decode.operators
        if decode.valid and (row.share_of_ceiling is not None or row.op not in _AXES)
    ]
    return _tables(decode, cold, shown)


def _tables(
    record: Measured, rows: Iterable[tuple[str, str, str, float | None]], shown: str
) -> list[Table]:
    found: dict[tuple[str, str, str, tuple[str, ...]], dict[Key, float]] = {}
    for op, case, provider, seconds in rows:
        if seconds is None or seconds <= 0:
            continue
        format, axes, key = _shape(op, case)
        found.setdefault((op, format, provider, axes), {})[key] = seconds
    here, words = record.environment, source("truetpot")
    device = here.device["name"]
    card = recognise(device)
    tables = []
    for (op, format, provider, axes), shapes in found.items():
        origin = Origin(shown, device, card, f"truetpot {provider}", here.truetpot, words.timing)
        tables.append(Table(op, format, (format,), axes, shapes, origin))
    return tables


def _shape(op: str, case: str) -> tuple[str, tuple[str, ...], Key]:
    """Format, axes and shape; of a composite, or an operator without axes, the case in words."""
    pairs = dict(word.split("=", 1) for word in case.split() if "=" in word)
    pairs = {_NAMES.get(name, name): value for name, value in pairs.items()}
    format = next((pairs[name] for name in _FORMATS if name in pairs), "")
    axes = _AXES.get(op)
    if axes is None or " + " in case:
        return format, ("case",), (case,)
    try:
        return format, axes, tuple(int(pairs.get(axis, 0)) for axis in axes)
    except ValueError:
        return format, ("case",), (case,)
