"""Roles by shape and by position: what the kernels of one step are, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from truetpot.records.stack import PlacedBy, Role
from truetpot.stack.roles import ELEMENTWISE, FILL, GEMM, REDUCTION
from truetpot.stack.trace import Gemm

_ATTENTION = (Role.ATTENTION, Role.ATTENTION_REDUCTION)
_BEFORE_PRODUCT = (Role.QKV, Role.GATE_UP, Role.LM_HEAD)


@dataclass
class Assigned:
    """Role of each kernel of a step, how it was found, and how many layers there were."""

    roles: list[str]
    by: list[PlacedBy]
    layers: int = 0
    segments: list[list[int]] = field(default_factory=list)


def assign(
    classes: Sequence[str],
    gemms: Sequence[Gemm | None],
    shapes: Mapping[tuple[int, int], str],
) -> Assigned:
    """The roles of one step.

    ``classes`` are those of the names, ``shapes`` the role of a product by its n and k, in parts
    too, as q, k and v may be products of their own. A product between two runs of attention is o if
    it is the first, qkv if it is the last, and of the MLP between them, where down is the last.
    """
    found = Assigned(list(classes), [PlacedBy.NAME] * len(classes))
    runs = _runs_of_attention(classes)
    found.layers = len(runs)
    products = [i for i, one in enumerate(classes) if one == GEMM]
    for i in products:
        shape = gemms[i]
        known = None if shape is None else shapes.get((shape.n, shape.k))
        if known is not None:
            found.roles[i], found.by[i] = known, PlacedBy.SHAPE
    if runs:
        _by_layers(found, classes, runs, products)
    _reductions(found)
    _between(found)
    for i, role in enumerate(found.roles):
        if role == FILL:
            found.roles[i] = Role.COPY
        elif role == ELEMENTWISE:
            found.roles[i] = Role.OTHER
        elif role in (GEMM, Role.UNKNOWN):
            found.by[i] = PlacedBy.NOTHING
    return found


def _runs_of_attention(classes: Sequence[str]) -> list[tuple[int, int]]:
    """First and last kernel of each attention, its reduction among them.

    Copies, filling and elementwise kernels may lie inside; any other kernel ends a run.
    """
    runs: list[tuple[int, int]] = []
    open_run = False
    for i, one in enumerate(classes):
        if one in _ATTENTION:
            if open_run:
                runs[-1] = runs[-1][0], i
            else:
                runs.append((i, i))
            open_run = True
        elif one not in (ELEMENTWISE, FILL, Role.COPY, Role.ROPE_CACHE):
            open_run = False
    return runs


def _by_layers(
    found: Assigned, classes: Sequence[str], runs: list[tuple[int, int]], products: list[int]
) -> None:
    edges = [-1, *(last for _, last in runs)], [*(first for first, _ in runs), len(classes)]
    for at, (begin, end) in enumerate(zip(*edges, strict=True)):
        inside = [i for i in products if begin < i < end]
        first, last = at == 0, at == len(runs)
        split = _split(inside, classes, begin, end)
        if first:
            # what comes before the first attention may have a router or an encoder before qkv
            _set(found, split[-1] if split else [], Role.QKV)
        elif len(split) >= 3 or (last and len(split) == 2):
            _set(found, split[0], Role.O)
            for part in split[1:-1] if not last or len(split) > 2 else split[1:]:
                _mlp(found, part, classes)
            if not last or len(split) > 2:
                _set(found, split[-1], Role.LM_HEAD if last else Role.QKV)
        elif len(inside) >= 4:
            _by_count(found, inside, classes, last)
        elif inside:
            _set(found, inside[:1], Role.O)


def _split(inside: list[int], classes: Sequence[str], begin: int, end: int) -> list[list[int]]:
    """Products between norms; those without one between them stay together."""
    parts: list[list[int]] = []
    new = True
    wanted = set(inside)
    for i in range(begin + 1, end):
        if i in wanted:
            if new:
                parts.append([])
            parts[-1].append(i)
            new = False
        elif classes[i] == Role.NORM:
            new = True
    return parts


def _by_count(found: Assigned, inside: list[int], classes: Sequence[str], last: bool) -> None:
    """No norms were known: o, the MLP as the activation splits it, then qkv or lm_head."""
    _set(found, inside[:1], Role.O)
    rest = inside[1:]
    turns = [i for i in range(rest[0], rest[-1]) if classes[i] == Role.ACTIVATION]
    after = [i for i in rest if turns and i > turns[-1]]
    down = after[0] if after else rest[min(1, len(rest) - 1)]
    _mlp(found, [i for i in rest if i <= down], classes)
    _set(found, [i for i in rest if i > down], Role.LM_HEAD if last else Role.QKV)


def _mlp(found: Assigned, part: list[int], classes: Sequence[str]) -> None:
    """The last is down; a single one is the whole MLP's, as of a fused mixture of experts."""
    _set(found, part[:-1], Role.GATE_UP)
    _set(found, part[-1:], Role.DOWN if len(part) > 1 else Role.GEMM)


def _set(found: Assigned, which: list[int], role: Role) -> None:
    for i in which:
        if found.roles[i] == GEMM:
            found.roles[i], found.by[i] = role, PlacedBy.PLACE


def _reductions(found: Assigned) -> None:
    """The sum of a product's parts belongs to the product before it."""
    before: str = Role.GEMM
    for i, role in enumerate(found.roles):
        if role == REDUCTION:
            found.roles[i], found.by[i] = before, PlacedBy.PLACE
        elif role in (*_BEFORE_PRODUCT, Role.O, Role.DOWN, Role.GEMM):
            before = role


def _between(found: Assigned) -> None:
    """Elementwise kernels, by the products and attention on both sides of them."""
    marks = {*_BEFORE_PRODUCT, Role.O, Role.DOWN, *_ATTENTION, Role.SAMPLING}
    after: list[str] = [""] * len(found.roles)
    coming = ""
    for i in range(len(found.roles) - 1, -1, -1):
        after[i] = coming
        coming = found.roles[i] if found.roles[i] in marks else coming
    before = ""
    for i, role in enumerate(found.roles):
        if role in marks:
            before = role
        elif role == ELEMENTWISE and (new := _neighbour(before, after[i])):
            found.roles[i], found.by[i] = new, PlacedBy.PLACE


def _neighbour(before: str, after: str) -> Role | None:
    if before == Role.QKV and after in (*_ATTENTION, Role.QKV):
        return Role.ROPE_CACHE
    if before == Role.GATE_UP and after in (Role.GATE_UP, Role.DOWN):
        return Role.ACTIVATION
    if before in (Role.O, Role.DOWN) and after in _BEFORE_PRODUCT:
        return Role.NORM
    if before == Role.SAMPLING or (before == Role.LM_HEAD and after == Role.SAMPLING):
        return Role.SAMPLING
    return None
