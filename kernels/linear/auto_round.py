"""``linear`` by AutoRound's kernels (auto-round-lib, BesTLA): int4 weights on a CPU.

Its Python call is what is timed, as AutoRound's own layers make it: activations to fp32 and back,
checks of the packed weight, a fresh result.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from truetpot.formats import Weight
from truetpot.formats.woq_int4 import paired
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

BLOCK = 64
_PACKAGE = "auto_round_kernel"
_FORMATS = ("sym_int4", "woq_int4")
_TYPES = ("fp32", "int4", "fp16", False)
"""Computes in, weights, scales, asymmetric."""


@cache
def why_not() -> str | None:
    """Why the package cannot be called, in one line; None when it can. Imports it."""
    if importlib.util.find_spec(_PACKAGE) is None:
        return "auto-round-lib is not installed: pip install 'truetpot[auto-round]'"
    try:
        module = importlib.import_module(_PACKAGE)
    except Exception as error:  # noqa: BLE001
        # a binary for another torch raises whatever it likes
        return f"{_PACKAGE} cannot be imported: {str(error).strip().partition(chr(10))[0]}"
    return None if module.cpu_lib is not None else f"{_PACKAGE} has no library for this CPU"


@register(LINEAR, provider="auto_round", devices=("cpu",))
class AutoRoundLinear(Kernel):
    """x [m, k], weight in BesTLA's layout, bias [n] or None; out [m, n] in ``dtype``."""

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._library = importlib.import_module(_PACKAGE)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """It takes symmetric int4 in blocks alone."""
        if reason := why_not():
            return reason
        if case.weight_format not in _FORMATS:
            return f"called here with {' and '.join(_FORMATS)} weights, not {case.weight_format}"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """What is asked of it."""
        return "fp32 inside, x converted in every call"

    def pack(self, weight: Weight) -> Tensor:
        """From int8 [k, n] of -8 to 7 and scales [k/64, n]."""
        assert weight.scales is not None
        n, k = weight.shape
        plain = weight.codes if weight.format == "woq_int4" else paired(weight.codes)
        codes = np.stack([plain & 15, plain >> 4], axis=2).reshape(n, k).astype(np.int8) - 8
        scales = torch.from_numpy(weight.scales.astype(np.float32).T.copy())
        zeros = torch.zeros(k // BLOCK, n, dtype=torch.int8)
        columns = torch.from_numpy(codes.T.copy())
        packed: Tensor = self._library.repack_quantized_weight(
            columns, scales, zeros, BLOCK, *_TYPES
        )
        return packed

    def __call__(self, *, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """One product, the bias included."""
        case = self.case
        out: Tensor = self._library.woqgemm_linear(x, weight, bias, case.n, case.k, BLOCK, *_TYPES)
        return out
