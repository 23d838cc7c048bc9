"""``rms_norm_linear`` in Triton: x is normed on its way into the product."""

from __future__ import annotations

from truetpot.kernels._lib.triton.common import DEVICES
from truetpot.kernels._lib.triton.linear.normed import NormedProduct

from truetpot.ops import RMS_NORM_LINEAR
from truetpot.ops.registry import register


@register(RMS_NORM_LINEAR, provider="triton", devices=DEVICES)
class TritonRmsNormLinear(NormedProduct):
    """rms_norm(x) W^T + bias in one kernel."""
