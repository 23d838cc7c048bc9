"""Where a command writes: looked at before anything is measured, and never what it reads."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import combinations
from pathlib import Path

from truetpot.errors import UserError
from truetpot.files import check_output, expanded, is_stream, same_file
from truetpot.report.html.needs import check_installed
from truetpot.text import escaped

STDOUT = "-"
DRAWN = ("--html", "--svg")
"""Outputs that packages of `truetpot[report]` draw."""
Output = str | Path | None
_KERNELS = ("*.py", "*.cl", "*.clh", "*.h", "*.hpp", "*.c", "*.cpp", "*.cu", "*.so", "*.toml")
_MODEL = (
    "config.json", "generation_config.json", "*.index.json", "*.safetensors", "*.bin", "*.gguf",
    "tokenizer*", "vocab*", "merges*", "special_tokens_map.json", "added_tokens.json", "*.model",
    "chat_template*",
)  # fmt: skip


def check_outputs(outputs: Mapping[str, Output], inputs: Iterable[str | Path | None] = ()) -> None:
    """Raise UserError where an output cannot be written or drawn, is an input or another output.

    ``outputs`` by option. None and the ``-`` of ``--json`` are left out.
    """
    given = [path for path in inputs if path is not None]
    for option, path in outputs.items():
        if option != "--json" and str(path) == STDOUT:
            raise UserError(f"{option} - is no file, and --json alone takes it; give a file.")
    files = {name: path for name, path in outputs.items() if path not in (None, STDOUT)}
    for option in filter(files.__contains__, DRAWN):
        check_installed(option)
    for option, path in files.items():
        check_output(path, option, given)
    plain = {option: path for option, path in files.items() if not is_stream(path)}
    for (one, path), (other, second) in combinations(plain.items(), 2):
        if same_file(path, second):
            raise UserError(f"{one} and {other} are the same file, {escaped(str(path))}; give two.")
    for option, path in plain.items():
        if _is_standard_output(path):
            raise UserError(
                f"{option} {escaped(str(path))} is where standard output goes; give another file."
            )


def check_folder(folder: Path | None, option: str, output: Output, other: str) -> None:
    """Raise UserError where a folder of outputs cannot be one, or is to be a file as well."""
    if folder is None:
        return
    shown = f"{option} {escaped(str(folder))}"
    if str(folder) == STDOUT:
        raise UserError(f"{shown} is no folder; give one, or a name for a new one.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{shown} is no folder; give one, or a name for a new one.")
    if output is not None and same_file(folder, output):
        raise UserError(f"{shown} and {other} are the same; give two.")


def of_kernels(folder: Path | None) -> list[Path]:
    """What is read of a folder of kernels; a record may lie beside them."""
    if folder is None:
        return []
    return [path for name in _KERNELS for path in (*folder.glob(name), *folder.glob(f"*/{name}"))]


def of_model(where: str | Path | None) -> list[Path]:
    """What is read of a model's folder, or its file; a known model's name has none."""
    if where is None:
        return []
    path = expanded(where)
    with suppress(OSError, ValueError):  # no path at all: whoever reads it says so
        if path.is_dir():
            return [found for name in _MODEL for found in path.glob(name)]
    return [path]


def _is_standard_output(path: str | Path) -> bool:
    try:
        about = os.fstat(sys.__stdout__.fileno() if sys.__stdout__ else 1)
        return stat.S_ISREG(about.st_mode) and os.path.samestat(about, Path(path).stat())
    except (OSError, ValueError):
        return False
