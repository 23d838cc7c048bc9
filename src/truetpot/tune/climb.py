"""Which configurations to look at next: each of a few; of many a sample, then whatever leads on.

Launch parameters are smooth enough for that: what is best has neighbours that are good. It takes
about forty looks where a kernel has two hundred configurations, and a look costs a compilation.
"""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.ops.registry import Config
from truetpot.records.tune import Figures

FEW = 32
"""So many are all looked at."""
SAMPLE = 16
LEADERS = 2
"""How many of the fastest are followed: one may stand on a hill of its own."""


def next_looks(configs: Sequence[Config], looks: Sequence[Figures]) -> list[Config]:
    """Of ``configs``, the default first, those to look at now; none at the end of the search.

    The sample is every n-th of the list, and the default's neighbours: what differs from it in one
    parameter. After that it is the neighbours of the fastest, until none of them is new.
    """
    default, *others = configs
    seen = [look.config for look in looks]
    if len(others) <= FEW:
        wanted = others
    else:
        step = -(-len(others) // SAMPLE)
        wanted = [*_neighbours(default, others), *others[::step]]
        if all(config in seen for config in wanted):
            timed = [(1.0, default), *((look.gain, look.config) for look in looks if look.gain)]
            fastest = sorted(timed, key=lambda pair: -pair[0])[:LEADERS]
            wanted = [near for _, config in fastest for near in _neighbours(config, others)]
    new = []
    for config in wanted:
        if config not in seen and config not in new:
            new.append(config)
    return new


def most_looks(configs: Sequence[Config]) -> int:
    """A guess at how many there will be, to share the time out."""
    others = len(configs) - 1
    return others if others <= FEW else min(others, 3 * SAMPLE)


def _neighbours(config: Config, others: Sequence[Config]) -> list[Config]:
    return [
        other
        for other in others
        if other.keys() == config.keys()
        and sum(value != config[name] for name, value in other.items()) == 1
    ]
