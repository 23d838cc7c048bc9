"""What a path is, before anything is read or written; no name raises, however long it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from truetpot.errors import UserError
from truetpot.text import escaped, shortened


def is_there(path: str | Path) -> bool:
    """Whether something has this name, a link to nothing too; no name raises, however long."""
    return os.path.lexists(path)


def is_regular(path: str | Path) -> bool:
    """Whether this is a regular file, or a link to one; no name raises."""
    return os.path.isfile(path)  # noqa: PTH113  # Path's raises for some names


def is_folder(path: str | Path) -> bool:
    """Whether this is a folder, or a link to one; no name raises."""
    return os.path.isdir(path)  # noqa: PTH112


def is_stream(path: str | Path) -> bool:
    """Whether a path is there and is no regular file: what is written to it cannot be replaced."""
    file = Path(path)
    return file.exists() and not file.is_file()


def same_file(a: str | Path, b: str | Path) -> bool:
    """Whether two paths are one file, be it there or not."""
    with suppress(OSError, ValueError):
        if Path(a).samefile(b):
            return True
    return os.path.realpath(a) == os.path.realpath(b)


def check_once(paths: Iterable[str | Path]) -> None:
    """Raise UserError where a file is named twice: beside itself it would pass for another run."""
    seen: dict[str, str | Path] = {}
    for path in paths:
        first = seen.setdefault(os.path.realpath(path), path)
        if first is not path:
            shown, other = shortened_path(path), shortened_path(first)
            again = "is named twice" if shown == other else f"is {other} once more"
            raise UserError(f"{shown} {again}; name each file once.")


def expanded(path: str | Path) -> Path:
    """The path with the home folder for ``~``; as it is where there is no such home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def user_folder(variable: str, below_home: str) -> Path:
    """The folder that an ``XDG_`` variable names, else the usual one below the user's home.

    A user without a home, as a container may have one, gets a folder that cannot be: nothing is
    found in it, and nothing can be kept.
    """
    if named := os.environ.get(variable):
        return expanded(named)
    try:
        return Path.home() / below_home
    except RuntimeError:
        return Path(os.devnull) / below_home


def shortened_path(path: str | Path) -> str:
    """A path as it is shown in a sentence: escaped, and not of thousands of characters."""
    return shortened(escaped(str(path)), 300)


def kind_of(mode: int) -> str:
    """What it is that is no regular file, in words."""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no regular file"


def why(error: OSError | ValueError) -> str:
    """The system's own words for an error, without number and path."""
    return (error.strerror if isinstance(error, OSError) else None) or escaped(str(error))
