"""One sub-group executed as far as its addresses and branches go: integers, flags, loops.

Nothing else is computed: what comes from memory is not known, and neither is what follows from it.
Work-items have a place in the code each; the rearmost go first, which is how the code's own gotos
and joins bring them together again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from truetpot.isa.arithmetic import execute
from truetpot.isa.assembly import Code, Instruction
from truetpot.isa.state import State, predicate

MOST_STEPS = 100_000
"""Instructions of a sub-group that are followed before it is given up."""


class UnknownError(Exception):
    """Where a sub-group goes depends on what is not known here; the message says what."""


class _Kind:
    """What the loop below asks of an instruction each time."""

    __slots__ = ("branch", "full", "last", "plain", "send", "wanted")

    def __init__(self, one: Instruction, wanted: bool) -> None:
        self.send = one.kind == "send"
        self.branch, self.wanted = bool(one.labels), wanted
        self.last = self.send and "end of thread" in one.comment
        self.plain = one.everywhere and not one.predicate
        self.full = np.ones(one.lanes, bool)


def run(
    code: Code,
    state: State,
    wanted: set[int],
    send: Callable[[int, Instruction, np.ndarray], None],
) -> np.ndarray:
    """Execute until the end of the thread; how often each instruction was.

    Only what is `wanted` is computed. `send` is called for each send with the lanes that do it.
    Raises UnknownError where a branch depends on what is not known, or after MOST_STEPS.
    """
    some = code.instructions
    kinds = [_Kind(one, i in wanted) for i, one in enumerate(some)]
    counts = np.zeros(len(some), np.int64)
    place = np.zeros(state.lanes, np.int64)
    steps = 0
    while True:
        index = int(place.min())
        if index >= len(some):
            return counts
        here = place == index
        # straight on as far as all who are here go the same way
        stop = int(place[~here].min()) if not here.all() else len(some)
        while index < stop:
            kind = kinds[index]
            counts[index] += 1
            steps += 1
            if kind.send:
                send(index, some[index], _mask(some[index], state, here))
                if kind.last:
                    return counts
            elif kind.branch:
                break
            elif kind.wanted:
                one = some[index]
                execute(one, state, kind.full if kind.plain else _mask(one, state, here))
            index += 1
        if steps > MOST_STEPS:
            raise UnknownError(f"it takes more than {MOST_STEPS} instructions")
        place[here] = index
        if index < stop and some[index].labels:
            _branch(code, index, state, here, place)


def _mask(one: Instruction, state: State, here: np.ndarray) -> np.ndarray:
    """Lanes of the instruction that execute it; where that is not known, those that may."""
    if one.everywhere:
        mask = np.ones(one.lanes, bool)
    else:
        mask = here[one.first : one.first + one.lanes]
        if len(mask) < one.lanes:  # wider than the sub-group: only the first lanes are there
            mask = np.concatenate([mask, np.zeros(one.lanes - len(mask), bool)])
    if one.predicate and one.op.partition(".")[0] != "sel":
        values, known = predicate(one, state)
        state.sure &= one.kind != "send" or bool(known[mask].all())
        mask = mask & (values | ~known)
    return mask


def _branch(code: Code, index: int, state: State, here: np.ndarray, place: np.ndarray) -> None:
    one = code.instructions[index]
    name = one.op.partition(".")[0]
    target = code.labels.get(one.labels[-1], index + 1)
    if name in ("join", "endif"):
        place[here] = index + 1
        return
    taken = here.copy()
    if one.predicate:
        values, known = predicate(one, state)
        if one.lanes == 1 and state.lanes > 1:  # jmpi: the whole sub-group
            values, known = (np.full(state.lanes, v[0]) for v in (values, known))
        values, known = _spread(one, values, state.lanes), _spread(one, known, state.lanes)
        if not known[here].all():
            if target <= index:
                raise UnknownError(f"the loop that ends at {one.offset} depends on what was loaded")
            values = np.zeros(state.lanes, bool)  # what it would leave out is counted
            state.sure = False
        taken = here & values
    if name == "if":
        taken, target = here & ~taken, code.labels.get(one.labels[0], index + 1)
    elif name == "else":
        target = code.labels.get(one.labels[0], index + 1)
    place[here] = index + 1
    place[taken] = target


def _spread(one: Instruction, values: np.ndarray, lanes: int) -> np.ndarray:
    if len(values) >= lanes:
        return values[:lanes]
    whole = np.zeros(lanes, values.dtype)
    whole[one.first : one.first + len(values)] = values[: lanes - one.first]
    return whole
