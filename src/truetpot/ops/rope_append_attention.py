"""``rope_append_attention``: attention that rotates its queries and appends the new tokens itself.

The new tokens are the last ones of ``lengths``: the last of ``positions`` is one less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from truetpot.ops.composite import Composite
from truetpot.ops.decode_attention import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.kv_cache import KvCase
from truetpot.ops.operator import Case
from truetpot.ops.rope_append import ROPE_APPEND, RopeAppendCase


def attention_after(rope: RopeAppendCase) -> DecodeAttentionCase:
    """The attention over the same heads and cache."""
    shared = {field.name: getattr(rope, field.name) for field in fields(KvCase)}
    return DecodeAttentionCase(**shared)


def _grid() -> Iterable[tuple[Case, ...]]:
    return ((rope, attention_after(rope)) for rope in ROPE_APPEND.grid())


ROPE_APPEND_ATTENTION = Composite(
    "rope_append_attention", (ROPE_APPEND, DECODE_ATTENTION), ("q",), _grid
)
