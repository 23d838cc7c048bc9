"""The launch of ``decode_attention`` in Triton, with or without the rotation of its query.

A program has one sequence, one KV head and a range of tokens. The heads of the group, of each query
token, are the rows of a matrix product, filled up to a power of two, so K and V are read once for
all of them. Programs leave their sums in scratch memory and count themselves; the one that finds
itself last puts the ranges together (flash decoding with the second launch saved: 2 us of 8 at a
context of 1024).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from truetpot.kernels._lib.triton.attention import functions, pairs
from truetpot.kernels._lib.triton.common import TL_DTYPE, local_memory, power_of_2, units
from truetpot.kernels._lib.triton.dependent_launch import able, choices, options

from truetpot.ops import DecodeAttentionCase
from truetpot.ops.registry import Config
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice

MATRIX_ROWS = 16
"""The fewest rows of a ``tl.dot``."""
GROUP_ROWS = 64
"""Rows of Hopper's product of a warp group, which takes K and V from shared memory."""
MOST_SPLITS = 256
MOST_ROWS = 32
"""Rows from which on their sums leave registers for half as many ranges (compiled for Hopper)."""
SHORT, SINGLE, USUAL, OF_BYTES = (
    {"BT": 128, "WAVES": 3.0, "STAGES": 2, "CHUNK": 16, "num_warps": 4},
    {"BT": 64, "WAVES": 1.0, "STAGES": 4, "CHUNK": 16, "num_warps": 4},
    {"BT": 64, "WAVES": 2.0, "STAGES": 3, "CHUNK": 16, "num_warps": 4},
    {"BT": 128, "WAVES": 2.0, "STAGES": 3, "CHUNK": 16, "num_warps": 4},
)
"""Fastest on an H200 (docs/performance/h200.md); a tuned file knows better (docs/tuning.md)."""
MOST_PLACES = 1 << 31
"""Elements that 32 bits can tell apart."""
SHORT_TO = 2048
"""Tokens of all sequences up to which a program has one or two tiles."""


class Rope(NamedTuple):
    """What the query is rotated with, where that is left to the attention."""

    cos_sin: Tensor
    q_norm: Tensor | None
    k_norm: Tensor | None
    eps: float


class Attention:
    """The launch for one case."""

    def __init__(self, case: DecodeAttentionCase, device: TorchDevice, config: Config) -> None:
        self.case, self.config = case, usual(case, device) | config
        self.compute = TL_DTYPE["fp16" if _widened(case) else case.dtype]
        self.ptx = pairs.by_ptx(device)
        self.pairs = case.batch * case.kv_heads
        self.group = case.heads // case.kv_heads
        self.rows = self.group * case.query_tokens
        self.least_rows = self.config.pop("ROWS", MATRIX_ROWS)
        if case.query_tokens > 1:  # put together as many ranges at once as fit the registers
            few = power_of_2(self.rows)
            ranges = self.config["CHUNK"] * power_of_2(self.group) // few
            self.config["CHUNK"] = max(1, ranges // 2 if few > MOST_ROWS else ranges)
        waves = self.config.pop("WAVES")
        splits = int(waves * units(device) / self.pairs)  # one program more would be a wave more
        self.most_splits = min(MOST_SPLITS, max(1, splits))
        size = self.pairs * self.most_splits * self.rows * (case.head_dim + 2)
        self.partial = torch.empty(size, dtype=torch.float32, device=device.torch)
        self.arrived = torch.zeros(self.pairs, dtype=torch.int32, device=device.torch)

    def __call__(
        self,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor | None,
        lengths: Tensor,
        max_length: int,
        rope: Rope | None = None,
    ) -> Tensor:
        """out [rows, heads, head_dim]; with ``rope``, q is qkv."""
        case, config = self.case, self.config
        out = torch.empty((case.rows, case.heads, case.head_dim), dtype=q.dtype, device=q.device)
        splits = min(self.most_splits, -(-max_length // config["BT"]))
        cos_sin, q_norm, k_norm, eps = rope or Rope(q, None, None, 0.0)
        functions.attend[(self.pairs, splits)](
            q, k_cache, v_cache, q if block_table is None else block_table, lengths, out,
            self.partial, self.arrived, math.log2(math.e) / math.sqrt(case.head_dim),
            case.kv_heads, splits, 1 if block_table is None else block_table.shape[1],
            k_cache.shape[2], max_length, cos_sin, q if q_norm is None else q_norm,
            q if k_norm is None else k_norm, eps, PAGE=case.page or 0,
            GROUP=self.group, TOKENS=case.query_tokens,
            ROWS=max(self.least_rows, power_of_2(self.rows)), FEW_ROWS=power_of_2(self.rows),
            FEW_TOKENS=power_of_2(case.query_tokens), D=case.head_dim, RAGGED=case.ragged,
            COMPUTE=self.compute, PTX=self.ptx,
            WIDE=k_cache.numel() > MOST_PLACES,
            ROPE=rope is not None, NORM=q_norm is not None,
            **{"PAIRS": 0, **config, **options(config["EARLY"])},
        )  # fmt: skip
        return out


def refuses(case: DecodeAttentionCase) -> str | None:
    """Sizes of blocks are powers of two."""
    if case.head_dim != power_of_2(case.head_dim) or case.head_dim < MATRIX_ROWS:
        return f"head_dim must be a power of two from {MATRIX_ROWS}, not {case.head_dim}"
    return None


def _widened(case: DecodeAttentionCase) -> bool:
    """Whether the cache has bytes that are widened to fp16."""
    return case.kv_format.startswith("fp8") and case.dtype != "fp32"


def usual(case: DecodeAttentionCase, device: Device) -> Config:
    """The default, its tiles no larger than the device's local memory."""
    config = dict(SINGLE if case.page is None and case.batch == 1 else USUAL)
    if case.kv_format.startswith("fp8"):
        config = dict(OF_BYTES)
    short = case.context * case.batch <= SHORT_TO
    if short:
        config = dict(SHORT)
    if _widened(case):
        config["PAIRS"] = int(device.kind != "xpu")  # nobody has seen there what it costs
    # longer ones keep programs waiting where they came early, and some multiprocessors get two
    config["EARLY"] = int(short and able(device))
    if case.query_tokens > 1:
        config["ROWS"] = MATRIX_ROWS
    tile = 2 * config["BT"] * case.head_dim * 2 * config["STAGES"]
    while tile > local_memory(device) and config["BT"] > MATRIX_ROWS:
        config["BT"], tile = config["BT"] // 2, tile // 2
    return config


def configs(case: DecodeAttentionCase, device: Device) -> Iterable[Config]:
    """The default, then tile length, programs a multiprocessor, pipeline depth, warps.

    For several query tokens also the fewest rows of a product; where nothing is known of a cache
    of bytes read in pairs, both ways.
    """
    default = usual(case, device)
    yield from (default | early for early in choices(device, default["EARLY"]))
    depths, widths = (2, 3, 4), (2, 4, 8)
    most = 64 * 1024
    if case.dtype == "fp32":  # tiles of keys and values are kept for all stages, none in registers
        most = min(most, local_memory(device) // 4)
    rows = ({},) if case.query_tokens == 1 else ({"ROWS": MATRIX_ROWS}, {"ROWS": GROUP_ROWS})
    both = _widened(case) and not pairs.by_ptx(device)
    ways = ({"PAIRS": 0}, {"PAIRS": 1}) if both else ({},)
    shapes = [row | way for row in rows for way in ways]
    for bt, waves, stages, warps in product((32, 64, 128), (0.5, 1, 2, 3), depths, widths):
        if bt // 32 <= 2 * warps and stages * bt * case.head_dim <= most:
            sizes = {"BT": bt, "WAVES": float(waves), "STAGES": stages, "num_warps": warps}
            for one in shapes:
                yield from (default | sizes | one | early for early in choices(device))
