"""What operators and providers may be called on a command line: read from this checkout."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.offered import KERNELS
from truetpot.errors import UserError
from truetpot.text import meant, shortened

BENCHMARKS = Path(__file__).parents[1]


def camel(name: str) -> str:
    """The class that times an operator: ``RmsNorm`` of ``rms_norm``."""
    return "".join(part.capitalize() for part in name.split("_"))


def check_names(operators: Iterable[str], provider: str | None) -> None:
    """Raise UserError for an operator that nothing times, and for a provider without a kernel."""
    classes = [
        (file.stem, node.name)
        for file in BENCHMARKS.glob("[!_]*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef)
    ]
    public = {_snake(name) for _, name in classes if not name.startswith("_")}
    timed = sorted(public | {stem for stem, _ in classes})
    for name in operators:
        _one_of(name, timed, "operator or file of benchmarks")
    if provider is not None:
        known = {file.stem for file in KERNELS.glob("[!_]*/[!_]*.py")}
        _one_of(provider, sorted(known), "provider")


def _one_of(name: str, known: list[str], what: str) -> None:
    if name not in known:
        raise UserError(
            f"There is no {what} {shortened(name)!r}{meant(name, known)}; known are "
            f"{', '.join(known)}."
        )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
