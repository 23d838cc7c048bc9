"""The projections of a decode step, weights read from memory: GEMV, plain and fused."""

from __future__ import annotations

from truetpot.ops import (
    LINEAR,
    LINEAR_ADD,
    LINEAR_SILU_MUL,
    RMS_NORM_LINEAR,
    RMS_NORM_LINEAR_SILU_MUL,
)

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, providers, shape

ROLES = ["qkv", "o", "gate_up", "down", "lm_head"]


class Linear:
    """y = x W^T + b for one token, every projection and weight format."""

    version = "2"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "format", "role")
    params = ([DEVICE], providers("linear"), SIZE.formats, ROLES)

    def track_device_time(self, device, provider, format, role):
        """Seconds of one call."""
        what = case(LINEAR, shape(device, format, SIZE.contexts[0]), role)
        return kernel_time(LINEAR, what, provider, device)

    track_device_time.rounds = ROUNDS


class _Fused:
    version = "2"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "format")

    def track_device_time(self, device, provider, format):
        """Seconds of one call."""
        what = case(self.op, shape(device, format, SIZE.contexts[0]))
        return kernel_time(self.op, what, provider, device)

    track_device_time.rounds = ROUNDS


class LinearSiluMul(_Fused):
    """Gate and up, SiLU and product in one kernel."""

    op = LINEAR_SILU_MUL
    params = ([DEVICE], providers("linear_silu_mul"), SIZE.formats)


class LinearAdd(_Fused):
    """A projection and the residual."""

    op = LINEAR_ADD
    params = ([DEVICE], providers("linear_add"), SIZE.formats)


class RmsNormLinear(_Fused):
    """The norm and the projection that reads it."""

    op = RMS_NORM_LINEAR
    params = ([DEVICE], providers("rms_norm_linear"), SIZE.formats)


class RmsNormLinearSiluMul(_Fused):
    """The norm, gate and up, SiLU and product."""

    op = RMS_NORM_LINEAR_SILU_MUL
    params = ([DEVICE], providers("rms_norm_linear_silu_mul"), SIZE.formats)
