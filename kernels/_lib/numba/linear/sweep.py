"""Launch parameters of the numba linears: how a thread goes through the weight's panels.

- ``ahead`` 0, 1024, 4096: bytes from a load to the line that is prefetched with it; 0 leaves it to
  the hardware, which follows a forward sweep.
- ``unroll`` 1, 2, 4: times four k in one turn of the loop; not of sym_int4, whose turn is a block.
- ``rows`` 1, 2, 4, 8: rows of x that share a sweep over a panel, where there are several: each
  weight is loaded once for them, and each takes registers.
- ``shares`` 8, 1, 32: times that a thread comes back for more panels. Many let no core wait for
  another; few have less to agree on.
- ``threads`` 0: all that numba has; else so many, as two may be enough to fill the memory's lanes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from numba import get_num_threads
from truetpot.kernels._lib.numba.linear.panels import terms

from truetpot.ops import LinearCase
from truetpot.ops.registry import Config

AHEAD, UNROLL, ROWS_AT_ONCE, SHARES = (0, 1024, 4096), (1, 2, 4), (1, 2, 4, 8), (8, 1, 32)


@dataclass(frozen=True)
class Compiled:
    """What is compiled into the code."""

    ahead: int
    unroll: int
    rows: int
    shares: int


@dataclass(frozen=True)
class Sweep:
    """One configuration, whole."""

    compiled: Compiled
    threads: int

    def parts(self) -> int:
        """Threads that take panels: no more than numba has."""
        most = get_num_threads()
        return min(self.threads, most) or most


def rows_at_once(weight_format: str, dtype: str) -> int:
    """As many rows of x as the registers hold."""
    return max(1, 4 // terms(weight_format, dtype))


def sweep(case: LinearCase, config: Config) -> Sweep:
    """The configuration, with the default's values where it leaves any out."""
    whole: Config = {
        "ahead": AHEAD[0],
        "unroll": UNROLL[0],
        "rows": rows_at_once(case.weight_format, case.dtype),
        "shares": SHARES[0],
        "threads": 0,
        **config,
    }
    return Sweep(threads=whole.pop("threads"), compiled=Compiled(**whole))


def configs(case: LinearCase, several: bool = True) -> Iterator[Config]:
    """The default first. ``several``: whether rows of x can share a sweep."""
    usual = rows_at_once(case.weight_format, case.dtype)
    rows = [usual, *(n for n in ROWS_AT_ONCE if n != usual and n <= case.m)]
    half = get_num_threads() // 2
    values = {
        "ahead": AHEAD,
        "unroll": UNROLL if case.weight_format != "sym_int4" else (),
        "rows": rows if several and case.m > 1 else (),
        "shares": SHARES,
        "threads": (0, half) if half else (0,),
    }
    named = {name: some for name, some in values.items() if some}
    for chosen in product(*named.values()):
        yield dict(zip(named, chosen, strict=True))
