"""Attention of one new token over a KV cache that comes from memory."""

from __future__ import annotations

from truetpot.ops import DECODE_ATTENTION

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, providers, shape


class DecodeAttention:
    """One layer, grouped heads, a contiguous cache in the activations' dtype."""

    version = "1"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "context")
    params = ([DEVICE], providers("decode_attention"), SIZE.contexts)

    def track_device_time(self, device, provider, context):
        """Seconds of one call."""
        what = case(DECODE_ATTENTION, shape(device, SIZE.formats[0], context))
        return kernel_time(DECODE_ATTENTION, what, provider, device)

    track_device_time.rounds = ROUNDS
