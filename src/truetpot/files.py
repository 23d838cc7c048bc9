"""Files of others are looked at before they are read; files of ours are written whole or not.

A path that a user gives can be a pipe, a device, a folder, or 40 GB of weights. Reading one of
those as if it were a small text blocks, or takes the machine's memory. And a record that is written
in place is gone when the disk is full: the old one, and the new one too.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from truetpot.errors import OutputError, UserError
from truetpot.text import escaped, shortened

MOST_BYTES = 64 << 20
"""Of a record or an index: they are far smaller, and what is larger is something else."""

_MAGIC = {
    b"GGUF": "a GGUF model file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xfd7zXZ\x00": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x7fELF": "a program",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF document",
    b"version https://": "a Git LFS pointer and not the file itself (git lfs pull gets it)",
    b"\x80\x02": "a Python pickle",
    b"\x80\x04": "a Python pickle",
}
_SAFETENSORS = re.compile(rb".{5}\0{3}\{", re.DOTALL)
"""The length of a JSON header in eight bytes, lowest first, and its first character."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_ATTRIBUTE_BYTES = 1 << 20


def open_regular(path: str | Path, what: str) -> BinaryIO:
    """A regular file, opened for reading, at its start; the caller closes it.

    ``what`` is what the file should be, for the sentence: "a record of truetpot decode --json".
    Raises UserError for anything else than a regular file, and for one that cannot be read.
    """
    shown = shortened_path(path)
    # without O_NONBLOCK the opening of a pipe that nobody writes to never ends
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        # looked at before it is opened: opening some devices does something
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            file = os.fdopen(os.open(path, flags | getattr(os, "O_NOCTTY", 0)), "rb")
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode):
                return file
            file.close()
    except (OSError, ValueError) as error:
        raise UserError(f"{shown} cannot be read: {_why(error)}; give {what}.") from None
    raise UserError(f"{shown} is {_kind(mode)}; give {what}.")


def read_bytes(path: str | Path, what: str, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

    Raises UserError as ``open_regular`` does, for a larger file, and for one that starts like a
    known binary format: its first bytes are looked at before it is read.
    """
    shown = shortened_path(path)
    with open_regular(path, what) as file:
        try:
            first = file.read(16) or b""  # None where the kernel has nothing to give now
            if found := known_format(first):
                raise UserError(f"{shown} is {found}; give {what}.")
            size = os.fstat(file.fileno()).st_size
            # a file may grow while it is read, and those of /proc have no size
            content = first if size > most else first + (file.read(most + 1 - len(first)) or b"")
        except OSError as error:
            raise UserError(f"{shown} cannot be read: {_why(error)}; give {what}.") from None
        except MemoryError:
            raise UserError(f"There is not enough memory to read {shown}; free some.") from None
    if (size := max(size, len(content))) > most:
        raise UserError(
            f"{shown} has {size / 1e6:,.1f} MB, and at most {most / 1e6:,.1f} MB are read of "
            f"{what}; give another file."
        )
    return content


def read_text(path: str | Path, what: str, most: int = MOST_BYTES) -> str:
    """The same as text in UTF-8, a byte-order mark dropped. Raises UserError for other bytes."""
    content, shown = read_bytes(path, what, most), shortened_path(path)
    if content.startswith(_WIDE):
        raise UserError(f"{shown} is text in UTF-16; save it as UTF-8.")
    if (zero := content.find(0)) >= 0:
        raise UserError(f"{shown} is no text (byte {zero} is zero); give {what}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    raise UserError(f"{shown} is no text in UTF-8 (byte {place}); give {what}.")


def read_json(path: str | Path, what: str, most: int = MOST_BYTES) -> Any:
    """The value in a JSON file. Raises UserError for anything else, however deep it nests.

    NaN and Infinity are values, as Python's json writes them; of a key written twice the last one
    counts.
    """
    text, shown = read_text(path, what, most), shortened_path(path)
    if not text.strip():
        raise UserError(f"{shown} is empty; give {what}.")
    try:
        return json.loads(text)
    except RecursionError:
        reason = "it nests too deep"
    except MemoryError:
        raise UserError(f"There is not enough memory to read {shown}; free some.") from None
    except ValueError as error:
        # a number of more than 4,300 digits is a ValueError too, with a sentence of its own
        place = isinstance(error, json.JSONDecodeError)
        reason = escaped(str(error)) if place else "it has a number of thousands of digits"
    raise UserError(f"{shown} is not valid JSON ({reason}); give {what}.")


def read_attribute(path: str | Path) -> str | None:
    """What the kernel says in a file of /proc or /sys, without white space at the ends.

    None where there is no such file, it is empty, or it cannot be read; at most 1 MiB of it.
    """
    try:
        with open_regular(path, "a file of the kernel") as file:
            content = file.read(_ATTRIBUTE_BYTES) or b""
    except (UserError, OSError):  # some attributes are listed and fail when they are read
        return None
    return content.decode(errors="replace").strip() or None


def is_there(path: str | Path) -> bool:
    """Whether something has this name, a link to nothing too; no name raises, however long."""
    return os.path.lexists(path)


def is_regular(path: str | Path) -> bool:
    """Whether this is a regular file, or a link to one; no name raises."""
    return os.path.isfile(path)  # noqa: PTH113  # Path's raises for some names


def is_folder(path: str | Path) -> bool:
    """Whether this is a folder, or a link to one; no name raises."""
    return os.path.isdir(path)  # noqa: PTH112


def expanded(path: str | Path) -> Path:
    """The path with the home folder for ``~``; as it is where there is no such home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def known_format(first: bytes) -> str | None:
    """What a file is, by its first 16 bytes, if that is a binary format that people have."""
    if _SAFETENSORS.match(first):
        return "a safetensors file"
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), None)


def shortened_path(path: str | Path) -> str:
    """A path as it is shown in a sentence: escaped, and not of thousands of characters."""
    return shortened(escaped(str(path)), 300)


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


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no regular file"


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or escaped(str(error))
