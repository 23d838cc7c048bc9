"""Files of others are looked at before they are read; files of ours are written whole or not.

A path that a user gives can be a pipe, a device, a folder, or 40 GB of weights. Reading one of
those as if it were a small text blocks, or takes the machine's memory. And a record that is written
in place is gone when the disk is full: the old one, and the new one too.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from truetpot.errors import OutputError, UserError
from truetpot.text import escaped

MOST_BYTES = 64 << 20
"""Of a record, a config, a table: they are far smaller, and what is larger is something else."""

_MAGIC = {
    b"GGUF": "a GGUF model file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x7fELF": "a program",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\x80\x02": "a Python pickle",
    b"\x80\x04": "a Python pickle",
}


def read_bytes(path: str | Path, what: str, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

    ``what`` is what the file should be, for the sentence: "a record of truetpot decode --json".
    Raises UserError for anything else than a regular file, for a larger one, for one that starts
    like a known binary format, and for one that cannot be read.
    """
    shown = escaped(str(path))
    # without O_NONBLOCK the opening of a pipe that nobody writes to never ends
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise UserError(f"{shown} cannot be read: {_why(error)}; give {what}.") from None
    with os.fdopen(number, "rb") as file:
        try:
            about = os.fstat(number)
            if not stat.S_ISREG(about.st_mode):
                raise UserError(f"{shown} is {_kind(about.st_mode)}; give {what}.")
            first = file.read(16)
            if found := _format(first):
                raise UserError(f"{shown} is {found}; give {what}.")
            if about.st_size > most:
                raise UserError(
                    f"{shown} has {about.st_size / 1e6:,.0f} MB, and at most {most / 1e6:,.0f} MB "
                    f"are read of {what}; give another file."
                )
            # no more than that either where the file grows while it is read
            return first + file.read(most - len(first))
        except OSError as error:
            raise UserError(f"{shown} cannot be read: {_why(error)}; give {what}.") from None


def read_text(path: str | Path, what: str, most: int = MOST_BYTES) -> str:
    """The same as text in UTF-8, a byte-order mark dropped. Raises UserError for other bytes."""
    content = read_bytes(path, what, most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{escaped(str(path))} is no text in UTF-8 (byte {error.start}); give {what}."
        ) from None


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
        raise UserError(f"{shown} cannot be written: {_why(error)}; give another file.") from None
    for given in inputs:
        if given is not None and about is not None and _same(given, about):
            name = escaped(str(given))
            raise UserError(f"{shown} would overwrite the input {name}; give another file.")
    if about is not None and not stat.S_ISREG(about.st_mode):
        if stat.S_ISDIR(about.st_mode):
            raise UserError(f"{shown} is a folder; give a file.")
        if not _reads(file, about):
            raise UserError(f"{shown} is {_kind(about.st_mode)}; give a file.")
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
        raise UserError(f"{shown} cannot be written: {_why(error)}; give another file.") from None


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


def expanded(path: str | Path) -> Path:
    """With ``~`` replaced; as it is where nobody knows such a home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


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
    return OutputError(f"Cannot write {shown}: {_why(error)}; choose another {option}.")


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


def _format(first: bytes) -> str | None:
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), None)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no regular file"


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or escaped(str(error))
