"""``linear`` by ``torch._scaled_mm``: fp8 times fp8, as dynamically quantised models run it.

x becomes e4m3 under one scale in every call, which is part of the time. That is coarser than the
operator: the reference keeps x as it is.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.inputs import Inputs
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice

_LARGEST = 448.0
"""Of e4m3fn."""
_SMALLEST_SCALE = 1e-12
_MULTIPLE = 16


@register(LINEAR, provider="torch_scaled_mm", devices=("torch",))
class ScaledMm(Kernel):
    """x [m, k], weight float8_e5m2 [n, k] seen through [k, n], bias [n] or None; out [m, n]."""

    coarse = "activations rounded to fp8_e4m3 under one scale"

    def __init__(self, case: LinearCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._one = torch.ones((), device=device.torch)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Weights with no scale of their own; shapes that a GPU's fp8 units take."""
        if case.weight_format != "fp8_e5m2":
            return f"fp8 without scales of blocks, that is fp8_e5m2, not {case.weight_format}"
        if case.k % _MULTIPLE or (device.kind != "cpu" and case.n % _MULTIPLE):
            return f"N and K in multiples of {_MULTIPLE}, not {case.n} and {case.k}"
        if device.kind == "cuda" and case.dtype == "fp32":
            return "16-bit activations on cuda, not fp32"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """What is timed besides the product."""
        return f"{cls.coarse}, in every call"

    def rounded(self, inputs: Inputs) -> Inputs:
        """x as e4m3 under its scale leaves it."""
        x = np.asarray(inputs["x"]).astype(np.float32)
        scale = np.maximum(np.abs(x).max() / np.float32(_LARGEST), np.float32(_SMALLEST_SCALE))
        codes = (x / scale).astype(ml_dtypes.float8_e4m3fn).astype(np.float64)
        return inputs | {"x": codes * scale.astype(np.float64)}

    def pack(self, weight: Weight) -> Tensor:
        """[k, n], columns in one piece, as the product asks for it."""
        codes: Tensor = self.device.upload(weight.codes)
        return codes.view(torch.float8_e5m2).t()

    def __call__(self, *, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Scale, round, multiply."""
        wide = x.float()
        scale = (wide.abs().amax() / _LARGEST).clamp(min=_SMALLEST_SCALE)
        codes = (wide / scale).to(torch.float8_e4m3fn)
        out = torch._scaled_mm(codes, weight, scale, self._one, out_dtype=x.dtype)
        return out if bias is None else out + bias
