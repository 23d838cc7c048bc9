"""What the source says of a class, its fields and its members: the text below each."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache
from typing import get_type_hints


def about(kind: type) -> str:
    """A class's docstring, for markdown."""
    return _markdown(inspect.cleandoc(kind.__doc__ or ""))


def fields_told(kind: type) -> dict[str, str]:
    """The sentence below each field that has one, those of the classes above included."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        found |= _told(one.__module__).get(one.__name__, {})
    return {name: text for name, text in found.items() if name in get_type_hints(kind)}


def members_told(enum: type) -> dict[str, str]:
    """The sentence below each member of an enum that has one."""
    return _told(enum.__module__).get(enum.__name__, {})


@cache
def _told(module: str) -> dict[str, dict[str, str]]:
    """By class and name, of a module."""
    if module not in sys.modules or not getattr(sys.modules[module], "__file__", None):
        return {}
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: dict(_pairs(node)) for node in classes}


def _pairs(node: ast.ClassDef) -> list[tuple[str, str]]:
    """Names in a class body and the text that follows each."""
    found = []
    for one, after in zip(node.body, node.body[1:], strict=False):
        target: ast.expr | None = None
        if isinstance(one, ast.AnnAssign):
            target = one.target
        elif isinstance(one, ast.Assign):
            target = one.targets[0]
        match after:
            case ast.Expr(value=ast.Constant(value=str(text))) if isinstance(target, ast.Name):
                found.append((target.id, _markdown(" ".join(text.split()))))
    return found


def _markdown(text: str) -> str:
    """Single backticks, and a role's target alone."""
    return re.sub(r":\w+:`(\w+)`", r"`\1`", text.replace("``", "`"))
