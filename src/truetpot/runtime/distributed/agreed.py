"""What ranks decide by, as one value for all of them.

Ranks of one run may sit on different cards, with different memory left, caches and libraries. A
number of copies, calls or kernels that one of them works out by itself then differs from the
others', and a collective waits for a rank that never comes. So the inputs of every such decision
are agreed upon, and each rank comes to the same. All ranks ask together; a process alone has its
own.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import TypeVar

from truetpot.runtime.device import Device
from truetpot.runtime.group import Group

T = TypeVar("T", bound=Hashable)


def free_bytes(device: Device) -> int | None:
    """The least that any rank has; None where none knows."""
    free = device.free_bytes()
    least = device.group.least(math.inf if free is None else free)
    return None if math.isinf(least) else int(least)


def cache_bytes(device: Device) -> int:
    """The largest cache of any rank: what must come from memory comes from memory on all."""
    return int(device.group.most(device.cache_bytes()))


def graphs(device: Device) -> bool:
    """Whether every rank's device may capture."""
    return bool(device.group.least(device.graphs))


def common(group: Group, mine: Iterable[T]) -> list[T]:
    """What every rank has of these, in rank 0's order."""
    first, *others = group.gather(list(mine))
    return [one for one in first if all(one in other for other in others)]
