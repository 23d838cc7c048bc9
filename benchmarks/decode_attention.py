"""Attention of one new token over a KV cache that comes from memory."""

from __future__ import annotations

from truetpot.ops import DECODE_ATTENTION, ROPE_APPEND_ATTENTION

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, providers, shape


class _Attention:
    version = "2"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "context")

    def track_device_time(self, device, provider, context):
        """Seconds of one call."""
        what = case(self.op, shape(device, SIZE.formats[0], context))
        return kernel_time(self.op, what, provider, device)

    track_device_time.rounds = ROUNDS


class DecodeAttention(_Attention):
    """One layer, grouped heads, a contiguous cache in the activations' dtype."""

    op = DECODE_ATTENTION
    params = ([DEVICE], providers("decode_attention"), SIZE.contexts)


class RopeAppendAttention(_Attention):
    """The same from qkv: rotation and append are inside."""

    op = ROPE_APPEND_ATTENTION
    params = ([DEVICE], providers("rope_append_attention"), SIZE.contexts)
