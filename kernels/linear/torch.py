"""``linear`` by torch: ``F.linear``, and torch's own int4 product where its layout allows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from truetpot.kernels._lib.torch import dequantise
from truetpot.kernels._lib.torch.dequantise import DEQUANTISE

from truetpot.formats import Weight, rows
from truetpot.formats.woq_int4 import paired
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.memory import huge_empty
from truetpot.runtime.torch_device import TORCH_DTYPE, as_tensor

BLOCK = 64
_PART = 12 << 20
"""Weights unpacked at a time: they pass through int32, at a peak of about 100 MB."""
_CUDA_TILES = 4
"""Tiles of 16 along K that one CUDA thread block takes: 4 make a block of 64."""
_XPU_TILES = 8
"""What its signature asks for; the XPU layout has no tiles."""


@register(LINEAR, provider="torch", devices=("torch",))
class TorchLinear(Kernel):
    """x [m, k], weight as :meth:`pack` leaves it, bias [n] or None; out [m, n]. All in ``dtype``.

    On a device for which torch has no int4 product sym_int4 is one of the others.

    ==============  ===================================  ====================================
    format          packed                               product
    ==============  ===================================  ====================================
    fp32 fp16 bf16  [n, k] in the activations' dtype     ``F.linear``
    fp8_e5m2        [n, k] float8_e5m2                   ``F.linear`` on a widened copy
    sym_int4        torch's layout, [k/64, n, 2] scales  ``_weight_int4pack_mm``
    sym_int4, xpu   int32 [n, k/8], [k/64, n] scales     ``.._mm_with_scales_and_zeros``
    the others      codes and scales as they are         ``F.linear`` on a dequantised copy
    ==============  ===================================  ====================================
    """

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._product: Callable[[Tensor, Any, Tensor | None], Tensor]
        if _by_int4(case.weight_format, device):
            self._product = _INT4[device.kind]
        elif case.weight_format in DEQUANTISE:
            self._product = partial(dequantise.product, case.weight_format)
        else:
            self._product = _fp8 if case.weight_format == "fp8_e5m2" else functional.linear

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """torch has an int4 product for some shapes, dtypes and devices only."""
        if _by_int4(case.weight_format, device):
            return _int4_refuses(case, device.kind)
        if case.weight_format in (*TORCH_DTYPE, "fp8_e5m2", *DEQUANTISE):
            return None
        return f"torch has no product with {case.weight_format} weights"

    @classmethod
    def note(cls, device: Device) -> str:
        """What each format really runs as."""
        widened = "fp8 widened to the activations' dtype in every call"
        plain = "plain weights of another dtype converted once, when packed"
        int4 = {
            "cpu": "int4 by _weight_int4pack_mm_for_cpu",
            "cuda": "int4 by _weight_int4pack_mm",
            "xpu": "int4 by _weight_int4pack_mm_with_scales_and_zeros",
        }.get(device.kind, f"no int4 product on {device.kind}")
        others = "other formats dequantised in every call"
        return f"{int4}; {widened}; {others}; {plain}"

    def pack(self, weight: Weight) -> Any:
        """The weight as the table above has it."""
        if _by_int4(weight.format, self.device):
            if self.device.kind == "xpu":
                return self.pack_xpu(weight)
            packed = _pack_cpu(weight) if self.device.kind == "cpu" else self._pack_cuda(weight)
            return packed, self._scales_and_zeros(weight)
        if weight.format in DEQUANTISE:
            return dequantise.pack(weight, self.device.upload)
        codes: Tensor = self.device.upload(weight.codes)
        if weight.format == "fp8_e5m2":
            return codes.view(torch.float8_e5m2)
        return codes.to(TORCH_DTYPE[self.case.dtype])

    def __call__(self, *, x: Tensor, weight: Any, bias: Tensor | None) -> Tensor:
        """One product."""
        return self._product(x, weight, bias)

    def _pack_cuda(self, weight: Weight) -> Tensor:
        codes = self.device.upload(weight.codes)
        even, odd = _unpacked(codes).view(weight.shape[0], -1, 2).unbind(2)
        return torch._convert_weight_to_int4pack(even << 4 | odd, _CUDA_TILES)

    def pack_xpu(self, weight: Weight) -> tuple[Tensor, Tensor, Tensor]:
        """Codes in torch's layout for XPU, scales and zeros [k/64, n]: w = (q - zero) scale."""
        assert weight.scales is not None
        plain = self.device.upload(paired(weight.codes))
        codes = torch._convert_weight_to_int4pack(plain, _XPU_TILES)
        scales = self.device.upload(weight.scales).t().to(TORCH_DTYPE[self.case.dtype]).contiguous()
        return codes, scales, torch.full_like(scales, 8, dtype=torch.int8)

    def _scales_and_zeros(self, weight: Weight) -> Tensor:
        """[k/64, n, 2]: torch's w = (q - 8) * scale + zero, so the zeros are 0."""
        assert weight.scales is not None
        scales = self.device.upload(weight.scales).to(TORCH_DTYPE[self.case.dtype])
        return torch.stack((scales, torch.zeros_like(scales)), dim=2).transpose(0, 1).contiguous()


def _fp8(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return functional.linear(x, weight.to(x.dtype), bias)


def _int4_cpu(x: Tensor, weight: tuple[Tensor, Tensor], bias: Tensor | None) -> Tensor:
    out = torch._weight_int4pack_mm_for_cpu(x, weight[0], BLOCK, weight[1])
    return out if bias is None else out + bias


def _int4_cuda(x: Tensor, weight: tuple[Tensor, Tensor], bias: Tensor | None) -> Tensor:
    out = torch._weight_int4pack_mm(x, weight[0], BLOCK, weight[1])
    return out if bias is None else out + bias


def int4_xpu(x: Tensor, weight: tuple[Tensor, Tensor, Tensor], bias: Tensor | None) -> Tensor:
    """oneDNN's product behind torch's operator, which XPU alone has."""
    codes, scales, zeros = weight
    out = torch.ops.aten._weight_int4pack_mm_with_scales_and_zeros(x, codes, BLOCK, scales, zeros)
    return out if bias is None else out + bias


_INT4: dict[str, Callable[[Tensor, Any, Tensor | None], Tensor]] = {
    "cpu": _int4_cpu,
    "cuda": _int4_cuda,
    "xpu": int4_xpu,
}


def _by_int4(format: str, device: Device) -> bool:
    return format == "sym_int4" and device.kind in _INT4


def _int4_refuses(case: LinearCase, kind: str) -> str | None:
    if kind == "xpu":
        if case.dtype == "fp32":
            return "torch's int4 product on xpu takes fp16 and bf16 activations, not fp32"
        return None
    rows_of = {"cpu": 16, "cuda": 8}[kind]
    if case.n % rows_of:
        return f"torch's int4 product on {kind} takes N in multiples of {rows_of}, not {case.n}"
    if kind == "cuda" and case.dtype != "bf16":
        return f"torch's int4 product on cuda takes bf16 activations only, not {case.dtype}"
    return None


def _unpacked(codes: Tensor) -> Tensor:
    """uint8 [n, k/2] with two codes a byte as uint8 [n, k] with one, in the order of K."""
    blocks = codes.view(len(codes), -1, BLOCK // 2)
    return torch.cat((blocks & 15, blocks >> 4), dim=2).view(len(codes), -1)


def _pack_cpu(weight: Weight) -> Tensor:
    """uint8 [n, k/2] in torch's order. Rows are packed in groups of 64, so parts can be joined."""
    n, k = weight.shape
    packed = as_tensor(huge_empty(n * k // 2).reshape(n, k // 2))
    step = min(n, max(1, _PART // k // 64) * 64)
    wide = torch.empty((step, k), dtype=torch.int32)  # once: its page faults cost more than its use
    for start in range(0, n, step):
        part = rows(weight, start, min(start + step, n))
        unpacked = wide[: part.shape[0]].copy_(_unpacked(as_tensor(part.codes)))
        packed[start : start + step] = torch._convert_weight_to_int4pack_for_cpu(unpacked, 1)
    return packed
