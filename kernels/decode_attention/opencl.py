"""``decode_attention`` in OpenCL C: split over tokens, then the ranges put together.

A work-group has a sequence, a KV head and a range of tokens; each of its sub-groups reads whole
rows and serves all the query heads that its registers have room for. No matrix units: five heads
ask for ten operations an element of K or V, and at 560 GB/s an A770 (clpeak: 13.0 T a second in
float) has time for 46 an element of an fp16 cache, for 23 of an fp8 one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from truetpot.kernels._lib.opencl.kernel import OpenClKernel
from truetpot.kernels._lib.opencl.options import GRF, VALUES, applied, joined, withheld

from truetpot.ops import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.arrays import ITEMSIZE
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target

SUBGROUPS = (8, 16)
TEAM = (8, 4, 16)
"""Sub-groups of a work-group side by side over tokens; here as below the default comes first."""
ROWS = (512, 256)
"""Elements of K that a sub-group reads at a time, half as many of V: of head_dim 128 four rows
and two, what DG2's registers have room for beside queries or sums."""
WAVES = (8.0, 4.0, 2.0)
"""Work-groups for an Xe core. Eight are 64 of its 128 threads. With four, two threads an engine, an
A770 would wait for its threads longer than for memory: 1.2 times as long with an fp16 cache, 1.5
with fp8, at one sequence of 4096 tokens, and 0.7 and 0.8 with eight (``truetpot isa``)."""
MOST = 512
"""Tokens of a range: their scores are in local memory. What a range leaves for ``combine`` is then
1 % of what it read, of an fp8 cache 2 %."""
LEAST = 32
"""Tokens below which a range of its own is not worth a work-group."""
SLICES = 4
WORK_GROUP = 1024
"""Work-items, the most that Arc has."""


@dataclass(frozen=True)
class Plan:
    """How a case is divided on a target."""

    subgroup: int
    heads: int
    """Queries that a sub-group serves: query heads, times query tokens."""
    parts: int
    """Sub-groups that share the queries of a KV head."""
    team: int
    k_rows: int
    v_rows: int
    most: int

    @property
    def items(self) -> int:
        """The work-items of one work-group."""
        return self.subgroup * self.team * self.parts


def plan(
    case: DecodeAttentionCase,
    target: Target,
    subgroup: int = 0,
    team: int = TEAM[0],
    rows: int = ROWS[0],
    grf: int = VALUES[GRF][0],
    **_: Any,
) -> Plan | str:
    """The division, or why there is none in one line. `subgroup` 0: the smallest that fits."""
    words = case.head_dim * ITEMSIZE[case.kv_format] // 4
    fitting = [n for n in SUBGROUPS if n in target.subgroups and words and words % n == 0]
    if not fitting:
        return f"rows of {4 * words} bytes are no multiple of 4 bytes for each lane"
    size = subgroup or fitting[0]
    group = case.heads // case.kv_heads * case.query_tokens
    registers = grf * (32 if 8 in target.subgroups else 64)  # bytes: DG2's, and Xe2's
    if size * rows > registers:
        return f"{rows // case.head_dim} rows on sub-groups of {size} spill registers"
    # float sums may have five eighths of them
    parts = -(-group * case.head_dim * 4 // (registers * 5 // 8))
    heads = -(-group // parts)
    width = heads * parts * case.head_dim * 4
    while team > 1 and (size * team * parts > WORK_GROUP or team // 2 * width > target.local_bytes):
        team //= 2
    room = (target.local_bytes - 1024 - width) // (heads * parts * 4)
    most = min(MOST, room // 64 * 64)
    if size * parts > WORK_GROUP or most < LEAST:
        return f"{group} queries a KV head of {case.head_dim} are too many for a work-group"
    k_rows, v_rows = (_power_of_2(n // case.head_dim) for n in (rows, rows // 2))
    if case.page is not None and (case.page & (case.page - 1) or case.page < k_rows):
        return f"a page must be a power of two from {k_rows}, not {case.page}"
    return Plan(size, heads, parts, team, k_rows, v_rows, most)


def _power_of_2(rows: int) -> int:
    """The largest below, from 1 to 4."""
    return 1 << min(max(rows, 1).bit_length() - 1, 2)


@register(DECODE_ATTENTION, provider="opencl", devices=("opencl",))
class OpenClDecodeAttention(OpenClKernel):
    """softmax(q K^T / sqrt(d)) V over a contiguous or paged cache, ragged or not."""

    most_query_tokens = 8

    def __init__(self, case: DecodeAttentionCase, device: OpenClDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        divided = plan(case, device.target, **config)
        assert isinstance(divided, Plan)
        self.plan = divided
        self.pairs = case.batch * case.kv_heads
        waves = config.get("waves", WAVES[0])
        ranges = max(1, int(waves * device.target.units) // self.pairs)
        step = divided.team * divided.k_rows  # what the team reads at once, so that none waits
        each = max(LEAST, -(-case.context // ranges))
        self.each = min(divided.most, -(-each // step) * step)
        self._reserve(-(-case.context // self.each))

    def _reserve(self, splits: int) -> None:
        queries = self.case.rows * self.case.heads
        self.splits = splits
        self.sums = self.empty(queries * splits, self.case.head_dim, dtype=np.float32)
        self.states = self.empty(queries * splits, 2, dtype=np.float32)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Needs sub-groups and rows that divide among their lanes."""
        assert isinstance(device, OpenClDevice)
        if not device.target.subgroups:
            return f"{device.name} has no sub-groups (cl_intel_required_subgroup_size)"
        divided = plan(case, device.target)
        return divided if isinstance(divided, str) else super().refuses(case, device)

    @classmethod
    def configs(cls, case: DecodeAttentionCase, device: Device) -> Iterable[Config]:
        """The default, then sub-group, team, rows at a time, work-groups a core, registers.

        Not ``fast_math``: the sources start their maxima from an infinity.
        """
        assert isinstance(device, OpenClDevice)
        usual = plan(case, device.target)
        if isinstance(usual, str):
            return ()

        def sub_groups(config: Config) -> int:
            return int(config["team"]) * usual.parts

        return joined(cls._sizes(case, device.target, usual), device, (GRF,), sub_groups)

    @classmethod
    def withheld(cls, case: DecodeAttentionCase, device: Device) -> Iterable[tuple[Config, str]]:
        """Compiler options that the driver refuses."""
        return withheld(device, (GRF,))

    @staticmethod
    def _sizes(case: DecodeAttentionCase, target: Target, usual: Plan) -> Iterator[Config]:
        first: Config = {
            "subgroup": usual.subgroup, "team": usual.team, "rows": ROWS[0], "waves": WAVES[0],
        }  # fmt: skip
        yield first
        words = case.head_dim * ITEMSIZE[case.kv_format] // 4
        fitting = [n for n in SUBGROUPS if n in target.subgroups and words % n == 0]
        for subgroup, team, rows, waves in product(fitting, TEAM, ROWS, WAVES):
            config: Config = {"subgroup": subgroup, "team": team, "rows": rows, "waves": waves}
            divided = plan(case, target, **config)
            # of a team that is cut down there is a configuration already
            if isinstance(divided, Plan) and divided.team == team and config != first:
                yield config

    @classmethod
    def builds(cls, case: DecodeAttentionCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """Ranges, and what puts them together."""
        divided = plan(case, target, **config)
        assert isinstance(divided, Plan), divided
        of_both: dict[str, int | str | float] = {
            "DTYPE": case.dtype,
            "D": case.head_dim,
            "GROUP": case.heads // case.kv_heads,
            "TAIL": case.query_tokens,
        }
        attend: dict[str, int | str | float] = {
            "KV": case.kv_format,
            "PAGED": int(case.page is not None),
            "MOST": divided.most,
            "HEADS": divided.heads,
            "PARTS": divided.parts,
            "TEAM": divided.team,
            "K_ROWS": divided.k_rows,
            "V_ROWS": divided.v_rows,
        }
        variant = f"{case.dtype} kv={case.kv_format} head_dim={case.head_dim}"
        variant += f" group={of_both['GROUP']}" + " paged" * (case.page is not None)
        variant += f" query_tokens={case.query_tokens}" * (case.query_tokens > 1)
        builds = (
            Build(
                "decode_attention/attend.cl",
                "attend",
                of_both | attend,
                variant,
                divided.subgroup,
            ),
            Build(
                "decode_attention/combine.cl",
                "combine",
                of_both | {"SLICES": SLICES},
                f"combine {variant}",
            ),
        )
        return applied(builds, config)

    def __call__(
        self,
        *,
        q: OpenClArray,
        k_cache: OpenClArray,
        v_cache: OpenClArray,
        block_table: OpenClArray | None,
        lengths: OpenClArray,
        max_length: int,
    ) -> OpenClArray:
        """One launch for a context of one range, else two; out as q."""
        case, items = self.case, self.plan.items
        out = self.empty(*q.shape)
        splits = -(-max_length // self.each)
        if splits > self.splits:  # the sequences have outgrown the case
            self._reserve(splits)
        attend, combine = self.functions
        page = k_cache.shape[2] if block_table is None else k_cache.shape[2].bit_length() - 1
        attend(
            (self.pairs * items, splits), (items, 1),
            q, k_cache, v_cache, block_table, lengths, out, self.sums, self.states,
            math.log2(math.e) / math.sqrt(case.head_dim), case.kv_heads, self.each,
            0 if block_table is None else block_table.shape[1], page,
        )  # fmt: skip
        if splits > 1:
            items = case.head_dim * SLICES
            combine(
                (case.rows * case.heads * items,), (items,),
                self.sums, self.states, lengths, out, case.kv_heads, self.each, splits,
            )  # fmt: skip
        return out
