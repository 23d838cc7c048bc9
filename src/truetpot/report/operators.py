"""The docs page of the operators: what each takes and gives, from its own declaration."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from truetpot.ops import COMPOSITES, OPERATORS, Composite, Operator
from truetpot.ops.inputs import Axes, Category, Input, Known, Normal

COMMAND = (
    "python -c \"from truetpot.report.operators import operators_page as page; "
    "print(page(), end='')\" > docs/operators.md"
)
_HEAD = """# Operators

What each operator takes, as it declares it. A shape names fields and properties of the operator's
case (`src/truetpot/ops/<op>.py`), whose docstrings say what they are. So do the dtypes `dtype`,
which is that of the activations, `weight_format`, `kv_format` and `logits`. `int` is a number of
the host. The values are those of a check and of a timing of one kernel; a step has its own.

A `weight` is packed by the provider. Weights and caches are read from memory when a kernel is
timed; `activation` and `parameter` may come out of a cache, as in a step. `read` is the part that a
call has to read, where that is not all; `where` the field without which the input is None.
"""
_COLUMNS = (
    "| input | shape | dtype | category | values | read | where |\n"
    "|---|---|---|---|---|---|---|"
)


def operators_page() -> str:
    """The text of `docs/operators.md`, made of what the operators declare."""
    simple = [op for op in OPERATORS.values() if op not in COMPOSITES]
    parts = [_HEAD, *map(_simple, simple), "## Composites\n", _composites()]
    return "\n".join(parts)


def _simple(op: Operator) -> str:
    rows = "\n".join(map(_row, op.takes))
    return f"## {op.name}\n\n{_about(op)} {_gives(op)}\n\n{_COLUMNS}\n{rows}\n"


def _about(op: Operator) -> str:
    """What the operator's module says of it."""
    return _sentence(sys.modules[type(op).__module__])


def _gives(op: Operator) -> str:
    changes = f"; may change {_names(op.mutates)} in place" if op.mutates else ""
    return f"Returns {_names(op.returns)}{changes}."


def _row(one: Input) -> str:
    read = "" if one.read is None else "nothing" if one.read == (0,) else _axes(one.read)
    where = f"`{one.given}`" if one.given else ""
    cells = (f"`{one.name}`", _axes(one.shape), f"`{one.dtype}`", one.category, _values(one))
    return "| " + " | ".join((*cells, read, where)) + " |"


def _values(one: Input) -> str:
    """How they are drawn: of a function, what it says of itself."""
    if isinstance(one.draw, Normal):
        return f"normal, mean {one.draw.mean:g}, deviation {one.draw.std:g}"
    if isinstance(one.draw, Known):
        return "the case's own"
    if one.draw is not None:
        return _sentence(one.draw).rstrip(".")
    return "random codes and scales" if one.category is Category.WEIGHT else "normal"


def _sentence(what: object) -> str:
    return (inspect.getdoc(what) or "").partition("\n")[0].replace("``", "`")


def _composites() -> str:
    rows = ["| composite | parts | takes | returns |", "|---|---|---|---|"]
    for op in sorted(COMPOSITES, key=lambda op: op.name):
        takes, gives = _names(one.name for one in op.takes), _names(op.returns)
        rows.append(f"| `{op.name}` | {_chain(op)} | {takes} | {gives} |")
    return "\n".join(rows) + "\n"


def _chain(op: Composite) -> str:
    """The parts in order, each with the input that the one before feeds."""
    fed = (f"`{p.name}` by `{w}`" for p, w in zip(op.parts[1:], op.wires, strict=True))
    return ", ".join((f"`{op.parts[0].name}`", *fed))


def _axes(axes: Axes) -> str:
    return f"`[{', '.join(map(str, axes))}]`" if axes else ""


def _names(names: Iterator[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
