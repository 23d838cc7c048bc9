"""Local memory: how many clocks a message takes, by the banks that its words lie in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from truetpot.facts.latencies import Latencies
from truetpot.isa.addresses import Access


def local_clocks(accesses: Iterable[Access], latencies: Latencies) -> tuple[float, float]:
    """Clocks of a core's local memory for some messages, and of the same without any conflict."""
    taken = free = 0.0
    for one in accesses:
        if one.message.space != "slm" or one.message.verb not in ("load", "store"):
            continue
        ideal = one.message.nbytes / latencies.local_bytes
        free += ideal
        taken += ideal * conflicts(one, latencies)
    return taken, free


def conflicts(access: Access, latencies: Latencies) -> float:
    """How often the fullest bank is asked, over how often it is where words lie side by side.

    The same word for several lanes is one. Lanes whose addresses cannot be compared are taken to
    lie side by side.
    """
    if access.message.block or len({address.base for address in access.addresses}) != 1:
        return 1.0
    each = access.message.nbytes // max(1, len(access.addresses))
    words: set[int] = set()
    for address in access.addresses:
        first = address.offset // latencies.bank_bytes
        words |= set(range(first, first + max(1, each // latencies.bank_bytes)))
    banks: dict[int, int] = defaultdict(int)
    for word in words:
        banks[word % latencies.banks] += 1
    return max(banks.values()) / -(-len(words) // latencies.banks)
