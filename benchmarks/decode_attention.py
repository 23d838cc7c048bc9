"""Attention of a step's new tokens over a KV cache that comes from memory."""

from __future__ import annotations

from dataclasses import replace

from truetpot.ops import DECODE_ATTENTION, ROPE_APPEND_ATTENTION

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, providers, shape


class _Attention:
    version = "2"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "context")
    query_tokens = 1

    def track_device_time(self, device, provider, context):
        """Seconds of one call."""
        step = replace(
            shape(device, SIZE.formats[0], context), query_tokens=self.query_tokens
        )
        what = case(self.op, step)
        return kernel_time(self.op, what, provider, device)

    track_device_time.rounds = ROUNDS


class DecodeAttention(_Attention):
    """One layer, grouped heads, a contiguous cache in the activations' dtype."""

    op = DECODE_ATTENTION
    params = ([DEVICE], providers("decode_attention"), SIZE.contexts)


class VerifyAttention(DecodeAttention):
    """Four query tokens: a draft of three is verified."""

    query_tokens = 4


class RopeAppendAttention(_Attention):
    """The same from qkv: rotation and append are inside."""

    op = ROPE_APPEND_ATTENTION
    params = ([DEVICE], providers("rope_append_attention"), SIZE.contexts)
