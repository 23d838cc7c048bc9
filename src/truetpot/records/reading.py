"""A record of whatever kind, as its file says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from truetpot.errors import UserError
from truetpot.files import read_text
from truetpot.records.opening import Part
from truetpot.records.page import RECORDS
from truetpot.records.store import read_record
from truetpot.text import brief, escaped

WHAT = "a record that truetpot wrote with --json"


class _Kinded(msgspec.Struct):
    kind: str | None = None


def read_any(path: str | Path) -> Part:
    """The record of a file, by its ``kind``.

    Raises UserError for a file that is no record, or of a kind that this truetpot does not know.
    """
    shown = escaped(str(path))
    try:
        kind = msgspec.json.decode(read_text(path, WHAT), type=_Kinded).kind
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise UserError(f"{shown} is no record; give {WHAT}.") from None
    if kind is None:
        raise UserError(f"{shown} does not say which kind of record it is; give {WHAT}.")
    if kind not in RECORDS:
        raise UserError(
            f"{shown} is a record of kind {brief(kind)}, which is not known; give {WHAT}."
        )
    return read_record(path, RECORDS[kind], WHAT)
