"""Which device function of ``linear`` in Triton a case gets, and with which launch parameters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from truetpot.kernels._lib.triton.common import local_memory, power_of_2
from truetpot.kernels._lib.triton.dependent_launch import choices
from truetpot.kernels._lib.triton.linear.int4_matrix import STEP

from truetpot.ops import LinearCase
from truetpot.ops.arrays import ITEMSIZE
from truetpot.ops.registry import Config
from truetpot.runtime.device import Device

MOST_ROWS = 16
PLAIN = ("fp32", "fp16", "bf16", "fp8_e5m2")
INT4 = ("sym_int4", "woq_int4")
FEW_ROWS, LONG_ROW = 16384, 8192
SCALED = {"fp8_e4m3": 1 / 256, "sym_int8": 1.0}
"""Formats of a byte a weight with a scale a block of 64, and what a scale is multiplied by."""
DEFAULT = {
    # fastest on most shapes of QwQ-32B on an H200; a tuned file knows better (docs/tuning.md)
    "wide": {"BN": 2, "BK": 1024, "UNROLL": 2, "num_warps": 4, "EARLY": 0},
    "narrow": {"BN": 4, "BK": 512, "UNROLL": 2, "num_warps": 2, "EARLY": 0},
    "scaled": {"BN": 4, "BK": 512, "UNROLL": 2, "num_warps": 2, "EARLY": 0},
    "int4": {"G": 2, "BW": 128, "UNROLL": 2, "num_warps": 4, "EARLY": 0},
    "int4_matrix": {"G": 1, "UNROLL": 1, "STAGES": 3, "num_warps": 4, "EARLY": 0},
    "gemm": {"BN": 32, "BK": 128, "STAGES": 3, "num_warps": 4, "EARLY": 0},
    "gemm_scaled": {"BN": 32, "BK": 64, "STAGES": 3, "num_warps": 4, "EARLY": 0},
    "gemm_int4": {"BN": 32, "BW": 32, "STAGES": 2, "num_warps": 4, "EARLY": 0},
}


def kinds(case: LinearCase, device: Device, normed: bool = False) -> tuple[str, ...]:
    """Keys of :data:`DEFAULT`, the usual first: which device functions, for which weights.

    Only one of them takes an x that is to be ``normed``.
    """
    if normed:
        return ("int4_matrix",)
    if case.weight_format in INT4 and case.m == 1:
        # the matrix engine multiplies 16-bit numbers; vectors are the better guess for Arc
        both = ("int4", "int4_matrix") if device.kind == "xpu" else ("int4_matrix", "int4")
        return ("int4",) if case.dtype == "fp32" else both
    return (_kind(case),)


def _kind(case: LinearCase) -> str:
    if case.weight_format in INT4:
        return "gemm_int4"
    if case.weight_format in SCALED:
        return "scaled" if case.m == 1 else "gemm_scaled"
    if case.m > 1:
        return "gemm"
    return "narrow" if case.weight_format == "fp8_e5m2" else "wide"


def configs(
    case: LinearCase, device: Device, paired: bool = False, normed: bool = False
) -> Iterable[Config]:
    """The default first. Each thread holds 4 to 64 accumulators or the loads of one."""
    seen: list[Config] = []
    n = case.n // 2 if paired else case.n
    for name in kinds(case, device, normed):
        for candidate in (usual(name, n, case.k), *_candidates(name)):
            for early in choices(device):
                config = fitted(candidate | early, case)
                if config in seen or (seen and not _has_room(config, case, device, paired)):
                    continue
                seen.append(config)
                yield config


def _has_room(config: Config, case: LinearCase, device: Device, paired: bool) -> bool:
    """Whether the stages' tiles of x and W fit local memory, where Triton keeps them there."""
    if device.kind != "cuda" or "BN" not in config or "STAGES" not in config:
        return True
    rows, inputs = config["BN"] * (2 if paired else 1), MOST_ROWS * ITEMSIZE[case.dtype]
    if "BW" in config:  # words of eight weights
        columns, each = config["BW"], 8 * inputs + 4 * rows
    else:
        columns, each = config["BK"], inputs + rows * ITEMSIZE.get(case.weight_format, 1)
    return bool(config["STAGES"] * columns * each <= local_memory(device))


def usual(name: str, n: int, k: int) -> Config:
    """A device function's default for n outputs: int4 has more warps where there are few rows."""
    config = DEFAULT[name]
    if name == "int4_matrix" and n > FEW_ROWS:
        return config | {"num_warps": 2 if n <= 2 * FEW_ROWS else 1}
    if name == "int4_matrix" and k > LONG_ROW:
        return config | {"STAGES": 4}
    return config


def _candidates(name: str) -> Iterable[Config]:
    if name in ("wide", "narrow"):
        for bn, bk, unroll, warps in product((1, 2, 4, 8), (512, 1024, 2048), (1, 2), (2, 4, 8)):
            if 8 <= bn * bk // (32 * warps) <= 64:
                yield {"BN": bn, "BK": bk, "UNROLL": unroll, "num_warps": warps}
    elif name == "scaled":
        for bn, warps, unroll, runs in product((1, 2, 4, 8), (1, 2, 4, 8), (1, 2, 4), (1, 2)):
            if bn * runs * unroll <= 16:
                bk = 8 * 32 * warps * runs
                yield {"BN": bn, "BK": bk, "UNROLL": unroll, "num_warps": warps}
    elif name == "int4":
        for g, bw, unroll, warps in product((1, 2, 4), (32, 64, 128, 256), (1, 2, 4), (1, 2, 4, 8)):
            if bw // (32 * warps) in (1, 2):
                yield {"G": g, "BW": bw, "UNROLL": unroll, "num_warps": warps}
    elif name == "int4_matrix":
        for g, unroll, stages, warps in product((1, 2), (1, 2, 4), (1, 3, 4, 5), (1, 2, 4, 8)):
            if g * unroll <= 4 and 1 in (unroll, stages):
                yield {"G": g, "UNROLL": unroll, "STAGES": stages, "num_warps": warps}
    else:
        depth, sizes = {
            "gemm": ("BK", (64, 128, 256)),
            "gemm_scaled": ("BK", (64,)),
            "gemm_int4": ("BW", (16, 32, 64)),
        }[name]
        for bn, bk, stages, warps in product((16, 32, 64), sizes, (1, 2, 3, 4), (2, 4, 8)):
            yield {"BN": bn, depth: bk, "STAGES": stages, "num_warps": warps}


def fitted(config: Config, case: LinearCase) -> Config:
    """No block longer than K, no more unrolling than there are blocks."""
    config = dict(config)
    if "G" in config and "STAGES" in config:
        steps = -(-case.k // STEP)
        config["num_warps"] = min(config["num_warps"], power_of_2(steps))
        config["UNROLL"] = min(config["UNROLL"], -(-steps // config["num_warps"]))
    for name, length in (("BK", case.k), ("BW", case.k // 8)):
        if name in config:
            least = 16 if "STAGES" in config else 1
            config[name] = max(least, min(config[name], power_of_2(length)))
            if "UNROLL" in config:
                config["UNROLL"] = max(1, min(config["UNROLL"], length // config[name]))
    return config
