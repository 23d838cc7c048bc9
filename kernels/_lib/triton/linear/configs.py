"""Which device function of ``linear`` in Triton a case gets, and with which launch parameters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from truetpot.kernels._lib.triton.common import local_memory, power_of_2, units
from truetpot.kernels._lib.triton.dependent_launch import choices
from truetpot.kernels._lib.triton.linear.int4_matrix import STEP
from truetpot.kernels._lib.triton.linear.warp_groups import LEAST_COLUMNS

from truetpot.ops import LinearCase
from truetpot.ops.arrays import ITEMSIZE
from truetpot.ops.registry import Config
from truetpot.runtime.device import Device

MOST_ROWS, FEW = 64, 8
PLAIN = ("fp32", "fp16", "bf16", "fp8_e5m2")
INT4 = ("sym_int4", "woq_int4")
GROUPS_HALF = MOST_ROWS // 2
"""Rows of x up to which a program of warp groups has more rows of W by default."""
MANY_OUTPUTS, LONG_ROW = 16384, 8192
"""From where on a weight has enough rows, or long enough ones, for another default."""
BLOCK = 128
"""Columns that a part of K has a whole number of, where K is cut in parts."""
MOST_SPLIT = 12
RESIDENT = 2
"""Programs of warp groups that a multiprocessor has room for, at least."""
SCALED = {"fp8_e4m3": 1 / 256, "sym_int8": 1.0}
"""Formats of a byte a weight with a scale a block of 64, and what a scale is multiplied by."""
GROUPS = {"Q": 2, "STAGES": 3, "SPLIT": 1, "num_warps": 4, "EARLY": 0}
LESS_SPILLED = {"groups_int4": {"Q": 1}, "groups_byte": {"Q": 1, "DIRECT": 0}}
"""Compiled for Battlemage, with which two tiles a warp spill (docs/performance/arc.md)."""
DEFAULT = {
    # fastest on most shapes of QwQ-32B on an H200; a tuned file knows better (docs/tuning.md)
    "wide": {"BN": 1, "BK": 1024, "UNROLL": 1, "num_warps": 4, "EARLY": 0},
    "runs": {"BN": 2, "BK": 1024, "RUN": 16, "UNROLL": 1, "num_warps": 1, "EARLY": 0},
    "int4": {"G": 2, "BW": 128, "UNROLL": 2, "num_warps": 4, "EARLY": 0},
    "int4_matrix": {"G": 1, "UNROLL": 1, "STAGES": 1, "num_warps": 4, "EARLY": 1},
    "int4_few": {"R": 2, "WK": 1, "WR": 4, "SPLIT": 8, "EARLY": 0},
    "groups_int4": GROUPS,
    "groups_byte": GROUPS | {"DEEP": 2, "DIRECT": 1},
    "gemm": {"BN": 64, "BK": 128, "STAGES": 6, "SPLIT": 1, "num_warps": 4, "EARLY": 0},
    "gemm_byte": {"BN": 64, "BK": 128, "STAGES": 3, "SPLIT": 8, "num_warps": 4, "EARLY": 0},
    "gemm_scaled": {"BN": 32, "BK": 64, "STAGES": 3, "SPLIT": 8, "num_warps": 4, "EARLY": 0},
    "gemm_int4": {"BN": 32, "BW": 32, "STAGES": 2, "SPLIT": 1, "num_warps": 4, "EARLY": 0},
}


def kinds(case: LinearCase, device: Device, normed: bool = False) -> tuple[str, ...]:
    """Keys of :data:`DEFAULT`, the usual first: which device functions, for which weights.

    Only one of them takes an x that is to be ``normed``.
    """
    if normed:
        return ("int4_matrix",)
    if case.weight_format in INT4:
        return _kinds_int4(case, device)
    if case.weight_format in (*SCALED, "fp8_e5m2"):
        return _kinds_byte(case)
    return ("gemm",) if case.m > 1 else ("wide", "gemm")


def _kinds_int4(case: LinearCase, device: Device) -> tuple[str, ...]:
    if case.dtype == "fp32":
        return ("int4",) if case.m == 1 else ("gemm_int4",)
    if case.m == 1:
        # the matrix engine multiplies 16-bit numbers; vectors are the better guess for Arc
        return ("int4", "int4_matrix") if device.kind == "xpu" else ("int4_matrix", "int4")
    able: tuple[str, ...]
    able = ("int4_few", "groups_int4")
    if case.m > FEW and case.n > MANY_OUTPUTS:
        able = ("groups_int4", "int4_few")
    if case.m > 2 * FEW:  # sums of so many rows would not fit a warp's registers
        able = ("groups_int4",)
    return ("gemm_int4", *able) if device.kind == "xpu" else able


def _kinds_byte(case: LinearCase) -> tuple[str, ...]:
    tiles = "gemm_scaled" if case.weight_format in SCALED else "gemm_byte"
    if case.m == 1:
        return ("runs", tiles)
    groups = () if case.dtype == "fp32" else ("groups_byte",)
    return (tiles, *groups) if case.m <= LEAST_COLUMNS else (*groups, tiles)


def columns(name: str, case: LinearCase, device: Device) -> int:
    """Rows of x in a tile: a power of two that the device's matrix engine takes."""
    least = LEAST_COLUMNS if device.kind == "xpu" or name.startswith("groups") else FEW
    return max(least, power_of_2(case.m))


def configs(case: LinearCase, device: Device, normed: bool = False) -> Iterable[Config]:
    """The default first. Each thread holds 4 to 64 accumulators or the loads of one."""
    seen: set[tuple[tuple[str, Any], ...]] = set()
    for name in kinds(case, device, normed):
        for candidate in (usual(name, case, device, normed), *_candidates(name, case)):
            for early in choices(device, DEFAULT[name]["EARLY"]):
                config = fitted(candidate | early, case)
                values = tuple(sorted(config.items()))
                if values in seen or (seen and not _has_room(config, case, device)):
                    continue
                seen.add(values)
                yield config


def _has_room(config: Config, case: LinearCase, device: Device) -> bool:
    """Whether the stages' tiles of x and W fit local memory, where Triton keeps them there."""
    if device.kind != "cuda" or "STAGES" not in config or "G" in config:
        return True
    inputs = max(LEAST_COLUMNS, power_of_2(case.m)) * ITEMSIZE[case.dtype]
    if "Q" in config:  # x is there once more, in the weights' order
        each = 64 * config.get("DEEP", 1) * (inputs + 16 * config["num_warps"] * config["Q"])
        return (config["STAGES"] + 2) * each <= local_memory(device)
    if "BW" in config:  # words of eight weights
        each = config["BW"] * (8 * inputs + 4 * config["BN"])
    else:
        each = config["BK"] * (inputs + config["BN"] * ITEMSIZE.get(case.weight_format, 1))
    # one more than there are stages where x and W have to be widened for their product
    return bool((config["STAGES"] + 1) * each <= local_memory(device))


def parts(blocks: int, most: int) -> int:
    """How many equal parts of K's blocks, at most so many."""
    return max(count for count in range(1, max(1, most) + 1) if blocks % count == 0)


def usual(name: str, case: LinearCase, device: Device, normed: bool = False) -> Config:
    """A device function's default: by how many outputs there are, how long a row, how large m.

    Where x is ``normed`` on the way, as many warps as there are each sum its squares.
    """
    config, many = DEFAULT[name], case.n > MANY_OUTPUTS
    blocks = -(-case.k // BLOCK)
    long = case.k > LONG_ROW and not many
    if device.kind == "xpu":
        config = config | LESS_SPILLED.get(name, {})
    change: Config = {}
    if normed and many:
        most = case.n > 4 * MANY_OUTPUTS
        change = {"STAGES": 3, "G": 1 + most, "num_warps": 2 - most}
    elif name == "int4_matrix" and long:
        change = {"STAGES": 3}
    elif name == "int4_few" and long:
        wk, wr, split = (1, 2, 12) if case.m > FEW else (2, 1, 9)
        change = {"R": 4, "WK": wk, "WR": wr, "SPLIT": parts(blocks // wk, split)}
    elif name == "int4_few" and many:
        change = {"SPLIT": 1} | ({"R": 4} if case.m > FEW else {"WK": 4, "WR": 1})
    elif name == "groups_int4" and many:
        few = case.m <= LEAST_COLUMNS
        change = {"Q": 4 if few else 2, "SPLIT": 2 if not few and case.m <= GROUPS_HALF else 1}
    elif name == "groups_byte" and many:
        change = {"STAGES": 4}
    elif name.startswith("groups"):
        # one program more than all multiprocessors have room for would be a wave more
        tiles = -(-case.n // (16 * config["Q"] * config["num_warps"]))
        change = {"SPLIT": parts(blocks, RESIDENT * units(device) // tiles)}
    elif "fp32" in (case.dtype, case.weight_format) and "STAGES" in config:
        # tiles of four bytes an element, in more stages, would not fit a program's local memory
        change = {"STAGES": 2}
    elif name == "gemm_byte" and case.m > FEW:
        change = {"BN": 32, "num_warps": 2} | ({"BK": 256, "STAGES": 4, "SPLIT": 1} if many else {})
    elif name == "gemm":
        change = _usual_gemm(case.m, many, long, device)
    elif many and "SPLIT" in config:
        change = {"SPLIT": 1}
    return config | change


def _usual_gemm(m: int, many: bool, long: bool, device: Device) -> Config:
    few = m <= LEAST_COLUMNS
    if many:
        return {"STAGES": 2 if few else 6}
    if long:
        return {"STAGES": 2, "SPLIT": 8} if few else {}
    return {"BK": 256, "STAGES": 4} if few and device.kind == "cuda" else {}


def _candidates(name: str, case: LinearCase) -> Iterable[Config]:
    blocks = -(-case.k // BLOCK)
    splits = [count for count in range(1, MOST_SPLIT + 1) if 8 % count == 0 or blocks % count == 0]
    if name == "wide":
        for bn, bk, unroll, warps in product((1, 2, 4, 8), (512, 1024, 2048), (1, 2), (1, 2, 4, 8)):
            if 8 <= bn * bk // (32 * warps) <= 64:
                yield {"BN": bn, "BK": bk, "UNROLL": unroll, "num_warps": warps}
    elif name == "runs":
        for bn, run, warps, unroll, count in product(
            (1, 2, 4, 8), (8, 16), (1, 2, 4, 8), (1, 2, 4), (1, 2)
        ):
            if bn * count * unroll <= 16:
                tile = {"BN": bn, "BK": run * 32 * warps * count, "RUN": run}
                yield tile | {"UNROLL": unroll, "num_warps": warps}
    elif name == "int4":
        for g, bw, unroll, warps in product((1, 2, 4), (32, 64, 128, 256), (1, 2, 4), (1, 2, 4, 8)):
            if bw // (32 * warps) in (1, 2):
                yield {"G": g, "BW": bw, "UNROLL": unroll, "num_warps": warps}
    elif name == "int4_matrix":
        for g, unroll, stages, warps in product((1, 2), (1, 2, 4), (1, 3, 4, 5), (1, 2, 4, 8)):
            if g * unroll <= 4 and 1 in (unroll, stages):
                yield {"G": g, "UNROLL": unroll, "STAGES": stages, "num_warps": warps}
    elif name == "int4_few":
        for r, wk, wr, split in product((2, 4, 8), (1, 2, 4), (1, 2, 4), splits):
            if wk * wr <= 4 and r * max(FEW, case.m) <= 128:
                yield {"R": r, "WK": wk, "WR": wr, "SPLIT": split}
    elif name.startswith("groups"):
        ways: list[Config] = [{}]
        if name == "groups_byte":
            ways = [{"DEEP": deep, "DIRECT": way} for deep in (1, 2) for way in (0, 1)]
        for q, stages, split, warps in product((1, 2, 4), (1, 2, 3, 4), splits, (4, 8)):
            if q * max(LEAST_COLUMNS, case.m) <= 128:
                config = {"Q": q, "STAGES": stages, "SPLIT": split, "num_warps": warps}
                yield from (config | way for way in ways)
    else:
        depth, sizes = {
            "gemm": ("BK", (64, 128, 256)),
            "gemm_byte": ("BK", (64, 128, 256)),
            "gemm_scaled": ("BK", (64,)),
            "gemm_int4": ("BW", (16, 32, 64)),
        }[name]
        for bn, bk, stages, warps, split in product(
            (16, 32, 64, 128), sizes, (1, 2, 3, 4, 6), (2, 4, 8), splits
        ):
            if bn >= 16 * warps // 2:
                sizes_of = {"BN": bn, depth: bk, "STAGES": stages, "num_warps": warps}
                yield sizes_of | {"SPLIT": split}


def fitted(config: Config, case: LinearCase) -> Config:
    """No block longer than K, no more unrolling or parts than there are blocks."""
    config = dict(config)
    if "G" in config and "STAGES" in config:
        steps = -(-case.k // STEP.value)
        config["num_warps"] = min(config["num_warps"], power_of_2(steps))
        config["UNROLL"] = min(config["UNROLL"], -(-steps // config["num_warps"]))
    for name, length in (("BK", case.k), ("BW", case.k // 8)):
        if name in config:
            least = 16 if "STAGES" in config else 1
            config[name] = max(least, min(config[name], power_of_2(length)))
            if "UNROLL" in config:
                config["UNROLL"] = max(1, min(config["UNROLL"], length // config[name]))
    if "DEEP" in config:
        config["DEEP"] = min(config["DEEP"], power_of_2(-(-case.k // 64)))
        if case.weight_format in SCALED:
            config["DEEP"] = 1
    if "SPLIT" in config:
        blocks = -(-case.k // config.get("BK", 8 * config.get("BW", 16)))
        config["SPLIT"] = min(config["SPLIT"], power_of_2(blocks + 1) // 2)
    return config
