"""Replace runs of calls by composites, where a provider has a kernel for them.

Nothing here knows which composites exist: one that is declared is used as soon as a provider
registers a kernel for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from truetpot.decode.program import Arg, Call, Program, decode_program
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.ops import Case, Composite, Operator

Rank = Callable[[Operator, Case], int | None]
"""Position of the first provider, in the user's order, that can run the case; None if none can."""


def fused_program(
    model: Model, shape: Workload, rank: Rank, composites: Iterable[Composite]
) -> Program:
    """The step with as few calls as the composites allow, of the two ways to write it.

    As in :func:`fuse`, a provider that comes first is worth more than a call that is saved.
    """
    composites = tuple(composites)

    def order(program: Program) -> tuple[float, int]:
        positions = (rank(call.op, call.case) for call in program.calls)
        each = [float("inf") if position is None else position for position in positions]
        return sum(each), len(each)

    plain, apart = (
        fuse(decode_program(model, shape, apart), rank, composites) for apart in (False, True)
    )
    return min(plain, apart, key=order)


def fuse(program: Program, rank: Rank, composites: Iterable[Composite]) -> Program:
    """The program with each run of calls that a composite covers replaced by one call.

    From left to right: among the composites that match at a call, and the call itself, the one
    whose provider comes first wins, then the largest. A composite does not displace a part that
    has a kernel of a provider before its own.
    """
    composites = tuple(composites)
    uses = Counter(value for call in program.calls for value in call.args.values())
    uses.update(program.outputs)

    def order(option: Call) -> tuple[float, int]:
        position = rank(option.op, option.case)
        return float("inf") if position is None else position, -_length(option)

    def preferred(call: Call, parts: Sequence[Call]) -> bool:
        return all(order(call)[0] <= order(part)[0] for part in parts)

    calls: list[Call] = []
    rest = program.calls
    while rest:
        options = [rest[0]]
        for composite in composites:
            run = rest[: len(composite.parts)]
            call = _fused(composite, run, uses)
            if call is not None and preferred(call, run):
                options.append(call)
        best = min(options, key=order)
        calls.append(best)
        rest = rest[_length(best) :]
    return replace(program, calls=tuple(calls))


def _length(call: Call) -> int:
    return len(call.op.parts) if isinstance(call.op, Composite) else 1


def _fused(composite: Composite, run: Sequence[Call], uses: Counter[Arg]) -> Call | None:
    """The run as one call of the composite; None where it does not match.

    It matches when the operators are the composite's parts, each part's result goes into the next
    one's wire and nowhere else, and inputs that parts share by name are the same value.
    """
    if [call.op.name for call in run] != [part.name for part in composite.parts]:
        return None
    args: dict[str, Arg] = {}
    flatten: list[str] = []
    for i, call in enumerate(run):
        wire = composite.wires[i - 1] if i else None
        if wire is not None and call.args[wire] != run[i - 1].outputs[0]:
            return None
        for name, value in call.args.items():
            if name != wire and args.setdefault(name, value) != value:
                return None
        flatten += [name for name in call.flatten if name != wire]
    for call in run[:-1]:
        if uses[call.outputs[0]] != 1 or any(uses[name] for name in call.outputs[1:]):
            return None
    return Call(
        op=composite,
        case=composite.case(*(call.case for call in run)),
        role="+".join(call.role for call in run),
        layer=run[0].layer,
        args=args,
        outputs=run[-1].outputs,
        flatten=tuple(flatten),
    )
