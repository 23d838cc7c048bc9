"""A kernel's launch and what its sub-groups did in it, as one answer, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field

from truetpot.isa.assembly import Code
from truetpot.isa.execute import UnknownError
from truetpot.isa.launch import Hollow, Launch
from truetpot.isa.message import Message
from truetpot.isa.trace import Traced, trace
from truetpot.isa.zeinfo import KernelInfo

SMALL = 0.1
"""Share of all bytes below which an argument that is asked for again and again is in a cache."""


@dataclass(frozen=True)
class Followed:
    """`reason` says why `traced`, or the launch too, is missing."""

    launch: Launch | None
    traced: Traced | None
    sub_groups: int = 1
    """Of a work-group."""
    reason: str | None = None
    cached: set[str] = field(default_factory=set)
    """Arguments that a cache serves, by their names in the source."""
    passes: float | None = None
    """How often the largest argument is read."""
    kernel_bytes: int | None = None
    """Of all arguments, each byte once."""
    beyond: dict[str, int] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[int, int] | None:
        """Work-groups, and sub-groups of one."""
        return None if self.launch is None else (self.launch.work_groups, self.sub_groups)


def follow(
    code: Code,
    info: KernelInfo,
    launch: Launch | str,
    register_bytes: int,
    sends: list[Message | None],
) -> Followed:
    """Trace the launch, and set what it reads against the sizes of its arguments."""
    if isinstance(launch, str):
        return Followed(None, None, reason=launch)
    sub_groups = -(-launch.items // info.simd)
    try:
        traced = trace(code, info, launch, register_bytes, sends)
    except UnknownError as error:
        return Followed(launch, None, sub_groups, str(error))
    asked, differing = {}, {}
    for index, nbytes in traced.requested.items():
        arg = launch.args[index] if index < len(launch.args) else None
        if isinstance(arg, Hollow) and arg.nbytes:
            asked[index] = nbytes * launch.work_groups
            differing[index] = min(traced.unique[index] * launch.work_groups, arg.nbytes)
    if not differing:
        return Followed(launch, traced, sub_groups)
    whole = sum(differing.values())
    largest = max(differing, key=lambda index: differing[index])
    passes = asked[largest] / differing[largest]
    cached = {
        info.names.get(index, f"arg{index}")
        for index, nbytes in differing.items()
        if nbytes < SMALL * whole and asked[index] / nbytes > 2 * passes
    }
    beyond = {info.names.get(i, f"arg{i}"): n for i, n in traced.beyond.items()}
    return Followed(launch, traced, sub_groups, None, cached, passes, whole, beyond)
