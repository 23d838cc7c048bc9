"""Which providers can have a time on a device: read from this checkout, and not imported.

What happens to be installed plays no part. ASV names a parameter by its position and reads these
files for every commit that it installs in turn: a provider must not come or go with a package.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

KERNELS = Path(__file__).parents[1] / "kernels"


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
    return {file.stem for file in files if kind in (devices_of(file) or {kind})}
