"""Launch parameters of the numba linears: how a thread goes through the weight's panels.

- ``ahead`` 0, 4096, 8192, 16384: bytes from a load to the line that is prefetched with it
  into the L2; 0 leaves it to the hardware. The default is the processor's (:mod:`.defaults`).
- ``unroll`` 1, 2, 4: times four k in one turn of the loop; not of formats in scaled blocks, whose
  turn is a block.
- ``parts``: bytes of the integers that a block of 64 activations becomes, of formats in scaled
  blocks where there is ``vpdpbusd``: the dtype's (:mod:`.defaults`); 0 multiplies by x as it is.
- ``rows``: at most so many rows of x share a sweep over a panel: each weight is loaded and unpacked
  once for them, and each takes registers. The default fills the registers; half and a quarter.
- ``shares`` 8, 1, 32: times that a thread comes back for more panels. Many let no core wait for
  another; few have less to agree on.
- ``threads`` 0: all that numba has; else so many, as two may be enough to fill the memory's lanes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from numba import get_num_threads
from truetpot.kernels._lib.numba.linear import defaults
from truetpot.kernels._lib.numba.linear.drive import Drive
from truetpot.kernels._lib.numba.linear.panels import BLOCK, BLOCKED
from truetpot.kernels._lib.numba.linear.paths import Path, parts_of, path

from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.simd import HAS_BF16_DOT, HAS_BYTE_DOT

AHEAD, UNROLL, SHARES = (0, 4096, 8192, 16384), (1, 2, 4), (8, 1, 32)


@dataclass(frozen=True)
class Compiled:
    """What is compiled into the code."""

    weight_format: str
    dtype: str
    ahead: int
    unroll: int
    parts: int
    rows: int
    """That share a sweep: no more than the case has, and the same number in every one."""
    shares: int

    @property
    def path(self) -> Path:
        """How a panel is multiplied."""
        return path(self.weight_format, self.dtype, self.parts)

    def dot(self) -> Any:
        """The panel dot, compiled for these parameters."""
        return self.path.dot(self.rows, self.ahead, self.unroll)


@dataclass(frozen=True)
class Sweep:
    """One configuration with every parameter set: what is compiled, and in how many threads."""

    compiled: Compiled
    threads: int

    def workers(self) -> int:
        """Threads that take panels: no more than numba has."""
        most = get_num_threads()
        return min(self.threads, most) or most

    def drive(self, panel: Any) -> Drive:
        """What runs a panel function over the panels."""
        return Drive(panel, self.compiled.shares, self.workers())


def sweep(case: LinearCase, config: Config) -> Sweep:
    """The configuration, with the default's values where it leaves any out."""
    whole = {"unroll": UNROLL[0], "parts": 0, **next(configs(case)), **config}
    most = config.get("rows", path(case.weight_format, case.dtype, whole["parts"]).most)
    sweeps = -(-case.m // most)
    compiled = Compiled(
        case.weight_format,
        case.dtype,
        whole["ahead"],
        whole["unroll"],
        whole["parts"],
        -(-case.m // sweeps),
        whole["shares"],
    )
    return Sweep(compiled, whole["threads"])


def configs(case: LinearCase) -> Iterator[Config]:
    """Every legal configuration of the case's kernel, the default first."""
    blocked, usual = case.weight_format in BLOCKED, defaults.ahead().bytes
    half = get_num_threads() // 2
    aheads = (usual, *(one for one in AHEAD if one != usual))
    for parts in parts_of(case.weight_format, defaults.defaults().parts[case.dtype]):
        most = path(case.weight_format, case.dtype, parts).most
        values = {
            "ahead": aheads,
            "unroll": () if blocked else UNROLL,
            "parts": (parts,) if blocked else (),
            "rows": _rows(case.m, most),
            "shares": SHARES,
            "threads": (0, half) if half else (0,),
        }
        named = {name: some for name, some in values.items() if some}
        for chosen in product(*named.values()):
            yield dict(zip(named, chosen, strict=True))


def _rows(m: int, most: int) -> tuple[int, ...]:
    """The most, half and a quarter of it; none where there is one row."""
    first = min(most, m)
    return tuple(one for one in (first, first // 2, first // 4) if one) if m > 1 else ()


def note() -> str:
    """For ``truetpot providers``: the instructions in use, and what becomes of x."""
    names = (("avx512_bf16", HAS_BF16_DOT), ("avx512_vnni", HAS_BYTE_DOT))
    there = ", ".join(name for name, has in names if has) or "generic"
    if not HAS_BYTE_DOT:
        return there
    parts = defaults.defaults().parts
    bits = ", ".join(f"{dtype} to {8 * count} bits" for dtype, count in parts.items())
    return f"{there}; {', '.join(BLOCKED)}: x rounded in blocks of {BLOCK}, {bits}; not by parts=0"
