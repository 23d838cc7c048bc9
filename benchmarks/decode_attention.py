"""Attention of a step's new tokens over a KV cache that comes from memory."""

from __future__ import annotations

from truetpot.ops import DECODE_ATTENTION, ROPE_APPEND_ATTENTION

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, offered, providers, shape

POINTS = SIZE.contexts, SIZE.batches, SIZE.kv_formats, SIZE.pages


class _Attention:
    version = "3"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "context", "batch", "cache", "page")
    query_tokens = 1

    def track_device_time(self, device, provider, context, batch, cache, page):
        """Seconds of one call."""
        step = shape(device, SIZE.formats[0], context, batch, cache, page, self.query_tokens)
        what = case(self.op, step)
        return kernel_time(self.op, what, provider, device)

    track_device_time.rounds = ROUNDS


@offered
class DecodeAttention(_Attention):
    """One layer, grouped heads; ``page`` is tokens a page, None for a contiguous cache."""

    op = DECODE_ATTENTION
    pretty_name = "attention"
    params = ([DEVICE], providers("decode_attention"), *POINTS)


@offered
class VerifyAttention(_Attention):
    """Four query tokens: a draft of three is verified."""

    op = DECODE_ATTENTION
    query_tokens = 4
    pretty_name = "attention of four query tokens"
    params = ([DEVICE], providers("decode_attention"), *POINTS)


@offered
class RopeAppendAttention(_Attention):
    """The same from qkv: rotation and append are inside."""

    op = ROPE_APPEND_ATTENTION
    pretty_name = "rotation, append and attention"
    params = ([DEVICE], providers("rope_append_attention"), *POINTS)
