"""Made-up spaces that are unlike each other: what a kernel's times over its parameters can be.

Each gives ordinals [configurations, parameters] as configurations, and seconds, NaN where
one fails.
"""

import itertools

import numpy as np


def grid(sizes):
    return np.array(list(itertools.product(*map(range, sizes))))


def configs(ordinals):
    """Launch parameters that are powers of two."""
    return [{f"p{i}": 1 << int(one) for i, one in enumerate(row)} for row in ordinals]


def roofline(seed):
    """The larger of two costs over an occupancy that falls in steps; invalid where it is 0."""
    rng = np.random.default_rng([1, seed])
    x = grid((5, 5, 4, 4, 3, 2, 2))
    shared = 2.0 ** (x[:, 0] + x[:, 1] + x[:, 2]) * (1 + x[:, 3]) * (1 + x[:, 5])
    occupancy = np.minimum(1, 2.0 ** rng.integers(5, 8) / shared)
    best = rng.integers(1, 4, 4)
    compute = 1 + 0.25 * abs(x[:, 0] - best[0]) + 0.2 * abs(x[:, 1] - best[1])
    compute += 0.1 * (x[:, 4] == rng.integers(3)) + 0.15 * (x[:, 6] ^ (x[:, 3] > 1))
    memory = 1 + 0.3 * abs(x[:, 2] - best[2]) + 0.25 * abs(x[:, 3] - best[3]) + 0.2 * x[:, 5]
    times = np.maximum(compute, memory) / occupancy**0.7
    times *= np.exp(0.02 * rng.standard_normal(len(x)))
    times[shared > 2**8.5] = np.nan
    return x, times


def interactions(seed):
    """Each parameter's effect is a random table over itself and two others (an NK landscape)."""
    rng = np.random.default_rng([2, seed])
    sizes = (4, 4, 4, 4, 3, 3, 2, 2)
    x, total = grid(sizes), 0.0
    for p in range(len(sizes)):
        others = rng.choice([q for q in range(len(sizes)) if q != p], 2, replace=False)
        chosen = [p, *others]
        table = rng.random([sizes[c] for c in chosen])
        total = total + table[tuple(x[:, c] for c in chosen)]
    times = np.exp(1.2 * (total - total.min()))
    times[rng.random(len(x)) < 0.1] = np.nan
    return x, times


def additive(seed):
    """A bowl, with a corner that does not compile."""
    rng = np.random.default_rng([3, seed])
    sizes = (6, 6, 5, 4, 3, 2, 2)
    x = grid(sizes)
    parts = (2 * rng.random() * ((x[:, p] - rng.integers(s)) / s) ** 2 for p, s in enumerate(sizes))
    times = np.exp(sum(parts) + 0.01 * rng.standard_normal(len(x)))
    times[x[:, 0] * x[:, 1] > 16] = np.nan
    return x, times


def plateaus(seed):
    """Steps that are wide and flat, and a narrow ridge somewhere in them."""
    rng = np.random.default_rng([4, seed])
    x = grid((8, 8, 4, 3, 2, 2))
    steps, place = x[:, 0] // 3 + x[:, 1] // 3, rng.integers(0, 8, 2)
    times = 2 + 0.4 * abs(steps - 2) + 0.3 * (x[:, 2] != rng.integers(4))
    ridge = (abs(x[:, 0] - place[0]) <= 1) & (x[:, 1] == place[1]) & (x[:, 3] == rng.integers(3))
    times += -0.8 * ridge + 0.2 * x[:, 4] + 0.1 * (x[:, 5] == x[:, 4])
    return x, times * np.exp(0.01 * rng.standard_normal(len(x)))


def hills(seed):
    """Three optima of unlike width, with stripes between them that fail."""
    rng = np.random.default_rng([5, seed])
    sizes = np.array((10, 10, 6, 3, 2))
    x = grid(sizes)
    tops = [
        height * np.exp(-(((x - rng.random(5) * sizes) / sizes) ** 2).sum(axis=1) / width)
        for width, height in ((0.25, 0.6), (0.15, 0.7), (0.05, 1.0))
    ]
    times = 1 / (0.1 + np.max(tops, axis=0)) * np.exp(0.02 * rng.standard_normal(len(x)))
    times[(x[:, 0] + x[:, 1]) % 7 == 6] = np.nan
    return x, times


SPACES = {maker.__name__: maker for maker in (roofline, interactions, additive, plateaus, hills)}
