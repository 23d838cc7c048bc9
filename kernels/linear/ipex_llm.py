"""``linear`` by ipex-llm: its own CPU library, and on XPU the function that its rule picks."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import ipex_llm as vendor

from truetpot.facts.ipex_llm import choose, qtypes
from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.inputs import Inputs
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

_CPU_FORMATS = ("sym_int4", "asym_int4", "sym_int8", "woq_int4")
"""Others abort the process (GGML_ASSERT), as ipex-llm's Python refuses them."""
_XPU_FORMATS = (*_CPU_FORMATS, "fp8_e4m3", "fp8_e5m2", "nf4", "fp4", "fp6", "q4_k")
_DEQUANTISED = 512
"""Rows from which on ipex-llm multiplies by a dequantised copy on servers."""


@register(LINEAR, provider="ipex_llm", devices=("cpu",))
class IpexLlmLinear(Kernel):
    """x [m, k], weight in ggml's blocks, bias [n] or None; out [m, n] in ``dtype``.

    As ``LowBitLinear.forward`` of ipex-llm does on a CPU, in every call: x to float32, the product,
    the bias, back to ``dtype``.
    """

    coarse = "activations rounded to 8 bits in blocks of 64"

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        library = vendor.cpu_library()
        assert not isinstance(library, str), library
        self._multiply = library.ggml_compute_forward_mul_mat_q_fp32
        self._qtype = qtypes()[case.weight_format]
        pair = ctypes.c_int64 * 2
        self._w_shape, self._x_shape = pair(case.k, case.n), pair(case.k, case.m)
        self.config = {**config, "library": vendor.cpu_variant()}

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Formats that the library multiplies by on a CPU, and few rows."""
        library = vendor.cpu_library()
        if isinstance(library, str):
            return library
        if case.weight_format not in _CPU_FORMATS:
            return f"ipex-llm has no product with {case.weight_format} weights on a CPU"
        if case.m >= _DEQUANTISED:
            return f"from {_DEQUANTISED} rows on ipex-llm dequantises the weight first"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """Which build runs, and at what precision."""
        if isinstance(vendor.cpu_library(), str):
            return ""
        return f"{vendor.cpu_variant()}; {cls.coarse}; x to fp32 and back in every call"

    def rounded(self, inputs: Inputs) -> Inputs:
        """x as the library's own quantisation leaves it."""
        return inputs | {"x": vendor.in_8_bits(inputs["x"])}

    def pack(self, weight: Weight) -> Tensor:
        """The same codes and scales, block by block."""
        return torch.from_numpy(vendor.cpu_blocks(weight))

    def __call__(self, *, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """One product."""
        wide = x.float().contiguous()
        out = torch.empty(self.case.m, self.case.n)
        self._multiply(
            self._w_shape,
            weight.data_ptr(),
            self._qtype,
            self._x_shape,
            wide.data_ptr(),
            out.data_ptr(),
        )
        if bias is not None:
            out += bias
        return out.to(x.dtype)


@register(LINEAR, provider="ipex_llm", devices=("xpu",))
class IpexLlmXpuLinear(Kernel):
    """x [m, k], weight in the vendor's XPU layout, bias [n] or None; out [m, n] in ``dtype``.

    ``forward_new`` or ``batch_forward``, whichever ipex-llm itself would call for this device,
    format and shape; the bias is a kernel of its own, as there.
    """

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        family = vendor.family(device.name)
        chosen = choose(family, case.weight_format, case.dtype, case.m, case.n, case.k)
        self._qtype = qtypes()[case.weight_format]
        self._batch = chosen.function == "xe_batch.batch_forward"
        self._forward = vendor.operator(chosen.function.partition(".")[2])
        self.config = {**config, "function": chosen.function, "family": family}

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """The native functions have to be there, and to run the case as it is."""
        reason = vendor.why_not_xpu(("forward_new",), "xe_linear")
        reason = reason or vendor.why_not_xpu(("batch_forward",), "xe_batch")
        return reason or _limits(case, vendor.family(device.name))

    @classmethod
    def note(cls, device: Device) -> str:
        """Which function it is depends on the case."""
        return "forward_new or batch_forward by ipex-llm's rule (truetpot dispatch)"

    def pack(self, weight: Weight) -> Tensor:
        """The same codes, then the same scales."""
        packed: Tensor = self.device.upload(vendor.xpu_layout(weight))
        return packed

    def __call__(self, *, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """One product."""
        if self._batch:
            out: Tensor = self._forward(x, weight, self._qtype)
        else:  # the schema calls its last argument input_size; ipex-llm passes the outputs
            out = self._forward(x, weight, self._qtype, self.case.n)
        if bias is not None:
            out += bias
        return out


def _limits(case: LinearCase, family: str) -> str | None:
    if case.weight_format not in _XPU_FORMATS:
        return f"ipex-llm has no low-bit product with {case.weight_format} weights"
    if case.dtype == "bf16":
        return "ipex-llm's kernels take fp16 and fp32 activations, not bf16"
    if case.k % vendor.BLOCK:
        return f"ipex-llm takes K in blocks of {vendor.BLOCK}, not {case.k}"
    if choose(family, case.weight_format, case.dtype, case.m, case.n, case.k).converts:
        return "ipex-llm runs this in fp16, activations converted: ask for fp16"
    return None
