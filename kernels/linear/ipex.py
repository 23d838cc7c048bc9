"""``linear`` by IPEX: its weight-only-quantised products."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import ipex as vendor

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TORCH_DTYPE

_BLOCK = 64
_SCHEMA = "ipex_woq_linear(Tensor input, Tensor W_prepack) -> Tensor"
_DTYPES = {"sym_int8": 1, "sym_int4": 2, "woq_int4": 2, "asym_int4": 2, "nf4": 3}
"""``WoqWeightDtype`` of a format."""
_PRECISIONS = {"fp32": 0, "fp16": 1, "bf16": 2}
"""``WoqLowpMode`` in which a product is computed: in the activations' own dtype."""
_NOT_QUANTISED = -1
"""``WoqActQuantMode`` for activations as they are."""
_FAST = ("AVX512_FP16", "AMX")


@register(LINEAR, provider="ipex", devices=("cpu",))
class IpexLinear(Kernel):
    """x [m, k], weight prepacked by IPEX, bias [n] or None; out [m, n]. All in ``dtype``."""

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Formats that are codes times a scale a block of 64."""
        if reason := vendor.why_not("cpu", _SCHEMA):
            return reason
        if case.weight_format in _DTYPES:
            return None
        return f"IPEX has no weight-only product with {case.weight_format} weights as they are here"

    @classmethod
    def note(cls, device: Device) -> str:
        """Its product has kernels for AVX512_FP16 and later; elsewhere it dequantises."""
        if vendor.why_not("cpu", _SCHEMA):
            return ""
        isa = vendor.isa()
        if isa.startswith(_FAST):
            return isa
        return f"{isa}: IPEX's own kernels need AVX512_FP16, so each call dequantises the weight"

    def pack(self, weight: Weight) -> Any:
        """IPEX's own blocking of two codes a byte, the even one low; scales and zeros in fp32.

        The bias, which IPEX wants in the same object, comes with the call and is added there.
        """
        assert weight.scales is not None
        scales = torch.from_numpy(np.asarray(weight.scales, dtype=np.float32))
        zeros = None
        if weight.format == "asym_int4":
            scales, zeros = _zeros(*scales.unbind(2))
        codes = torch.from_numpy(np.ascontiguousarray(weight.codes))
        return torch.ops.ipex_prepack.weight_only_qlinear_prepack(
            codes.view(torch.int8) if weight.format == "sym_int8" else _pairs(codes, weight.format),
            _DTYPES[weight.format],
            list(weight.shape),
            scales,
            zeros,
            None,
            None,
            None,
            _BLOCK,
            _PRECISIONS[self.case.dtype],
            _NOT_QUANTISED,
            False,
        )

    def __call__(self, *, x: Tensor, weight: Any, bias: Tensor | None) -> Tensor:
        """One product."""
        out: Tensor = torch.ops.torch_ipex.ipex_woq_linear(x, weight.get_data_handle())
        assert out.dtype == TORCH_DTYPE[self.case.dtype]
        return out if bias is None else out.add_(bias)


_XPU_FORMATS = ("sym_int4", "woq_int4", "fp8_e5m2")
_XPU_SCHEMAS = (
    "mm_int4(Tensor x, Tensor w, Tensor scales, Tensor zeros, int group, Tensor? idx) -> Tensor",
    (
        "mm_bias_int4(Tensor x, Tensor w, Tensor bias, Tensor scales, Tensor zeros, int group, "
        "Tensor? idx) -> Tensor"
    ),
    (
        "mm_low_bits(Tensor x, Tensor w, Tensor scales, Tensor? zeros, Tensor? bias, "
        "bool has_bias, str compute, str weight, int group, Tensor? idx) -> Tensor"
    ),
    "fp8_gemm_w8a16(Tensor x, Tensor w, bool trans, Tensor? scales, Tensor? bias) -> Tensor",
)


@register(LINEAR, provider="ipex", devices=("xpu",))
class IpexXpuLinear(Kernel):
    """x [m, k], weight as below, bias [n] or None; out [m, n], in fp16. Not run on a card yet.

    As ``WeightOnlyQuantizedLinear.forward`` of IPEX's XPU branch does it:

    ========  ================================================  ================================
    format    packed                                            product
    ========  ================================================  ================================
    int4      int32 [k/8, n] contiguous along k, fp16 scales    ``mm_int4``, ``mm_bias_int4``
              [k/64, n], zero point 8                           (oneDNN: B-series, Max)
    int4      int32 [n, k/8], fp16 scales [n, k/64]             ``mm_low_bits`` (XeTLA: A-series)
    fp8_e5m2  float8_e5m2 [n, k], scale 1                       ``fp8_gemm_w8a16``
    ========  ================================================  ================================
    """

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._xetla = case.weight_format != "fp8_e5m2" and vendor.uses_xetla()
        names = ("mm_int4", "mm_bias_int4", "mm_low_bits", "fp8_gemm_w8a16")
        self._int4, self._bias_int4, self._low_bits, self._fp8 = map(vendor.operator, names)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """fp16, and what IPEX does not dequantise first."""
        if reason := vendor.why_not("xpu", *_XPU_SCHEMAS):
            return reason
        if case.weight_format not in _XPU_FORMATS:
            return f"IPEX has no product with {case.weight_format} weights on XPU"
        if case.dtype != "fp16":
            return f"IPEX's low-bit products on XPU are taken in fp16 here, not in {case.dtype}"
        if case.m > 1 and case.weight_format != "fp8_e5m2" and vendor.uses_xetla():
            return "on this device IPEX dequantises int4 weights for more than one row"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """How far it has been tried."""
        return vendor.UNTRIED

    def pack(self, weight: Weight) -> Any:
        """The weight as the table above has it."""
        codes = torch.from_numpy(np.ascontiguousarray(weight.codes).view(np.uint8))
        if weight.format == "fp8_e5m2":
            packed = codes.view(torch.float8_e5m2), torch.ones(1)
        else:
            assert weight.scales is not None
            words = _pairs(codes, weight.format).contiguous().view(torch.int32)
            scales = torch.from_numpy(np.ascontiguousarray(weight.scales))
            layout = (words, scales) if self._xetla else (words, scales.t().contiguous())
            packed = layout[0], layout[1]
        device = self.device.torch
        moved = tuple(part.to(device) for part in packed)
        if weight.format == "fp8_e5m2" or self._xetla:
            return moved
        return moved[0].t(), moved[1], torch.tensor([8], dtype=torch.int8, device=device)

    def __call__(self, *, x: Tensor, weight: Any, bias: Tensor | None) -> Tensor:
        """One product."""
        out: Tensor
        if self.case.weight_format == "fp8_e5m2":
            codes, scale = weight
            out = self._fp8(x, codes, True, scale, bias)
        elif self._xetla:
            words, scales = weight
            has_bias = bias is not None
            kinds = ("fp16", "int4_fullrange")
            out = self._low_bits(x, words, scales, None, bias, has_bias, *kinds, _BLOCK, None)
        elif bias is None:
            words, scales, zero = weight
            out = self._int4(x, words, scales, zero, _BLOCK, None)
        else:
            words, scales, zero = weight
            out = self._bias_int4(x, words, bias, scales, zero, _BLOCK, None)
        return out


def _pairs(codes: Tensor, format: str) -> Tensor:
    """Codes two a byte in the order of K, from halves of a block side by side."""
    if format == "woq_int4":
        return codes
    halves = codes.view(len(codes), -1, _BLOCK // 2)
    low, high = halves & 15, halves >> 4
    order = (high, low) if format == "nf4" else (low, high)
    plain = torch.cat(order, dim=2)
    return (plain[..., 1::2] << 4 | plain[..., ::2]).view(len(codes), -1)


def _zeros(d: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point for q d + m = (q - z) s; a block of d = 0 has q = 0: s = m, z = -1."""
    flat = d == 0
    scales = torch.where(flat, m, d)
    return scales, torch.where(flat, torch.full_like(m, -1), -m / torch.where(flat, 1, d))
