"""``rms_norm_linear_silu_mul`` in Triton: norm, gate and up projection, and activation in one."""

from __future__ import annotations

from truetpot.kernels._lib.triton.common import DEVICES
from truetpot.kernels._lib.triton.linear.normed import NormedProduct

from truetpot.ops import RMS_NORM_LINEAR_SILU_MUL
from truetpot.ops.registry import register


@register(RMS_NORM_LINEAR_SILU_MUL, provider="triton", devices=DEVICES)
class TritonRmsNormLinearSiluMul(NormedProduct):
    """silu(rms_norm(x) G^T) * (rms_norm(x) U^T), G the first half of the weight's rows."""

    paired = True
