"""Which providers can have a time on a device: read from this checkout, and not imported.

What happens to be installed plays no part. ASV names a parameter by its position and reads these
files for every commit that it installs in turn: a provider must not come or go with a package.
"""

from __future__ import annotations

import ast
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NODES = ("dri/renderD*", "nvidia[0-9]*", "nvidiactl", "kfd", "dxg", "accel/*")
"""Below ``/dev``: what a card's driver makes on Linux, by vendor; ``dxg`` is WSL's."""

KERNELS = Path(__file__).parents[1] / "kernels"
FACTS = KERNELS.with_name("src") / "truetpot/facts"


@cache
def devices_of(file: Path) -> frozenset[str] | None:
    """Kinds of devices that a kernel file registers for; None where it does not say so plainly."""
    tree = ast.parse(file.read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "register":
            continue
        for keyword in node.keywords:
            if keyword.arg == "devices":
                found |= set(_value(keyword.value, tree))
    return frozenset(found) or None


def _value(node: ast.expr, tree: ast.Module) -> tuple[str, ...]:
    """A tuple of names, or a name for one that another file of ``kernels/`` defines."""
    if isinstance(node, ast.Name):
        for statement in tree.body:
            brings = isinstance(statement, ast.ImportFrom) and statement.module
            if brings and any(alias.name == node.id for alias in statement.names):
                inside = brings.removeprefix("truetpot.kernels.").split(".")
                other = ast.parse(KERNELS.joinpath(*inside).with_suffix(".py").read_text())
                return _value(_assigned(other, node.id), other)
        return _value(_assigned(tree, node.id), tree)
    if isinstance(node, ast.IfExp):  # for tests in Triton's interpreter, or else
        return _value(node.orelse, tree)
    value: tuple[str, ...] = ast.literal_eval(node)
    return value


def _assigned(tree: ast.Module, name: str) -> ast.expr:
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(getattr(target, "id", "") == name for target in targets):
            return statement.value
    raise ValueError(f"{name} is not assigned at the top of its file")


def built_in(op: str | None, kind: str, kernels: Path = KERNELS) -> set[str]:
    """Providers of ``kernels/`` that have a kernel of an operator (None: any) for a device kind."""
    files = kernels.glob(f"{op or '*'}/[!_]*.py")
    return {file.stem for file in files if runs_on(kind, devices_of(file) or {kind})}


def runs_on(kind: str, devices: Iterable[str]) -> bool:
    """Whether what is registered for these devices runs on a kind; ``torch`` is all of torch's."""
    of_torch = _facts("kinds").get(kind, {}).get("torch", False)
    return kind in devices or ("torch" in devices and of_torch)


def usual_dtype(device: str) -> str:
    """That of activations on a device, by the kind in its name."""
    dtype: str = _facts("kinds")[device.partition(":")[0]]["dtype"]
    return dtype


@cache
def _facts(name: str) -> dict[str, dict[str, Any]]:
    """A table of this checkout, not of what is installed."""
    return tomllib.loads((FACTS / f"{name}.toml").read_text())


def absent(op: str | None, provider: str, kernels: Path = KERNELS) -> str:
    """The package that a built-in provider needs and this environment lacks; empty if none.

    Nothing is imported: a process that is n/a should not wait for torch.
    """
    files = list(kernels.glob(f"{op or '*'}/{provider}.py"))
    if not files:
        return ""  # a user's own, which is to be imported
    needed = [root for root in _roots(files[0]) if find_spec(root) is None]
    known = _facts("providers").get(provider, {})
    late = known.get("modules", [])
    if late and not os.environ.get(known.get("variable", "")) and not any(map(find_spec, late)):
        needed.append(late[0])
    return needed[0] if needed else ""


def _roots(file: Path) -> list[str]:
    """The packages that a file imports at its top, by their first name."""
    names = []
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def without_card(folder: Path = Path("/dev")) -> bool:
    """Whether this is Linux without a device node of any card: then torch need not be asked."""
    return sys.platform == "linux" and not any(any(folder.glob(node)) for node in NODES)


def forkable(variables: Mapping[str, str]) -> bool:
    """Whether a benchmark may be forked from a process that has imported torch: on a CPU of Linux.

    A GPU's runtime does not survive that; of a CPU's no thread runs before something is computed.
    """
    wanted = variables.get("TRUETPOT_BENCH_DEVICE") or "auto"
    return sys.platform == "linux" and (wanted == "cpu" or (wanted == "auto" and without_card()))
