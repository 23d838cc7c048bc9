"""The largest losses, in words."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.records.stack import Role
from truetpot.records.trace import StackRung, TracedKernel, TracedRole, TraceLoss

MOST = 3
_BESIDE = (Role.COLLECTIVE, Role.COPY)
_SMALL = (
    Role.NORM, Role.ROPE_CACHE, Role.ACTIVATION, Role.QUANTISE, Role.EMBEDDING, Role.SAMPLING,
    Role.OTHER, Role.UNKNOWN, Role.ATTENTION_REDUCTION,
)  # fmt: skip
"""Roles that read nothing which has to come from memory: a fused kernel has none of their time."""
_LONG_US = 5.0
"""A kernel of those roles that takes longer moves something: a cache, or weights, are copied."""


def losses(
    rung: StackRung | None, roles: Sequence[TracedRole], per: str, tokens: float
) -> list[TraceLoss]:
    """The three largest of: roles beyond what stands beside them, small kernels, pauses, the rest.

    A role is held against our kernel where there is one, else the ceiling, else the floor. Without
    any of these a large role is no loss that could be told. ``per`` is what the times are of:
    ``token``, of which a step yields ``tokens``, or ``step``. Calls are of a step.
    """
    found = [*_roles(roles, per), *_long(roles, per, tokens), *_small(roles, per, tokens)]
    if rung is not None:
        found += _rung(rung, per)
    best = sorted((one for one in found if one.ms > 0), key=lambda one: -one.ms)
    return best[:MOST]


def _roles(roles: Sequence[TracedRole], per: str) -> list[TraceLoss]:
    found = []
    for row in roles:
        if row.role in _BESIDE or (row.role in _SMALL and row.ours_ms is None):
            continue
        beside = next(
            (
                (ms, what)
                for ms, what in (
                    (row.ours_ms, f"truetpot's kernels ({row.ours})"),
                    (row.ceiling_ms, "its bytes or operations at the best rates found on the card"),
                    (row.floor_ms, "its bytes or operations at the datasheet's rates"),
                )
                if ms
            ),
            None,
        )
        if beside is None:
            continue
        ms, what = beside
        text = (
            f"{row.role} takes {row.ms:.3f} ms a {per}, {row.ms / ms:.2f} times the {ms:.3f} ms of"
            f" {what}; {_kernels(row.calls)} a step."
        )
        found.append(TraceLoss(what=row.role, ms=max(0.0, row.ms - ms), sentence=text))
    return found


def _kernels(calls: float) -> str:
    return f"{calls:,.4g} kernel" + ("" if calls == 1 else "s")


def _long(roles: Sequence[TracedRole], per: str, tokens: float) -> list[TraceLoss]:
    """Kernels that do a small role's work and take longer than that can."""
    return [
        TraceLoss(
            what=row.role,
            ms=one.ms,
            sentence=f"{_base(one.name)}, of {row.role}, takes {one.ms:.3f} ms a {per}, "
            f"{_kernels(one.calls)} a step: too long for what {row.role} has to read. It copies, "
            "as a cast or the repeat of keys and values for each query head does.",
        )
        for row in _unmatched(roles)
        for one in row.kernels
        if _is_long(one, tokens)
    ]


def _unmatched(roles: Sequence[TracedRole]) -> list[TracedRole]:
    """Small roles beside which no kernel of ours stands."""
    return [row for row in roles if row.role in _SMALL and row.ours_ms is None]


def _base(name: str) -> str:
    """A C++ kernel's name without its return type and its template's arguments."""
    return name.removeprefix("void ").partition("<")[0].rstrip() or name


def _is_long(one: TracedKernel, tokens: float) -> bool:
    return one.calls > 0 and one.ms * tokens / one.calls * 1e3 >= _LONG_US


def _small(roles: Sequence[TracedRole], per: str, tokens: float) -> list[TraceLoss]:
    own = _unmatched(roles)
    long = [one for row in own for one in row.kernels if _is_long(one, tokens)]
    ms = sum(row.ms for row in own) - sum(one.ms for one in long)
    calls = sum(row.calls for row in own) - sum(one.calls for one in long)
    names = ", ".join(row.role for row in own[:4])
    text = (
        f"{calls:,.4g} small kernels a step ({names}) take {ms:.3f} ms a {per}, though they read "
        "next to nothing: fused into their neighbours they take less."
    )
    return [TraceLoss(what="small kernels", ms=ms, sentence=text)]


def _rung(rung: StackRung, per: str) -> list[TraceLoss]:
    whole = rung.ms_per_token
    launches = "" if rung.launches is None else f" It launched {rung.launches:,.4g} times a {per}."
    waiting = ""
    if rung.waiting_ms:
        waiting = f"; at least {rung.waiting_ms:.3f} ms of it is waiting for other ranks"
    rows = (
        ("host", rung.gap_host_ms, "the device waits for the host's next launch", launches),
        ("queued", rung.gap_queued_ms, "pauses between kernels that were already submitted", ""),
        ("collectives", rung.collectives_ms, f"collectives that no kernel hides{waiting}", ""),
        ("copies", rung.copies_ms, "copies that no kernel hides", ""),
        ("unexplained", rung.unexplained_ms, "pauses whose cause the trace does not tell", ""),
    )
    return [
        TraceLoss(what=what, ms=max(0.0, ms), sentence=_sentence(ms, text, whole, per) + more)
        for what, ms, text, more in rows
    ]


def _sentence(ms: float, text: str, whole: float, per: str) -> str:
    share = ms / whole if whole else 0.0
    return f"{ms:.3f} ms, {share:.1%} of the {per}: {text}."
