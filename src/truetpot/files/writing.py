"""Files of ours are written whole or not at all.

A record that is written in place is gone when the disk is full: the old one, and the new one too.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from truetpot.errors import OutputError, UserError
from truetpot.files.paths import is_stream, kind_of, why
from truetpot.text import escaped


def check_output(path: str | Path, option: str, inputs: Iterable[str | Path | None] = ()) -> None:
    """Raise UserError now rather than after the measurement, if a file cannot be written.

    ``inputs`` are files that the command reads: writing over one of them is refused.
    """
    file = Path(path)
    shown = f"{option} {escaped(str(path))}"
    try:
        about: os.stat_result | None = file.stat()
    except FileNotFoundError:
        about = None
        if file.is_symlink():
            raise UserError(f"{shown} is a link to nothing; give a file.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{shown} cannot be written: {why(error)}; give another file.") from None
    for given in inputs:
        if given is not None and about is not None and _same(given, about):
            name = escaped(str(given))
            raise UserError(f"{shown} would overwrite the input {name}; give another file.")
    if about is not None and not stat.S_ISREG(about.st_mode):
        if stat.S_ISDIR(about.st_mode):
            raise UserError(f"{shown} is a folder; give a file.")
        if not _reads(file, about):
            raise UserError(f"{shown} is {kind_of(about.st_mode)}; give a file.")
        return
    if not file.parent.is_dir():
        folder = escaped(str(file.parent))
        raise UserError(f"There is no folder {folder} for {shown}; make it first.")
    if about is not None and not os.access(file, os.W_OK):
        raise UserError(f"{shown} cannot be written; give another file.")
    try:
        number, new = _new_beside(_target(file))
        os.close(number)
        Path(new).unlink()
    except OSError as error:
        raise UserError(f"{shown} cannot be written: {why(error)}; give another file.") from None


def write_whole(path: str | Path, content: str | bytes, option: str) -> None:
    """Put text or bytes into a file that is there whole or, where that fails, as it was before.

    It is written to a file of a unique name beside it, which then takes its place. A pipe or a
    terminal is written to as it is. Raises OutputError, which names ``option``, where that fails.
    """
    file = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    try:
        if is_stream(file):
            file.write_bytes(content)
            return
        target = _target(file)
        number, new = _new_beside(target)
        try:
            with os.fdopen(number, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(number)
            Path(new).chmod(_mode(target))
            _replace(Path(new), target, content)
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        raise _lost(path, error, option) from error


def append_line(path: str | Path, line: str, option: str) -> None:
    """Add a line; a torn one, which a crash left at the end, is ended first.

    Several processes that add to one file hold :func:`locked`. Raises OutputError; then the file is
    as it was.
    """
    content = line.encode("utf-8", "backslashreplace") + b"\n"
    try:
        with Path(path).open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    content = b"\n" + content
            try:
                _write_all(file.fileno(), content)
            except BaseException:
                file.truncate(size)
                raise
    except OSError as error:
        raise _lost(path, error, option) from error


@contextmanager
def locked(path: str | Path, option: str) -> Iterator[None]:
    """Alone with a file, as far as other processes of truetpot go: to read, change and write it.

    The lock is an empty hidden file beside it, which stays: whoever waits for it has it open.
    Raises OutputError where there can be none.
    """
    target = _target(Path(path))
    lock = FileLock(target.with_name(f".{target.name}.truetpot-lock"))
    try:
        target.parent.stat()  # FileLock would make the folder
        lock.acquire()
    except OSError as error:
        raise _lost(path, error, option) from error
    try:
        yield
    finally:
        lock.release()


def _replace(new: Path, target: Path, content: bytes) -> None:
    """Let the new file take the target's place; one that is mounted there is written over."""
    try:
        new.replace(target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        target.write_bytes(content)
        new.unlink()


def _write_all(number: int, content: bytes) -> None:
    while content:
        content = content[os.write(number, content) :]


def _lost(path: str | Path, error: OSError | ValueError, option: str) -> OutputError:
    shown = escaped(str(path))
    return OutputError(f"Cannot write {shown}: {why(error)}; choose another {option}.")


def _target(file: Path) -> Path:
    """Where the bytes of a file lie: behind a link, which stays a link."""
    return file.resolve() if file.is_symlink() else file


def _new_beside(file: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=f".{file.name[:64]}.", suffix=".tmp", dir=file.parent)


def _mode(file: Path) -> int:
    """The permissions of the file that is replaced, else what a new file would have."""
    if file.exists():
        return stat.S_IMODE(file.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _same(path: str | Path, about: os.stat_result) -> bool:
    try:
        return os.path.samestat(Path(path).stat(), about)
    except (OSError, ValueError):
        return False


def _reads(file: Path, about: os.stat_result) -> bool:
    """Whether someone may be reading at the other end: a pipe, a terminal, or nobody by intent."""
    if stat.S_ISFIFO(about.st_mode) or stat.S_ISSOCK(about.st_mode):
        return True
    if file.samefile(os.devnull):
        return True
    try:
        with file.open("wb") as opened:
            return opened.isatty()
    except OSError:
        return False
