"""Which cases a command measures or checks kernels on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from truetpot.decode.cases import StepCase
from truetpot.errors import UserError
from truetpot.facts.workload import Workload
from truetpot.ops import (
    LINEAR,
    LINEAR_SILU_MUL,
    LinearCase,
    Operator,
    SiluMulCase,
)
from truetpot.text import meant, shortened


def choose(
    cases: Iterable[StepCase], ops: tuple[str, ...] | None, roles: tuple[str, ...] | None
) -> list[StepCase]:
    """Those of the given operators and roles; a fused role has the names of its parts too."""
    cases = list(cases)
    names = {name for case in cases for name in _names(case)}
    if roles is not None and (unknown := [role for role in roles if role not in names]):
        known, near = ", ".join(sorted(names)), meant(unknown[0], sorted(names))
        raise UserError(f"No call has the role {unknown[0]!r}{near}; known are {known}.")
    return [
        case
        for case in cases
        if (ops is None or case.op.name in ops) and (roles is None or _names(case) & set(roles))
    ]


def on_grid(op: Operator, dtypes: Collection[str]) -> list[StepCase]:
    """The cases of the operator's own grid in these dtypes, for one that no model's step calls."""
    return [StepCase(op, case, (), 0) for case in op.grid() if case.dtype in dtypes]


def _names(case: StepCase) -> set[str]:
    return {name for role in case.roles for name in (role, *role.split("+"))}


def shaped(text: str, shape: Workload, ops: tuple[str, ...]) -> list[StepCase]:
    """Cases of ``NxK`` weights instead of a model's, for as many rows of x as the batch has.

    ``n=..,k=..[,m=..]`` says the rows of x too. Raises UserError for any other text.
    """
    both = re.fullmatch(r"(\d{1,9})[xX](\d{1,9})", text)
    words = both.expand(r"n=\1,k=\2") if both else text
    try:
        given = {name: int(value) for name, value in (p.split("=") for p in words.split(","))}
    except ValueError:
        given = {}
    if not {"n", "k"} <= given.keys() <= {"n", "k", "m"} or min(given.values()) < 1:
        raise UserError(
            f"--shape {shortened(text)!r} is not of the form 27648x5120, or n=27648,k=5120,m=4."
        )
    m, n, k = given.get("m", shape.rows), given["n"], given["k"]
    linear = LinearCase(shape.dtype, m, n, k, shape.format)
    found = []
    for name in ops:
        if name == LINEAR.name:
            found.append(StepCase(LINEAR, linear, (), 1))
        elif name == LINEAR_SILU_MUL.name:
            if n % 2:
                raise UserError(f"--shape {text!r}: n is gate and up together; give an even n.")
            case = LINEAR_SILU_MUL.case(linear, SiluMulCase(shape.dtype, m, n // 2))
            found.append(StepCase(LINEAR_SILU_MUL, case, (), 1))
        else:
            raise UserError(f"--shape is for linear and linear_silu_mul, not for {name}.")
    return found
