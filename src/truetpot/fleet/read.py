"""Records of validate and doctor in files and folders; what is none is left out, with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from truetpot.errors import UserError
from truetpot.files import check_once, is_folder, is_there, shortened_path
from truetpot.fleet.seen import Seen, seen
from truetpot.records.doctor import DoctorRecord
from truetpot.records.fleet import FileLeftOut
from truetpot.records.store import read_record
from truetpot.records.validate import ValidateRecord
from truetpot.text import one_line

KINDS: dict[str, type[ValidateRecord | DoctorRecord]] = {
    "validate": ValidateRecord,
    "doctor": DoctorRecord,
}
WHAT = "a record of truetpot validate --json or truetpot doctor --json"


@dataclass(frozen=True)
class Found:
    """What each record says, with its file, and the files that are none."""

    records: list[tuple[Path, Seen]]
    left_out: list[FileLeftOut]


class _Kind(msgspec.Struct):
    kind: str = ""


def read_records(paths: Iterable[Path]) -> Found:
    """Of each file, and of each ``*.json`` below each folder, in the order of their names.

    Raises UserError where a path is not there or is named twice, or nothing in all of them is such
    a record.
    """
    paths = list(paths)
    check_once(paths)
    found = Found([], [])
    for path in paths:
        for file in _files(path):
            _read(file, found)
    if not found.records:
        why = f": {found.left_out[0].why}" if found.left_out else "."
        raise UserError(f"There is no record of validate or doctor in these files{why}")
    return found


def _files(path: Path) -> Iterator[Path]:
    if not is_there(path):
        raise UserError(f"{shortened_path(path)} is not there; give files or folders of {WHAT}.")
    yield from sorted(path.rglob("*.json")) if is_folder(path) else [path]


def _read(file: Path, found: Found) -> None:
    kind: str | None = None
    try:
        kind = read_record(file, _Kind, WHAT).kind
        if kind in KINDS:
            # at once: the seconds of a long load would be gigabytes of a thousand records
            found.records.append((file, seen(read_record(file, KINDS[kind], WHAT))))
            return
        why = f"{shortened_path(file)} is a record of {kind or 'something else'}; give {WHAT}."
    except UserError as error:
        why, kind = one_line(str(error)), None
    found.left_out.append(FileLeftOut(file=str(file), why=why, record=kind))
