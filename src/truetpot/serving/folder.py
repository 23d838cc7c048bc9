"""The result files of a folder, and what else lies in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truetpot.errors import UserError
from truetpot.files import is_folder, is_regular, shortened_path
from truetpot.serving.readers import read
from truetpot.serving.records import Run

MOST_FILES = 2000
"""In a folder: one with more is none of results."""


@dataclass(frozen=True)
class FileOfRuns:
    """A file, and the runs in it."""

    path: Path
    runs: tuple[Run, ...]


def read_all(paths: Sequence[Path]) -> tuple[list[FileOfRuns], list[str]]:
    """What is in the files given and in the folders given, and sentences on files left out.

    Raises UserError for a file that was named and cannot be read, for a folder without a result,
    and for one of more than ``MOST_FILES``.
    """
    found: list[FileOfRuns] = []
    left_out: list[str] = []
    for path in paths:
        if not is_folder(path):
            found.append(FileOfRuns(path, tuple(read(path))))
            continue
        before = len(found)
        for file in _files(path):
            try:
                found.append(FileOfRuns(file, tuple(read(file))))
            except UserError as error:
                left_out.append(str(error))
        if len(found) == before:
            raise UserError(
                f"There is no result of a serving benchmark in {shortened_path(path)}; give a "
                "folder that has one, or the file itself."
            )
    return found, left_out


def _files(folder: Path) -> list[Path]:
    """Every regular file below the folder, without hidden ones, by name."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not is_regular(path):
            continue
        found.append(path)
        if len(found) > MOST_FILES:
            raise UserError(
                f"{shortened_path(folder)} has more than {MOST_FILES} files; give a folder of "
                "results alone."
            )
    return found
