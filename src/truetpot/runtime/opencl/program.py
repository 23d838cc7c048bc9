"""Compiled programs: kept in this process and on disk, and the entry points that kernels call."""

from __future__ import annotations

import hashlib
import logging
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from truetpot.errors import OutputError, UserError
from truetpot.files import user_folder, write_whole
from truetpot.records.launch import LaunchRow
from truetpot.runtime.ask import told
from truetpot.runtime.opencl import api, platforms
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build, options
from truetpot.runtime.opencl.memory import Memory

Argument = OpenClArray | np.generic | int | float | None
Sizes = tuple[int, ...]
Launch = Callable[[Any, Sizes, Sizes | None, list[Any]], None]
"""Submits a kernel whose arguments are set: global and local size, and what they refer to."""

log = logging.getLogger(__name__)
_NOTHING = "__kernel void nothing(void) {}"
_DIGEST = hashlib.sha256().digest_size


class Programs:
    """The programs of one device, by source, options and driver."""

    def __init__(self, context: Any, device: Any) -> None:
        self.context, self.device = context, device
        # what is not told is the same in every program's key
        version = told(told(device, "platform"), "version")
        about = [told(device, what) for what in ("name", "version", "driver_version")]
        self._driver = " ".join(map(str, [*about, version]))
        self._programs: dict[str, Any] = {}
        self._refused: dict[str, str | None] = {}

    def refused(self, flag: str) -> str | None:
        """Why the compiler does not take an option, by its own words; None if it does.

        Asked with a kernel that does nothing, once.
        """
        if flag not in self._refused:
            cl = platforms.load()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", cl.CompilerWarning)
                    cl.Program(self.context, _NOTHING).build([flag])
                self._refused[flag] = None
            except cl.Error as error:
                self._refused[flag] = _line_with(flag, str(error))
        return self._refused[flag]

    def get(self, build: Build, text: str) -> Any:
        """The program of a source with its includes: from memory, from disk, or compiled.

        Raises UserError with the compiler's own line where it does not compile.
        """
        flags, key = options(build), self._key(build, text)
        if key not in self._programs:
            self._programs[key] = self._cached(key, flags) or self._compiled(
                key, build, text, flags
            )
        return self._programs[key]

    def kept(self, build: Build, text: str) -> Path | None:
        """The file of a program's binary, behind a digest of 32 bytes; None where there is none."""
        file = _file(self._key(build, text))
        return file if file.is_file() else None

    def _key(self, build: Build, text: str) -> str:
        words = (self._driver, *options(build), text)
        return hashlib.sha256("\0".join(words).encode()).hexdigest()

    def _cached(self, key: str, flags: Sequence[str]) -> Any | None:
        binary = _load(_file(key))
        if binary is None:
            return None
        cl = platforms.load()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cl.CompilerWarning)
                return cl.Program(self.context, [self.device], [binary]).build(list(flags))
        except cl.Error as error:  # a driver that changed without a new version
            log.info("the program cache's %s is compiled anew: %s", key, error)
            return None

    def _compiled(self, key: str, build: Build, text: str, flags: Sequence[str]) -> Any:
        cl = platforms.load()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cl.CompilerWarning)
                program = cl.Program(self.context, text).build(list(flags))
        except cl.Error as error:
            raise UserError(
                f"{build.source} ({build.variant or build.function}) does not compile for "
                f"{platforms.describe(self.device)}: {_first_error(str(error))}"
            ) from None
        _save(_file(key), program.get_info(cl.program_info.BINARIES)[0])
        return program


class Function:
    """A compiled entry point, with arguments of its own: two kernels never share them.

    ``function(global_size, local_size, *args)`` submits and does not wait. An array is a pointer,
    None a null pointer, an int an ``int``, a float a ``float``, a NumPy scalar what it is.
    """

    def __init__(
        self, programs: Programs, memory: Memory, launch: Launch, build: Build, text: str
    ) -> None:
        self.programs, self.memory, self.launch = programs, memory, launch
        self.build, self.text, self.name = build, text, build.function
        self.kernel = platforms.load().Kernel(programs.get(build, text), self.name)
        self._sizes: tuple[tuple[int, ...], tuple[int, ...] | None] | None = None
        self._handle = self.kernel.int_ptr
        self._scalars: dict[int, Argument] = {}

    def __call__(
        self, global_size: tuple[int, ...], local_size: tuple[int, ...] | None, *args: Argument
    ) -> None:
        """Launch `global_size` work-items in groups of `local_size` (None: the driver's choice).

        Raises RuntimeError with OpenCL's name of what is wrong.
        """
        self._sizes = global_size, local_size
        memory, handle, alive = self.memory, self._handle, []
        for index, arg in enumerate(args):
            if isinstance(arg, OpenClArray):
                self._scalars.pop(index, None)
                where = memory.set_argument(handle, index, arg.block.handle, arg.offset, arg.nbytes)
                if where is not None:
                    alive.append(where)
            elif index not in self._scalars or self._scalars[index] is not arg:
                self._set(index, arg)
        self.launch(self.kernel, global_size, local_size, alive)

    def last_launch(self) -> LaunchRow:
        """Entry point, sizes, options and where the binary lies."""
        whole, group = self._sizes or (None, None)
        file = self.programs.kept(self.build, self.text)
        return LaunchRow(
            entry_point=self.name,
            global_size=None if whole is None else list(whole),
            local_size=None if group is None else list(group),
            options=list(options(self.build)),
            binary=None if file is None else str(file),
            note="" if file is None else f"the binary begins behind {_DIGEST} bytes of digest",
        )

    def _set(self, index: int, arg: Argument) -> None:
        """Most scalars are a step's constants: one that is what it was stays set."""
        if isinstance(arg, int):
            value: bytes | None = struct.pack("i", arg)
        elif isinstance(arg, float):
            value = struct.pack("f", arg)
        else:
            value = None if arg is None else arg.tobytes()  # type: ignore[union-attr]
        size = struct.calcsize("P") if value is None else len(value)
        api.succeed(
            api.set_kernel_arg()(self._handle, index, size, value),
            f"argument {index} of {self.name}",
        )
        self._scalars[index] = arg


def cache_folder() -> Path:
    """Where compiled programs are kept; the folder need not exist."""
    return user_folder("XDG_CACHE_HOME", ".cache") / "truetpot" / "opencl"


def _file(key: str) -> Path:
    return cache_folder() / f"{key}.bin"


def _load(file: Path) -> bytes | None:
    """A file's binary; None where there is none, or one that is not what was written."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    digest, binary = data[:_DIGEST], data[_DIGEST:]
    return binary if hashlib.sha256(binary).digest() == digest else None


def _save(file: Path, binary: bytes) -> None:
    """Another process sees all of the file or none of it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, hashlib.sha256(binary).digest() + binary, "XDG_CACHE_HOME")
    except (OSError, OutputError) as error:  # a full disk or a read-only home only costs time
        log.info("the program cache cannot keep %s: %s", file.name, error)


def _line_with(flag: str, text: str) -> str:
    """The build log's line about an option; the error's own name where there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # pyopencl's own line repeats all options
    about = (one for one in lines if flag in one and not one.startswith("(options:"))
    return next(about, lines[0] if lines else "it gave no reason")


def _first_error(text: str) -> str:
    """The build log's own line: the first that speaks of an error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    plain = (line for line in lines if "error:" in line.lower())
    return next(plain, lines[0] if lines else "the compiler gave no reason")
