"""The launch of ``linear`` in Triton, which the operators that have a linear in them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from truetpot.kernels._lib.triton.common import TL_DTYPE
from truetpot.kernels._lib.triton.dependent_launch import able, options
from truetpot.kernels._lib.triton.linear import int4, int4_few, int4_matrix, plain, warp_groups
from truetpot.kernels._lib.triton.linear.configs import (
    DEFAULT,
    INT4,
    MOST_ROWS,
    PLAIN,
    SCALED,
    columns,
    fitted,
    kinds,
    usual,
)
from truetpot.kernels._lib.triton.registers import MODE

from truetpot.formats import Weight
from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.torch_device import TorchDevice

_MOST_TILE = 512
"""Rows of W that a program has at most."""
FP8 = {"fp8_e5m2": torch.float8_e5m2, "fp8_e4m3": torch.float8_e4m3fn}


def refuses(case: LinearCase) -> str | None:
    """Why there is no product for the case; None if there is one."""
    if case.m > MOST_ROWS:
        return f"a decode batch of up to {MOST_ROWS} rows, not {case.m}"
    if case.weight_format not in (*PLAIN, *SCALED, *INT4):
        return f"no product with {case.weight_format} weights"
    return None


class _Arguments(NamedTuple):
    """Arrays of a launch; one that a flag switches off is any other."""

    x: Tensor
    gamma: Tensor
    weight: Any
    bias: Tensor
    residual: Tensor
    out: Tensor


@dataclass
class Product:
    """The launch for one case: which device function, with which arguments."""

    case: LinearCase
    device: TorchDevice
    config: Config
    paired: bool = False
    eps: float | None = None
    """Of the norm that x goes through first; None without one."""

    def __post_init__(self) -> None:
        case = self.case
        # parameters that are given say which function they are of
        normed = self.eps is not None
        of_case = kinds(case, self.device, normed)
        named = {*self.config} - {MODE}
        name = next((n for n in of_case if named <= {*DEFAULT[n]}), of_case[0])
        self.launch = {
            "int4": self._gemv_int4,
            "int4_matrix": self._gemv_int4_matrix,
            "int4_few": self._gemm_int4_few,
            "groups_int4": self._gemm_groups_int4,
            "groups_byte": self._gemm_groups_byte,
            "gemm_int4": self._gemm_int4,
            "runs": self._gemv_runs,
            "gemm_scaled": self._gemm,
            "gemm_byte": self._gemm,
            "gemm": self._gemm,
        }.get(name, self._gemv)
        self.n = case.n // 2 if self.paired else case.n
        default = usual(name, case, self.device, normed)
        default["EARLY"] *= able(self.device)
        self.config = fitted({**default, **self.config}, case)
        self.int4 = int4 if name in ("int4", "gemm_int4") else int4_matrix
        self.groups = -(-self.n // self.int4.GROUP)
        self.columns = columns(name, case, self.device)
        self._make_room()
        direct = case.weight_format in (case.dtype, "fp8_e5m2", *INT4, *SCALED)
        self.compute = TL_DTYPE[case.dtype if direct else "fp32"]

    def _make_room(self) -> None:
        """For sums of parts of K, and a count of them for each tile that is 0 between launches."""
        split, device = self.config.get("SPLIT", 1), self.device.torch
        rows = self.case.n + 2 * _MOST_TILE  # a tile may reach beyond the end of each half
        size = split * rows * self.columns if split > 1 else 1
        self.partial = torch.empty(size, dtype=torch.float32, device=device)
        self.arrived = torch.zeros(rows, dtype=torch.int32, device=device)

    def pack(self, weight: Weight) -> Any:
        """On the device; the halves of a paired weight each in whole groups."""
        if weight.format in INT4:
            return self.int4.pack(weight, self.device, 2 if self.paired else 1)
        codes = self.device.upload(weight.codes)
        if weight.format.startswith("fp8"):
            codes = codes.view(FP8[weight.format])
        if weight.scales is None:
            return codes
        return codes, self.device.upload(weight.scales) * SCALED[weight.format]

    def __call__(
        self,
        x: Tensor,
        weight: Any,
        bias: Tensor | None,
        gamma: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Tensor:
        """out [m, n], or [m, n / 2] if paired; x normed with gamma, out added to the residual."""
        out = torch.empty((self.case.m, self.n), dtype=x.dtype, device=x.device)
        given = _Arguments(
            x, x if gamma is None else gamma, weight, out if bias is None else bias,
            out if residual is None else residual, out,
        )  # fmt: skip
        flags = {
            "PAIRED": self.paired,
            "BIAS": bias is not None,
            "ADD": residual is not None,
        }
        self.launch(given, {**self.config, **flags, **options(self.config["EARLY"])})
        return out

    def _gemv(self, to: _Arguments, config: Config) -> None:
        n, k = self.n, self.case.k
        plain.gemv[(-(-n // config["BN"]),)](
            to.x, to.weight, to.bias, to.residual, to.out, n, k,
            EVEN=k % config["BK"] == 0, **config,
        )  # fmt: skip

    def _gemv_runs(self, to: _Arguments, config: Config) -> None:
        n, k = self.n, self.case.k
        codes, scales = to.weight if isinstance(to.weight, tuple) else (to.weight, to.weight)
        plain.gemv_runs[(-(-n // config["BN"]),)](
            to.x, codes, scales, to.bias, to.residual, to.out, n, k, SCALED=codes is not scales,
            EVEN=k % config["BK"] == 0, **config,
        )  # fmt: skip

    def _gemv_int4(self, to: _Arguments, config: Config) -> None:
        k, exact = self.case.k, self.case.dtype == "fp32"
        int4.gemv[(-(-self.groups // config["G"]),)](
            to.x, *to.weight, to.bias, to.residual, to.out, self.n, k, k // 8, k // 64, self.groups,
            *int4.BITS, EVEN=k // 8 % config["BW"] == 0, EXACT=exact, **config,
        )

    def _gemv_int4_matrix(self, to: _Arguments, config: Config) -> None:
        k, g, warps = self.case.k, config["G"], config["num_warps"]
        exponent, offset = int4_matrix.BITS[self.case.dtype]
        int4_matrix.gemv[(-(-self.groups // g),)](
            to.x, to.gamma, *to.weight, to.bias, to.residual, to.out, self.n, self.eps or 0.0,
            to.weight[0].shape[0], int4_matrix.MASK, exponent, offset, K=k, WARPS=warps,
            NORM=self.eps is not None, EVEN=k % (int4_matrix.STEP.value * warps) == 0,
            WHOLE=self.groups % g == 0, **config,
        )  # fmt: skip

    def _gemm(self, to: _Arguments, config: Config) -> None:
        k, bk = self.case.k, config["BK"]
        codes, scales = to.weight if isinstance(to.weight, tuple) else (to.weight, to.weight)
        plain.gemm[self._grid(config["BN"])](
            to.x, codes, scales, *self._results(to), self.case.m, self.n, k, BM=self.columns,
            COMPUTE=self.compute, SCALED=codes is not scales, EVEN=k % bk == 0, **config,
        )  # fmt: skip

    def _gemm_int4(self, to: _Arguments, config: Config) -> None:
        k = self.case.k
        int4.gemm[self._grid(config["BN"])](
            to.x, *to.weight, *self._results(to), self.case.m, self.n, k, k // 8, k // 64,
            self.groups, BM=self.columns, COMPUTE=self.compute, **config,
        )

    def _gemm_int4_few(self, to: _Arguments, config: Config) -> None:
        k, m, warps = self.case.k, self.case.m, config["WK"] * config["WR"]
        tile, groups = config["R"] * config["WR"], to.weight[0].shape[0]
        exponent, offset = int4_matrix.BITS[self.case.dtype]
        int4_few.gemm[self._grid(8 * tile)](
            to.x, *to.weight, *self._results(to), m, self.n, groups, int4_matrix.MASK,
            exponent, offset, K=k, BM=self.columns, FULL=m == self.columns,
            EVEN=k % (int4_matrix.HALF.value * config["WK"] * config["SPLIT"]) == 0,
            WHOLE=groups % tile == 0, num_warps=warps, **config,
        )  # fmt: skip

    def _gemm_groups_int4(self, to: _Arguments, config: Config) -> None:
        k, warps, (groups, steps, *_) = self.case.k, config["num_warps"], to.weight[0].shape
        exponent, offset = int4_matrix.BITS[self.case.dtype]
        warp_groups.gemm_int4[self._grid(16 * config["Q"] * warps)](
            to.x, *to.weight, *self._results(to), self.case.m, self.n, k, steps, groups,
            int4_matrix.MASK, exponent, offset, BM=self.columns, W=warps,
            EVEN=k % int4_matrix.HALF.value == 0, **config,
        )  # fmt: skip

    def _gemm_groups_byte(self, to: _Arguments, config: Config) -> None:
        k, warps = self.case.k, config["num_warps"]
        codes, scales = to.weight if isinstance(to.weight, tuple) else (to.weight, to.weight)
        warp_groups.gemm_byte[self._grid(16 * config["Q"] * warps)](
            to.x, codes, scales, *self._results(to), self.case.m, self.n, k, BM=self.columns,
            W=warps, SCALED=codes is not scales, EVEN=k % (64 * config["DEEP"]) == 0, **config,
        )  # fmt: skip

    def _grid(self, rows: int) -> tuple[int, int]:
        """Programs, of so many rows of W each, times parts of K."""
        outputs = rows // 2 if self.paired else rows
        return -(-self.n // outputs), self.config["SPLIT"]

    def _results(self, to: _Arguments) -> tuple[Tensor, ...]:
        return to.bias, to.residual, to.out, self.partial, self.arrived
