"""``gemv.cl``: products on the vector engine, a row of x after the other, W as its format has it.

For what the matrix engine has no operands for: float activations, float weights, a K that is not of
whole blocks. Launch parameters:

- ``rows`` 1, 2, 4 and, not for 4-bit weights, 8: rows of W that a sub-group takes. Activations are
  loaded once for all of them; more do not fit into a DG2 thread's 4 KiB of registers.
- ``subgroup`` 16, 32: each item loads 16 bytes of a row, so 256 or 512 that adjoin; 32 with 4-bit
  weights only where registers are 64 bytes wide.
- ``split`` 1, 2, 4, 8, 16: sub-groups of a work-group that share rows and split K.
- ``groups`` 1, 2, 4, 8: sub-groups of a work-group that have rows of their own.
- ``grf`` 128, 256: registers of a thread.

What is loaded at once may fill half of a thread's registers: with 8 rows of 8 bits and sub-groups
of 32 on DG2, all of them, compilers spill (``truetpot isa``: 32 to 182 messages to scratch memory).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from truetpot.kernels._lib.opencl.linear.target_case import TargetCase

from truetpot.facts.formats import storage
from truetpot.ops.registry import Config
from truetpot.runtime.opencl.build import Build

FORMATS = (
    "sym_int4", "asym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16", "bf16", "fp32",
)  # fmt: skip
SPLITS, GROUPS = (1, 2, 4, 8, 16), (1, 2, 4, 8)
LANE_BYTES = 16
"""What a work-item loads of a row at a time."""
NARROW_REGISTERS = 4096
"""Bytes that a thread of DG2 has in registers; twice as many where they are 64 bytes wide."""
THREADS = 128
"""Hardware threads of a DG2 Xe core, 16 engines of 8; an Xe2 core has half as many."""


@dataclass(frozen=True)
class Product(TargetCase):
    """A case on the vector engine."""

    def steps(self, subgroup: int) -> int:
        """Into how many parts K can be split."""
        return -(-self.row_bytes // (LANE_BYTES * subgroup))

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of W, scales not counted."""
        return storage(self.case.weight_format, 1, self.case.k)[0]

    def default(self, grf: Sequence[int]) -> dict[str, int]:
        """Some rows in flight a thread, and K split until every thread of the card has work."""
        rows, subgroup = 2 if self.paired else 4, 16
        most, split = min(8, self.steps(subgroup)), 1
        while 2 * split <= most and self.outputs // rows * split < THREADS * self.target.units:
            split *= 2
        return {
            "rows": rows, "subgroup": subgroup, "split": split, "groups": max(1, 8 // split),
            "grf": min(grf),
        }  # fmt: skip

    def legal(self, grf: Sequence[int]) -> Iterator[dict[str, int]]:
        """Every configuration that fits registers."""
        four_bits = self.case.weight_format.endswith("int4")
        # 64-byte registers came with a smallest sub-group of 16; a CPU has no such limit
        wide = self.target.subgroups[:1] != (8,)
        most = NARROW_REGISTERS * (2 if wide else 1) // 2
        for rows, subgroup, split, groups, registers in product(
            (1, 2, 4, 8), (16, 32), SPLITS, GROUPS, grf
        ):
            loaded = rows * (1 + self.paired)
            fits = loaded <= (4 if four_bits else 8) and loaded * subgroup * LANE_BYTES <= most
            legal = subgroup == 16 or wide or not four_bits
            if fits and legal and split <= self.steps(subgroup):
                yield {
                    "rows": rows, "subgroup": subgroup, "split": split, "groups": groups,
                    "grf": registers,
                }  # fmt: skip

    def build(self, config: Config) -> tuple[Build, int, int]:
        """The compilation, the work-groups of a pass, and the passes."""
        rows, subgroup, groups = (int(config[name]) for name in ("rows", "subgroup", "groups"))
        macros: dict[str, int | str | float] = {
            "FORMAT": self.case.weight_format.upper(),
            "HALF_X": int(self.case.dtype == "fp16"),
            "ALIGNED": int(self.row_bytes % 4 == 0),
            "PAIRED": int(self.paired),
            "GROUPS": groups,
            "SPLIT": int(config["split"]),
            "ROWS": rows,
        }
        variant = f"{self.case.weight_format} {self.case.dtype} m={self.case.m}"
        variant += " silu_mul" * self.paired
        build = Build("_lib/opencl/linear/gemv.cl", "gemv", macros, variant, subgroup)
        return build, -(-self.outputs // (rows * groups)), self.case.m

    def withheld(self) -> Iterator[tuple[Config, str]]:
        """What compilers make spill: the largest division where registers are narrow."""
        if self.target.subgroups[:1] == (8,) and not self.case.weight_format.endswith("int4"):
            rows = 4 if self.paired else 8
            reason = "what is loaded at once fills a thread's registers, and compilers spill"
            yield (
                {"rows": rows, "subgroup": 32},
                f"on {self.target.name} {reason} (truetpot isa)",
            )
