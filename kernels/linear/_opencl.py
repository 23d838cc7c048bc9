"""How the OpenCL products are launched: which source, with which macros, over how many groups.

Launch parameters of ``gemv.cl``, for one row of x (a sub-group is a hardware thread):

- ``rows`` 1, 2, 4 and, not for 4-bit weights, 8: rows of W that a sub-group takes. Activations are
  loaded once for all of them; more do not fit into a DG2 thread's 4 KiB of registers.
- ``subgroup`` 16, 32: each item loads 16 bytes of a row, so 256 or 512 that adjoin; 32 with 4-bit
  weights only where registers are 64 bytes wide.
- ``split`` 1, 2, 4, 8, 16: sub-groups of a work-group that share rows and split K.
- ``groups`` 1, 2, 4, 8: sub-groups of a work-group that have rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from truetpot.facts.formats import storage
from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target

FORMATS = (
    "sym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16", "bf16", "fp32",
)  # fmt: skip
ROWS, SPLITS, GROUPS = (4, 1, 2, 8), (1, 2, 4, 8, 16), (1, 2, 4, 8)
LANE_BYTES = 16
"""What a work-item loads of a row at a time."""
MOST_ITEMS = 1024
"""Of a work-group, on any Arc."""
THREADS = 128
"""Hardware threads of a DG2 Xe core, 16 engines of 8; an Xe2 core has half as many."""


@dataclass(frozen=True)
class Launch:
    """A compilation and the sizes that it is launched with."""

    build: Build
    work_groups: int
    items: int
    """Of a work-group."""

    @property
    def sizes(self) -> tuple[tuple[int], tuple[int]]:
        """Global and local size, as an entry point takes them."""
        return (self.work_groups * self.items,), (self.items,)


def refuses(case: LinearCase) -> str | None:
    """Why there is no product for the case; None if there is one."""
    if case.m > 1:
        return f"one row of x, not {case.m}"
    if case.weight_format not in FORMATS:
        return f"no product with {case.weight_format} weights"
    return None


def gemv(case: LinearCase, target: Target, *, paired: bool = False, **config: int) -> Launch:
    """The launch for one row of x; paired, the rows of G and U that make one output go together."""
    chosen = _default(case, target, paired) | config
    rows, groups, split = chosen["rows"], chosen["groups"], chosen["split"]
    subgroup = chosen["subgroup"]
    macros = {
        "FORMAT": case.weight_format.upper(),
        "HALF_X": int(case.dtype == "fp16"),
        "ALIGNED": int(_row_bytes(case) % 4 == 0),
        "PAIRED": int(paired),
        "ROWS": rows,
        "GROUPS": groups,
        "SPLIT": split,
    }
    variant = f"{case.weight_format} {case.dtype} m=1" + " silu_mul" * paired
    build = Build("linear/gemv.cl", "gemv", macros, variant, subgroup)
    outputs = case.n // 2 if paired else case.n
    return Launch(build, -(-outputs // (rows * groups)), subgroup * split * groups)


def gemv_configs(case: LinearCase, target: Target, *, paired: bool = False) -> Iterable[Config]:
    """The default, then what else is legal for the case."""
    default = _default(case, target, paired)
    yield default
    for config in _legal(case, target, paired):
        if config != default:
            yield config


def _legal(case: LinearCase, target: Target, paired: bool) -> Iterator[Config]:
    four_bits = case.weight_format.endswith("int4")
    # 64-byte registers came with the smallest sub-group of 16; a CPU has no such limit
    wide = target.subgroups[:1] != (8,)
    most = 4 if four_bits else 8
    for rows, subgroup, split, groups in product(ROWS, (16, 32), SPLITS, GROUPS):
        fits = rows * (1 + paired) <= most and (subgroup == 16 or wide or not four_bits)
        if fits and subgroup * split * groups <= MOST_ITEMS and split <= _steps(case, subgroup):
            yield {"rows": rows, "subgroup": subgroup, "split": split, "groups": groups}


def _default(case: LinearCase, target: Target, paired: bool) -> dict[str, int]:
    """Four rows in flight a thread, and K split until every thread of the card has work."""
    rows = 2 if paired else 4
    outputs = case.n // 2 if paired else case.n
    split = 1
    while split < min(8, _steps(case, 16)) and outputs // rows * split < THREADS * target.units:
        split *= 2
    return {"rows": rows, "subgroup": 16, "split": split, "groups": max(1, 8 // split)}


def _row_bytes(case: LinearCase) -> int:
    return storage(case.weight_format, 1, case.k)[0]


def _steps(case: LinearCase, subgroup: int) -> int:
    """Loads of a sub-group along a row."""
    return -(-_row_bytes(case) // (LANE_BYTES * subgroup))
