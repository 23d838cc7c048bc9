"""The projections of a decode step, weights read from memory: GEMV, plain and fused."""

from __future__ import annotations

from truetpot.ops import (
    LINEAR,
    LINEAR_ADD,
    LINEAR_SILU_MUL,
    RMS_NORM_LINEAR,
    RMS_NORM_LINEAR_SILU_MUL,
)

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, offered, providers, shape

ROLES = ["qkv", "o", "gate_up", "down", "lm_head"]


@offered
class Linear:
    """y = x W^T + b, every projection and weight format, a row of x for each sequence.

    With more rows than a decode step has only the vendors' kernels and torch's take part.
    """

    version = "3"
    unit = "seconds"
    timeout = 900
    pretty_name = "linear"
    param_names = ("device", "provider", "format", "role", "rows")
    params = ([DEVICE], providers("linear"), SIZE.formats, ROLES, [*SIZE.batches, *SIZE.rows])

    def track_device_time(self, device, provider, format, role, rows):
        """Seconds of one call."""
        what = case(LINEAR, shape(device, format, SIZE.contexts[0], rows), role)
        return kernel_time(LINEAR, what, provider, device)

    track_device_time.rounds = ROUNDS


class _Fused:
    version = "3"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "format", "batch")

    def track_device_time(self, device, provider, format, batch):
        """Seconds of one call."""
        what = case(self.op, shape(device, format, SIZE.contexts[0], batch))
        return kernel_time(self.op, what, provider, device)

    track_device_time.rounds = ROUNDS


@offered
class LinearSiluMul(_Fused):
    """Gate and up, SiLU and product in one kernel."""

    op = LINEAR_SILU_MUL
    pretty_name = "gate and up, SiLU and product"
    params = ([DEVICE], providers("linear_silu_mul"), SIZE.formats, SIZE.batches)


@offered
class LinearAdd(_Fused):
    """A projection and the residual."""

    op = LINEAR_ADD
    pretty_name = "projection and residual"
    params = ([DEVICE], providers("linear_add"), SIZE.formats, SIZE.batches)


@offered
class RmsNormLinear(_Fused):
    """The norm and the projection that reads it."""

    op = RMS_NORM_LINEAR
    pretty_name = "norm and projection"
    params = ([DEVICE], providers("rms_norm_linear"), SIZE.formats, [1])


@offered
class RmsNormLinearSiluMul(_Fused):
    """The norm, gate and up, SiLU and product."""

    op = RMS_NORM_LINEAR_SILU_MUL
    pretty_name = "norm, gate and up, SiLU and product"
    params = ([DEVICE], providers("rms_norm_linear_silu_mul"), SIZE.formats, [1])
