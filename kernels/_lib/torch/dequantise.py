"""Canonical weights dequantised by torch on any device, in float32: for what it has no product of.

The formulas and layouts are those of :mod:`truetpot.formats`; codes [n, ...] and scales
[n, blocks, ...] are its arrays as tensors, and values are [n, blocks, 64].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from truetpot.formats import Weight, fp4, fp6, nf4, q4_k
from truetpot.formats.weight import Array

BLOCK = 64


def _halves(codes: Tensor) -> Tensor:
    """[n, blocks, 64] codes from sym_int4's order of nibbles."""
    packed = codes.view(len(codes), -1, BLOCK // 2)
    return torch.cat((packed & 15, packed >> 4), dim=2)


def _pairs(codes: Tensor) -> Tensor:
    """[n, blocks, 64] codes from plain order."""
    return torch.stack((codes & 15, codes >> 4), dim=2).view(len(codes), -1, BLOCK)


def _woq_int4(codes: Tensor, scales: Tensor) -> Tensor:
    return (_pairs(codes).float() - 8) * scales.float()[..., None]


def _sym_int4(codes: Tensor, scales: Tensor) -> Tensor:
    return (_halves(codes).float() - 8) * scales.float()[..., None]


def _asym_int4(codes: Tensor, scales: Tensor) -> Tensor:
    d, m = scales.float().split(1, dim=2)
    return _halves(codes).float() * d + m


def _sym_int8(codes: Tensor, scales: Tensor) -> Tensor:
    return codes.view(len(codes), -1, BLOCK).float() * scales[..., None]


def _fp8_e4m3(codes: Tensor, scales: Tensor) -> Tensor:
    values = codes.view(torch.float8_e4m3fn).float()
    return values.view(len(codes), -1, BLOCK) * (scales / 256)[..., None]


def _nf4(codes: Tensor, scales: Tensor, values: Tensor) -> Tensor:
    packed = codes.view(len(codes), -1, BLOCK // 2)
    return values[torch.cat((packed >> 4, packed & 15), dim=2).int()] * scales.float()[..., None]


def _fp4(codes: Tensor, scales: Tensor, values: Tensor) -> Tensor:
    return values[_halves(codes).int()] * scales.float()[..., None]


def _fp6(codes: Tensor, scales: Tensor, values: Tensor, low_at: Tensor, high_at: Tensor) -> Tensor:
    n = len(codes)
    packed = codes.view(n, -1, fp6.CODE_BYTES)
    low, high = packed.split((32, 16), dim=2)
    nibbles = torch.stack((low & 15, low >> 4), dim=3).view(n, -1, 16)
    upper = torch.stack([high >> shift & 3 for shift in (0, 2, 4, 6)], dim=3).view(n, -1, 16)
    whole = (nibbles[..., low_at] | upper[..., high_at] << 4).view(n, -1, BLOCK)
    return values[whole.int()] * scales.float()[..., None]


def _q4_k(codes: Tensor, d: Tensor, dmin: Tensor, subs: Tensor) -> Tensor:
    packed = codes.view(len(codes), -1, q4_k.SUB // 2)
    values = torch.cat((packed & 15, packed >> 4), dim=2).float()
    scale, low = subs.float().unbind(3)
    scale, low = scale * d.float()[..., None], low * dmin.float()[..., None]
    return values * scale.view(len(codes), -1, 1) - low.view(len(codes), -1, 1)


class Dequantise(NamedTuple):
    """How a format is dequantised: a function of the arrays that :func:`pack` makes, in float32."""

    values: Callable[..., Tensor]
    tables: tuple[Array, ...] = ()
    """What the function takes besides, the same for every weight."""


DEQUANTISE = {
    "sym_int4": Dequantise(_sym_int4),
    "woq_int4": Dequantise(_woq_int4),
    "asym_int4": Dequantise(_asym_int4),
    "sym_int8": Dequantise(_sym_int8),
    "fp8_e4m3": Dequantise(_fp8_e4m3),
    "nf4": Dequantise(_nf4, (nf4.VALUES.astype(np.float32),)),
    "fp4": Dequantise(_fp4, (fp4.VALUES.astype(np.float32),)),
    "fp6": Dequantise(_fp6, ((fp6.VALUES / 4096).astype(np.float32), fp6.LOW, fp6.HIGH)),
    "q4_k": Dequantise(_q4_k),
}
"""By format: a format that torch is to take is a line here and its function."""

_PART = 1 << 24
"""Weights dequantised at a time: 64 MB in float32. The whole of an output head would be 3 GB."""


class Packed(NamedTuple):
    """A weight on the device."""

    parts: list[Tensor]
    """Codes [n, ...], scales [n, ...]."""
    tables: list[Tensor]


def pack(weight: Weight, upload: Callable[[Array], Tensor]) -> Packed:
    """The canonical arrays as they are; each field of q4_k's scales is one."""
    scales = weight.scales
    assert scales is not None
    fields = [scales[name] for name in scales.dtype.names] if scales.dtype.names else [scales]
    parts = [upload(part) for part in (weight.codes, *fields)]
    return Packed(parts, [upload(table) for table in DEQUANTISE[weight.format].tables])


def product(format: str, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
    """``F.linear`` of x [m, k] with the weight [n, k] in x's dtype, some of its rows at a time."""
    (m, k), n = x.shape, len(packed.parts[0])
    out = x.new_empty((m, n))
    for start in range(0, n, step := max(1, _PART // k)):
        some = slice(start, start + step)
        wide = DEQUANTISE[format].values(*(part[some] for part in packed.parts), *packed.tables)
        values = wide.view(-1, k).to(x.dtype)
        out[:, some] = functional.linear(x, values, None if bias is None else bias[some])
    return out
