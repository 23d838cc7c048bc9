"""Intel's offline compiler: found, run, its output kept by content."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from truetpot.errors import UserError
from truetpot.files import read_bytes
from truetpot.isa import kept
from truetpot.records.isa import Listing
from truetpot.text import shortened

INSTALL = "apt install intel-opencl-icd on Debian 12, intel-ocloc on a newer one"
_LIBRARY = "libiga64.so"
STANDARD = ("-cl-std=CL3.0",)
_FLAGS = ("-cl-kernel-arg-info",)
_ALLOW_ZEBIN = "-ze-allow-zebin"
LIMIT_S = 600.0
"""For one run of the compiler."""


class CompileError(Exception):
    """A source that does not compile; the message is the compiler's own line."""


class _EndlessError(UserError):
    """The command has not ended within its limit."""


class Ocloc:
    """An ``ocloc`` command, which may have several words.

    Files are exchanged in `work`, a folder of this machine. `inside` is the path that the command
    sees it under, where that is another: a command that runs in a changed root.
    """

    def __init__(self, command: Sequence[str], work: Path | None = None, inside: str | None = None):
        self.command, self.work, self.inside = tuple(command), work, inside
        if shutil.which(self.command[0]) is None:
            raise UserError(f"There is no {self.command[0]}: {INSTALL}, or name one with --ocloc.")
        self._libraries = tempfile.TemporaryDirectory(prefix="truetpot-")
        self._environment = self._with_disassembler(Path(self._libraries.name))
        self.version = self._version()

    def refuses(self, target: str) -> str | None:
        """Why nothing compiles for a target, in one line; None where an empty kernel does."""
        if self._run(["ids", target], Path.cwd()).returncode:
            return f"ocloc {self.version} does not know {target}"
        try:
            self.compile("kernel void empty() {}\n", "empty", STANDARD, target)
        except CompileError as error:
            return f"ocloc {self.version} compiles nothing for {target}: {error}"
        return None

    def compile(self, source: str, function: str, options: Sequence[str], target: str) -> Listing:
        """Compile and disassemble one entry point, or take both from the cache.

        Raises CompileError where it does not compile, UserError where nothing can be disassembled.
        """
        name = self.name_of(source, function, options, target)
        if (listing := kept.load(name, Listing)) is None:
            listing = self._compile(source, function, options, target)
            kept.save(name, listing)
        return listing

    def name_of(self, source: str, function: str, options: Sequence[str], target: str) -> str:
        """What a compilation is kept under."""
        return kept.name_of(self.version, *self.command, target, function, *options, source)

    def _compile(self, source: str, function: str, options: Sequence[str], target: str) -> Listing:
        with tempfile.TemporaryDirectory(prefix="isa-", dir=self.work) as name:
            folder = Path(name)
            (folder / "kernel.cl").write_text(source, encoding="utf-8")
            (folder / "out").mkdir()
            (folder / "dump").mkdir()
            seen = self._seen(folder)
            done = self._compiled(
                "source",
                ["compile", "-file", f"{seen}/kernel.cl", "-device", target, "-out_dir",
                 f"{seen}/out", "-options", " ".join((*options, *_FLAGS)), "-internal_options",
                 _ALLOW_ZEBIN], folder,
            )  # fmt: skip
            binary = next((folder / "out").glob("*.bin"), None)
            if done.returncode or binary is None:
                reason = _reason(done.stdout + done.stderr)
                if "missing" in reason and "kernel.cl" in reason:
                    raise UserError(
                        f"{' '.join(self.command)} does not see {seen}: name a folder, and the "
                        "path it has there, with --work DIR:INSIDE."
                    )
                raise CompileError(reason)
            return self._disassembled(folder, f"out/{binary.name}", target, [function])[function]

    def disassemble(
        self, image: bytes, target: str, kernels: Sequence[str]
    ) -> dict[str, Listing]:
        """Listings of a device image's kernels, by name; those that it does not have are left out.

        Raises UserError where nothing can be disassembled.
        """
        with tempfile.TemporaryDirectory(prefix="isa-", dir=self.work) as name:
            folder = Path(name)
            (folder / "dump").mkdir()
            (folder / "image.bin").write_bytes(image)
            return self._disassembled(folder, "image.bin", target, kernels)

    def from_spirv(self, module: bytes, target: str) -> bytes:
        """The device image of a SPIR-V module. Raises CompileError where it does not compile."""
        with tempfile.TemporaryDirectory(prefix="isa-", dir=self.work) as name:
            folder = Path(name)
            (folder / "out").mkdir()
            (folder / "module.spv").write_bytes(module)
            seen = self._seen(folder)
            done = self._compiled(
                "SPIR-V",
                ["compile", "-spirv_input", "-file", f"{seen}/module.spv", "-device", target,
                 "-out_dir", f"{seen}/out", "-internal_options", _ALLOW_ZEBIN], folder,
            )  # fmt: skip
            binary = next((folder / "out").glob("*.bin"), None)
            if done.returncode or binary is None:
                raise CompileError(_reason(done.stdout + done.stderr))
            return binary.read_bytes()

    def _disassembled(
        self, folder: Path, file: str, target: str, kernels: Sequence[str]
    ) -> dict[str, Listing]:
        seen = self._seen(folder)
        done = self._run(
            ["disasm", "-file", f"{seen}/{file}", "-device", target, "-dump", f"{seen}/dump"],
            folder,
        )
        info = folder / "dump" / ".ze_info"
        found = {name: folder / "dump" / f".text.{name}.asm" for name in kernels}
        there = {name: path for name, path in found.items() if path.is_file()}
        if not there or not info.is_file():
            raise UserError(
                f"{' '.join(self.command)} cannot disassemble for {target}: "
                f"{shortened(_reason(done.stdout + done.stderr))}; it needs {_LIBRARY}, of libigc."
            )
        text = _text(info)
        return {name: Listing(assembly=_text(path), info=text) for name, path in there.items()}

    def _compiled(
        self, what: str, words: Sequence[str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        """A source that crashes the compiler, or never ends there, is one that does not compile."""
        try:
            done = self._run(words, folder)
        except _EndlessError as error:
            raise CompileError(str(error).rstrip(".")) from None
        if done.returncode < 0:
            signal = -done.returncode
            raise CompileError(f"ocloc {self.version} ends with signal {signal} on its {what}")
        return done

    def _run(self, words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self.command, *words], cwd=folder, env=self._environment, capture_output=True,
                text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise _EndlessError(
                f"{' '.join(self.command)} has not ended after {LIMIT_S:g} s."
            ) from None
        except OSError as error:
            raise UserError(f"{' '.join(self.command)} cannot be run: {error}.") from error

    def _seen(self, folder: Path) -> str:
        """A folder's path as the command sees it."""
        if self.inside is None or self.work is None:
            return str(folder)
        return f"{self.inside.rstrip('/')}/{folder.relative_to(self.work)}"

    def _version(self) -> str:
        with tempfile.TemporaryDirectory(prefix="isa-", dir=self.work) as name:
            folder = Path(name)
            done = self._run(["query", "OCL_DRIVER_VERSION"], folder)
            file = folder / "OCL_DRIVER_VERSION"
            text = _text(file) if file.is_file() else done.stdout
        return text.strip().strip("\0") or "unknown version"

    def _with_disassembler(self, folder: Path) -> dict[str, str]:
        """The environment, with a folder where the disassembler's library has the name looked for.

        Debian 12 ships libiga64.so.1 only, while its ocloc opens libiga64.so.
        """
        environment = dict(os.environ)
        library = _find(f"{_LIBRARY}.1")
        if len(self.command) == 1 and library is not None:
            (folder / _LIBRARY).symlink_to(library)
            before = environment.get("LD_LIBRARY_PATH")
            environment["LD_LIBRARY_PATH"] = ":".join(filter(None, (str(folder), before)))
        return environment


def _find(library: str) -> Path | None:
    folders = (*Path("/usr/lib").glob("*-linux-gnu"), Path("/usr/lib64"), Path("/usr/lib"))
    return next((found for folder in folders if (found := folder / library).exists()), None)


def _text(file: Path) -> str:
    return read_bytes(file, "what ocloc writes").decode(errors="replace")


def _reason(text: str) -> str:
    """The compiler's own line: the first that speaks of an error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    plain = (line for line in lines if "error" in line.lower())
    return next(plain, lines[0] if lines else "it gave no reason").rstrip(".")
