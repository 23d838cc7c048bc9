"""The archive: a ZIP file with ``manifest.json``, and a folder a step.

One that comes from someone else is read in memory and nothing of it is written: no name in it can
lead anywhere. How much is read is limited before it is read, whatever its directory says.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from truetpot.errors import UserError
from truetpot.files import open_regular, write_whole
from truetpot.files.paths import shortened_path
from truetpot.records.contact import ContactRecord
from truetpot.records.store import as_text, fault
from truetpot.text import brief

MANIFEST = "manifest.json"
WHAT = "an archive of truetpot contact"
MOST_FILES = 1000
MOST_FILE_BYTES = 8 << 20
MOST_BYTES = 64 << 20
"""Of all files together, unpacked, and of the archive itself."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?")
T = TypeVar("T")


@dataclass(frozen=True)
class Archive:
    """What an archive has: its manifest, and its other files by name."""

    manifest: ContactRecord
    files: Mapping[str, bytes]

    def record(self, step: str, kind: type[T]) -> T:
        """The record that a step left, by its type. Raises UserError where there is none such."""
        name = f"{step}/record.json"
        if name not in self.files:
            raise UserError(f"Step {brief(step)} left no record in the archive; choose another.")
        return _decoded(self.files[name], kind, f"{name} in the archive")

    def text(self, name: str) -> str:
        """A file of the archive as text; empty where there is none."""
        return self.files.get(name, b"").decode("utf-8", "replace")


def write_archive(path: Path, manifest: ContactRecord, files: Mapping[str, bytes]) -> None:
    """Write it whole or, where that fails, leave what was there before. Raises OutputError."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {MANIFEST: as_text(manifest).encode(), **files}.items():
            # a fixed date: that of the run is in the manifest
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    write_whole(path, packed.getvalue(), "--out")


def read_archive(path: str | Path) -> Archive:
    """An archive of this machine or of a stranger. Raises UserError for anything else."""
    shown = shortened_path(path)
    with open_regular(path, WHAT) as file:
        packed = file.read(MOST_BYTES + 1)
    if len(packed) > MOST_BYTES:
        raise UserError(f"{shown} has more than {MOST_BYTES >> 20} MiB; give {WHAT}.")
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            files = _unpacked(archive, shown)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
        OSError, LookupError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        # what zipfile raises for damaged, encrypted and unknown ones is not of one kind
        reason = brief(str(error) or type(error).__name__)
        raise UserError(
            f"{shown} is no ZIP archive that can be read ({reason}); give {WHAT}."
        ) from None
    if MANIFEST not in files:
        raise UserError(f"{shown} has no {MANIFEST}; give {WHAT}.")
    manifest = _decoded(files.pop(MANIFEST), ContactRecord, f"{MANIFEST} in {shown}")
    return Archive(manifest, files)


def _unpacked(archive: zipfile.ZipFile, shown: str) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise UserError(f"{shown} has {len(entries)} files, more than {MOST_FILES}; give {WHAT}.")
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for entry in entries:
        if entry.is_dir():  # of somebody who looked into it and packed it again
            continue
        if not _NAME.fullmatch(entry.filename) or entry.filename in files:
            name = brief(entry.filename)
            raise UserError(f"{shown} has a file named {name}, which none of ours is; give {WHAT}.")
        most = min(MOST_FILE_BYTES, left)
        with archive.open(entry) as file:
            content = file.read(most + 1)
        if len(content) > most:
            name = brief(entry.filename)
            raise UserError(f"{shown}: {name} is larger than what is read of {WHAT}; give another.")
        files[entry.filename] = content
        left -= len(content)
    return files


def _decoded(content: bytes, kind: type[T], shown: str) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{shown}: {fault(error)}; give {WHAT} of this version.") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UserError(f"{shown} is not JSON ({brief(str(error))}); give {WHAT}.") from None
