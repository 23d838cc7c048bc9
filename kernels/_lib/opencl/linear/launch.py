"""How the OpenCL products are launched: which source, with which macros, over how many groups.

``gemm.cl`` takes 2 to 16 rows of x in half to the matrix engine, 8 at a time; ``gemv.cl`` takes one
row, and whatever the former has no operands for, a row after the other. Launch parameters of both:

- ``split`` 1, 2, 4, 8, 16: sub-groups of a work-group that share rows and split K.
- ``groups`` 1, 2, 4, 8: sub-groups of a work-group that have rows of their own.

Of ``gemv.cl``:

- ``rows`` 1, 2, 4 and, not for 4-bit weights, 8: rows of W that a sub-group takes. Activations are
  loaded once for all of them; more do not fit into a DG2 thread's 4 KiB of registers.
- ``subgroup`` 16, 32: each item loads 16 bytes of a row, so 256 or 512 that adjoin; 32 with 4-bit
  weights only where registers are 64 bytes wide.

What is loaded at once may fill half of a thread's registers: with 8 rows of 8 bits and sub-groups
of 32 on DG2, all of them, compilers spill (``truetpot isa``: 32 to 182 messages to scratch memory).

Of ``gemm.cl``:

- ``tiles`` 1, 2: rows of W over those of a matrix operand, which are as many as ``subgroup``; more
  do not fit into a DG2 thread's registers.
- ``subgroup`` 8 on DG2, 16 on Xe2; either where there is no matrix engine and it is emulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from truetpot.facts.formats import storage
from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target

FORMATS = (
    "sym_int4", "asym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16", "bf16", "fp32",
)  # fmt: skip
MATRIX_FORMATS = ("sym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16")
"""Those that half holds exactly, but for the scale."""
MOST_ROWS = 16
SPLITS, GROUPS = (1, 2, 4, 8, 16), (1, 2, 4, 8)
BLOCK = 64
"""Of K, which ``gemm.cl`` takes at a time."""
STRETCH_BYTES = 256
"""Of a row, that ``gemm.cl`` turns round in local memory at a time."""
TURNED_BYTES = STRETCH_BYTES + 16
"""What they take there."""
LANE_BYTES = 16
"""What a work-item of ``gemv.cl`` loads of a row at a time."""
NARROW_REGISTERS = 4096
"""Bytes that a thread of DG2 has in registers; twice as many where they are 64 bytes wide."""
MOST_ITEMS = 1024
"""Of a work-group, on any Arc."""
THREADS = 128
"""Hardware threads of a DG2 Xe core, 16 engines of 8; an Xe2 core has half as many."""
Macros = dict[str, int | str | float]


@dataclass(frozen=True)
class Launch:
    """A compilation and the sizes that it is launched with."""

    build: Build
    work_groups: int
    items: int
    """Of a work-group."""
    passes: int = 1
    """Over W, for as many parts of x: neighbours, so that a cache serves all but the first."""

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Global and local size, as an entry point takes them."""
        return (self.passes * self.items, self.work_groups), (self.items, 1)


def refuses(case: LinearCase) -> str | None:
    """Why there is no product for the case; None if there is one."""
    if case.m > MOST_ROWS:
        return f"a decode batch of up to {MOST_ROWS} rows, not {case.m}"
    if case.weight_format not in FORMATS:
        return f"no product with {case.weight_format} weights"
    return None


def on_matrix_engine(case: LinearCase) -> bool:
    """Whether ``gemm.cl`` has the operands."""
    fits = case.weight_format in MATRIX_FORMATS and case.k % BLOCK == 0
    return case.m > 1 and case.dtype == "fp16" and fits


def launch(case: LinearCase, target: Target, *, paired: bool = False, **config: int) -> Launch:
    """For a case; ``paired``, rows of G and U that make one output go together."""
    config = default(case, target, paired=paired) | config
    matrix = on_matrix_engine(case)
    outputs = case.n // 2 if paired else case.n
    subgroup, split, groups = config["subgroup"], config["split"], config["groups"]
    macros: Macros = {
        "FORMAT": case.weight_format.upper(),
        "HALF_X": int(case.dtype == "fp16"),
        "ALIGNED": int(_row_bytes(case) % 4 == 0),
        "PAIRED": int(paired),
        "GROUPS": groups,
        "SPLIT": split,
    }
    variant = f"{case.weight_format} {case.dtype} m={case.m}" + " silu_mul" * paired
    if matrix:
        tiles = config["tiles"]
        macros |= {"DPAS_M": _dpas_m(case), "TILES": tiles}
        macros["EMULATE_DPAS"] = int(target.dpas != subgroup)
        variant += {8: " dg2", 16: " xe2"}[subgroup]
        build = Build("_lib/opencl/linear/gemm.cl", "gemm", macros, variant, subgroup)
        work_groups = -(-outputs // (subgroup * tiles * groups))
        return Launch(build, work_groups, subgroup * split * groups, -(-case.m // 8))
    macros["ROWS"] = config["rows"]
    build = Build("_lib/opencl/linear/gemv.cl", "gemv", macros, variant, subgroup)
    work_groups = -(-outputs // (config["rows"] * groups))
    return Launch(build, work_groups, subgroup * split * groups, case.m)


def configs(case: LinearCase, target: Target, *, paired: bool = False) -> Iterator[Config]:
    """The default, then what else is legal for the case."""
    first = default(case, target, paired=paired)
    yield dict(first)
    legal = _legal_gemm if on_matrix_engine(case) else _legal_gemv
    for config in legal(case, target, paired):
        fits = config["subgroup"] * config["split"] * config["groups"] <= MOST_ITEMS
        if fits and config["split"] <= _steps(case, config["subgroup"]) and config != first:
            yield config


def withheld(
    case: LinearCase, target: Target, *, paired: bool = False
) -> Iterator[tuple[Config, str]]:
    """What compilers make spill: the largest division where registers are narrow."""
    narrow = target.subgroups[:1] == (8,)
    if narrow and not on_matrix_engine(case) and not _four_bits(case):
        rows = 4 if paired else 8
        reason = "what is loaded at once fills a thread's registers, and compilers spill"
        yield {"rows": rows, "subgroup": 32}, f"on {target.name} {reason} (truetpot isa)"


def default(case: LinearCase, target: Target, *, paired: bool = False) -> dict[str, int]:
    """Some rows in flight a thread, and K split until every thread of the card has work."""
    if on_matrix_engine(case):
        config = {"tiles": 1 if paired else 2, "subgroup": target.dpas or 8}
        rows = config["tiles"] * config["subgroup"]
    else:
        config = {"rows": 2 if paired else 4, "subgroup": 16}
        rows = config["rows"]
    sub_groups = (case.n // 2 if paired else case.n) // rows
    most, split = min(8, _steps(case, config["subgroup"])), 1
    while 2 * split <= most and sub_groups * split < THREADS * target.units:
        split *= 2
    return config | {"split": split, "groups": max(1, 8 // split)}


def _legal_gemv(case: LinearCase, target: Target, paired: bool) -> Iterator[Config]:
    four_bits = _four_bits(case)
    # 64-byte registers came with a smallest sub-group of 16; a CPU has no such limit
    wide = target.subgroups[:1] != (8,)
    most = NARROW_REGISTERS * (2 if wide else 1) // 2
    for rows, subgroup, split, groups in product((1, 2, 4, 8), (16, 32), SPLITS, GROUPS):
        loaded = rows * (1 + paired)
        fits = loaded <= (4 if four_bits else 8) and loaded * subgroup * LANE_BYTES <= most
        if fits and (subgroup == 16 or wide or not four_bits):
            yield {"rows": rows, "subgroup": subgroup, "split": split, "groups": groups}


def _legal_gemm(case: LinearCase, target: Target, paired: bool) -> Iterator[Config]:
    subgroups = (target.dpas,) if target.dpas else (8, 16)
    for tiles, subgroup, split, groups in product((1, 2), subgroups, SPLITS, GROUPS):
        rows = tiles * (1 + paired) * subgroup
        fits = groups * split * rows * TURNED_BYTES <= target.local_bytes
        if tiles * (1 + paired) <= 2 and fits:
            yield {"tiles": tiles, "subgroup": subgroup, "split": split, "groups": groups}


def _four_bits(case: LinearCase) -> bool:
    return case.weight_format.endswith("int4")


def _dpas_m(case: LinearCase) -> int:
    """Rows of x in a matrix operand: 2, 4 or 8."""
    return 2 if case.m == 2 else 4 if case.m <= 4 else 8


def _row_bytes(case: LinearCase) -> int:
    return storage(case.weight_format, 1, case.k)[0]


def _steps(case: LinearCase, subgroup: int) -> int:
    """Into how many parts K can be split."""
    if on_matrix_engine(case):
        return -(-_row_bytes(case) // STRETCH_BYTES)
    return -(-_row_bytes(case) // (LANE_BYTES * subgroup))
