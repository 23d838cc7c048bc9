"""The projections of a decode step, weights read from memory: GEMV, plain and fused."""

from __future__ import annotations

from truetpot.ops import LINEAR, LINEAR_SILU_MUL

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, providers, shape

ROLES = ["qkv", "o", "gate_up", "down", "lm_head"]


class Linear:
    """y = x W^T + b for one token, every projection and weight format."""

    version = "1"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "format", "role")
    params = ([DEVICE], providers("linear"), SIZE.formats, ROLES)

    def track_device_time(self, device, provider, format, role):
        """Seconds of one call."""
        what = case(LINEAR, shape(device, format, SIZE.contexts[0]), role)
        return kernel_time(LINEAR, what, provider, device)

    track_device_time.rounds = ROUNDS


class LinearSiluMul:
    """Gate and up, SiLU and product in one kernel."""

    version = "1"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "format")
    params = ([DEVICE], providers("linear_silu_mul"), SIZE.formats)

    def track_device_time(self, device, provider, format):
        """Seconds of one call."""
        what = case(LINEAR_SILU_MUL, shape(device, format, SIZE.contexts[0]))
        return kernel_time(LINEAR_SILU_MUL, what, provider, device)

    track_device_time.rounds = ROUNDS
