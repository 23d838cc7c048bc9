"""One sub-group executed as far as its addresses and branches go: integers, flags, loops.

Nothing else is computed: what comes from memory is not known, and neither is what follows from it.
Work-items have an instruction pointer each; the rearmost go first, which is how the code's own
gotos and joins bring them together again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from truetpot.isa.arithmetic import execute
from truetpot.isa.assembly import Code, Instruction
from truetpot.isa.state import State, predicate

MOST_STEPS = 500_000
"""Instructions of a launch's sub-groups that are followed before it is given up: sends, branches,
and what these depend on. Others are only counted, many at a time."""


class UnknownError(Exception):
    """Where a sub-group goes depends on what is not known here; the message says what."""


class _Kind:
    """What the loop below asks of an instruction each time."""

    __slots__ = ("branch", "full", "last", "plain", "send")

    def __init__(self, one: Instruction) -> None:
        self.send, self.branch = one.kind == "send", bool(one.labels)
        self.last = self.send and "end of thread" in one.comment
        self.plain = one.everywhere and not one.predicate
        self.full = np.ones(one.lanes, bool)


class Walk:
    """A code made ready to be walked through by one sub-group after the other.

    Of what is neither a send nor a branch only the indices in `wanted` are computed. `most` is the
    number of instructions that all sub-groups together may take.
    """

    def __init__(self, code: Code, wanted: set[int], most: int = MOST_STEPS) -> None:
        self.code, self.most, self.taken = code, most, 0
        self._kinds = [_Kind(one) for one in code.instructions]
        some = range(len(self._kinds))
        self._next = [len(some)] * (len(some) + 1)
        for i in reversed(some):
            stops = i in wanted or self._kinds[i].send or self._kinds[i].branch
            self._next[i] = i if stops else self._next[i + 1]

    def run(self, state: State, send: Callable[[int, Instruction, np.ndarray], None]) -> np.ndarray:
        """Execute until the end of the thread; how often each instruction was.

        `send` is called for each send with the lanes that do it. Raises UnknownError where a branch
        depends on what is not known, or where `most` are taken.
        """
        some = self.code.instructions
        passed = np.zeros(len(some) + 1, np.int64)  # how many more come here than go on
        pointer = np.zeros(state.lanes, np.int64)
        while (index := int(pointer.min())) < len(some):
            here = pointer == index
            # straight on as far as all who are here go the same way
            stop = int(pointer[~here].min()) if not here.all() else len(some)
            passed[index] += 1
            while (index := self._next[index]) < stop:
                one, kind = some[index], self._kinds[index]
                self.taken += 1
                if kind.send:
                    send(index, one, _mask(one, state, here))
                elif kind.branch:
                    break
                else:
                    execute(one, state, kind.full if kind.plain else _mask(one, state, here))
                index += 1
                if kind.last:
                    passed[index] -= 1
                    return np.cumsum(passed)[:-1]
            if self.taken > self.most:
                raise UnknownError(f"it takes more than {self.most} instructions")
            if index < stop:
                passed[index + 1] -= 1
                _branch(self.code, index, state, here, pointer)
            else:
                passed[stop] -= 1
                pointer[here] = stop
        return np.cumsum(passed)[:-1]


def _mask(one: Instruction, state: State, here: np.ndarray) -> np.ndarray:
    """Lanes of the instruction that execute it; where that is not known, those that may."""
    if one.everywhere:
        mask = np.ones(one.lanes, bool)
    else:
        mask = here[one.first : one.first + one.lanes]
        if len(mask) < one.lanes:  # wider than the sub-group: only the first lanes are there
            mask = np.concatenate([mask, np.zeros(one.lanes - len(mask), bool)])
    if one.predicate and one.name != "sel":
        values, known = predicate(one, state)
        state.sure &= one.kind != "send" or bool(known[mask].all())
        mask = mask & (values | ~known)
    return mask


def _branch(code: Code, index: int, state: State, here: np.ndarray, pointer: np.ndarray) -> None:
    one = code.instructions[index]
    name = one.name
    target = code.labels.get(one.labels[-1], index + 1)
    if name in ("join", "endif"):
        pointer[here] = index + 1
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
    pointer[here] = index + 1
    pointer[taken] = target


def _spread(one: Instruction, values: np.ndarray, lanes: int) -> np.ndarray:
    if len(values) >= lanes:
        return values[:lanes]
    whole = np.zeros(lanes, values.dtype)
    whole[one.first : one.first + len(values)] = values[: lanes - one.first]
    return whole
