"""``gemm.cl``: products on the matrix engine, 1 to 64 rows of x in half, and the layout of W there.

Launch parameters:

- ``subgroup`` 8 on DG2, 16 on Xe2: rows of W that a matrix operand has. Either where there is no
  matrix engine and it is emulated. The layout of W depends on it, and on nothing else of these.
- ``tiles`` 1, 2: such operands of rows of W that a sub-group takes.
- ``ahead`` 1, 2, 4: blocks of 64 of K whose weights are loaded before the first is used.
- ``split`` 1, 2, 4, 8, 16: sub-groups of a work-group that share rows of W and split K.
- ``groups`` 1, 2, 4, 8: sub-groups of a work-group that have rows of W of their own.
- ``grf`` 128, 256: registers of a thread. With 128 two tiles of sums fit, with 256 eight: up to 64
  rows of x in one pass over W. More rows are more passes.

What is offered is what neither ocloc 22.43 nor 26.27 spills (``truetpot isa``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from truetpot.kernels._lib.opencl.linear.target_case import TargetCase

from truetpot.facts.formats import storage
from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.opencl.build import Build

FORMATS = (
    "sym_int4", "asym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16", "bf16",
)  # fmt: skip
"""Those that half, or bf16, holds exactly, but for the scale."""
BLOCK = 64
"""Of K, that is multiplied at a time: four steps of the matrix engine."""
TILE_ROWS = 8
"""Of x: the most of a matrix operand."""
SUMS = {128: 2, 256: 8}
"""Tiles of sums that fit into so many registers; eight registers each. bf16 weights take twice the
operands of x, and leave room for one of the two."""
LOADED = {128: 32, 256: 64}
"""Registers with weights under way: twice as many at one row of x or two, half where there are
several tiles of it, which want the operands of W unpacked: 32 each."""
SPLITS, GROUPS, TILES, AHEAD = (1, 2, 4, 8, 16), (1, 2, 4, 8), (1, 2), (1, 2, 4)


@dataclass(frozen=True)
class Product(TargetCase):
    """A case on the matrix engine."""

    @property
    def blocks(self) -> int:
        """Blocks of 64 elements that K has."""
        return self.case.k // BLOCK

    @property
    def words(self) -> int:
        """Of a row's block: registers that a tile has of it."""
        return storage(self.case.weight_format, 1, BLOCK)[0] // 4

    @property
    def wanted(self) -> int:
        """Tiles of x that the case has."""
        return -(-self.case.m // TILE_ROWS)

    def operands(self, tiles: int) -> int:
        """Of W, that a sub-group has at a time."""
        return tiles * (1 + self.paired)

    def sums(self, grf: int) -> int:
        """Tiles of sums that fit."""
        narrow = self.case.weight_format == "bf16" and self.case.m > 2 and grf == min(SUMS)
        return SUMS[grf] // (1 + narrow)

    def tiles_of_x(self, tiles: int, grf: int) -> int:
        """That are multiplied in one pass."""
        return min(self.wanted, max(1, self.sums(grf) // self.operands(tiles)))

    def fits(self, tiles: int, ahead: int, grf: int) -> bool:
        """Whether the weights under way and the sums fit ``grf`` registers of a thread."""
        operands, several = self.operands(tiles), self.tiles_of_x(tiles, grf) > 1
        if operands > (grf // 128 if several else self.sums(grf)):
            return False
        room = LOADED[grf] // (2 if several and (ahead > 1 or grf == min(LOADED)) else 1)
        if self.case.m <= 2:
            room *= 2
        elif grf == min(LOADED) and self.words == 8:
            # the operand with the offset; asym_int4 has another scale and sum too
            room //= 1 + (operands > 1 or self.case.weight_format == "asym_int4")
        return operands * ahead * self.words <= room or ahead * tiles == 1

    def local_bytes(self, config: Config) -> int:
        """That a work-group's sums take where K is split."""
        if config["split"] == 1:
            return 0
        tiles = int(config["tiles"])
        sums = self.operands(tiles) * self.tiles_of_x(tiles, int(config["grf"])) * self.rows()
        return 4 * sums * int(config["subgroup"]) * int(config["split"]) * int(config["groups"])

    def rows(self) -> int:
        """Of x in a matrix operand: 1, 2, 4 or 8."""
        return next(rows for rows in (1, 2, 4, 8) if rows >= min(self.case.m, TILE_ROWS))

    def default(self, grf: Sequence[int]) -> dict[str, int]:
        """One pass over W where registers allow; K split until every thread has work.

        The offset of integer weights is multiplied, and x taken apart for bf16 ones, once for all
        operands of W. Beyond 32 rows of x that bounds: two operands and two passes take less.
        """
        sums = self.wanted * self.operands(1)
        registers = next((n for n in grf if sums <= self.sums(n)), max(grf))
        two = self.fits(2, 1, registers) and not self.paired
        same = self.tiles_of_x(2, registers) == self.tiles_of_x(1, registers)
        shared = self.case.weight_format == "bf16" or "int" in self.case.weight_format
        tiles = 2 if two and (same or (shared and self.case.m > 32)) else 1
        ahead = max((n for n in AHEAD if self.fits(tiles, n, registers)), default=1)
        subgroup = self.target.dpas or 8
        threads = (1024 // subgroup) * self.target.units * 128 // registers
        sub_groups = self.outputs // (tiles * subgroup)
        most, split = min(8, -(-self.blocks // ahead)), 1
        while 2 * split <= most and sub_groups * split < threads:
            split *= 2
        return {
            "subgroup": subgroup, "tiles": tiles, "ahead": ahead, "split": split,
            "groups": max(1, 8 // split), "grf": registers,
        }  # fmt: skip

    def legal(self, grf: Sequence[int]) -> Iterator[dict[str, int]]:
        """Every configuration that fits registers and local memory."""
        subgroups = (self.target.dpas,) if self.target.dpas else (8, 16)
        for subgroup, tiles, ahead, split, groups, registers in product(
            subgroups, TILES, AHEAD, SPLITS, GROUPS, grf
        ):
            config = {
                "subgroup": subgroup, "tiles": tiles, "ahead": ahead, "split": split,
                "groups": groups, "grf": registers,
            }  # fmt: skip
            if (
                self.fits(tiles, ahead, registers)
                and split <= -(-self.blocks // ahead)
                and self.local_bytes(config) <= self.target.local_bytes
            ):
                yield config

    def build(self, config: Config) -> tuple[Build, int, int]:
        """The compilation, the work-groups of a pass, and the passes."""
        subgroup, tiles, grf = int(config["subgroup"]), int(config["tiles"]), int(config["grf"])
        x = self.tiles_of_x(tiles, grf)
        macros: dict[str, int | str | float] = {
            "FORMAT": self.case.weight_format.upper(),
            "PAIRED": int(self.paired),
            "GROUPS": int(config["groups"]),
            "SPLIT": int(config["split"]),
            "TILES": tiles,
            "AHEAD": int(config["ahead"]),
            "DPAS_M": self.rows(),
            "MTILES": x,
            "EMULATE_DPAS": int(self.target.dpas != subgroup),
        }
        variant = f"{self.case.weight_format} m={self.case.m}" + " silu_mul" * self.paired
        variant += {8: " dg2", 16: " xe2"}[subgroup]
        build = Build("_lib/opencl/linear/gemm.cl", "gemm", macros, variant, subgroup)
        work_groups = -(-self.outputs // (subgroup * tiles * int(config["groups"])))
        return build, work_groups, -(-self.wanted // x)


def takes(case: LinearCase) -> bool:
    """Whether the matrix engine has the operands: of half, whole blocks of K."""
    return case.weight_format in FORMATS and case.dtype == "fp16" and case.k % BLOCK == 0
