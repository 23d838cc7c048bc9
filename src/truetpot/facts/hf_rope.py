"""How rotary frequencies of a Hugging Face config are stretched."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

import msgspec

from truetpot.facts.architecture import RopeScaling
from truetpot.facts.hf_values import refusal, typed

_DEFAULT_THETA = 10_000.0
_READ_OVER = ("longrope", "su", "dynamic", "proportional")
"""Types that no kernel here has; no byte of a step depends on them."""
Theta = Annotated[float, msgspec.Meta(gt=1, le=1e15)]
_Factor = Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)]
_Scale = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
# transformers rounds down what a config gives as 8192.0
Original = Annotated[float, msgspec.Meta(ge=1, le=1 << 31)]


class Rotary(Protocol):
    """The keys of a config that say it."""

    any_rope: bool
    rope_theta: float | None
    rope_scaling: dict[str, Any] | None
    rope_parameters: dict[str, Any] | None
    partial_rotary_factor: float | None
    original_max_position_embeddings: float | None
    max_position_embeddings: int


class _Rope(msgspec.Struct):
    """How rotary frequencies are stretched, in transformers' words; all of it is optional there."""

    rope_type: str | None = None
    type: str | None = None
    rope_theta: Theta | None = None
    partial_rotary_factor: float | None = None
    factor: _Factor | None = None
    original_max_position_embeddings: Original | None = None
    low_freq_factor: _Factor | None = None
    high_freq_factor: _Factor | None = None
    beta_fast: _Factor | None = None
    beta_slow: _Factor | None = None
    truncate: bool | None = None
    attention_factor: _Factor | None = None
    mscale: _Scale | None = None
    mscale_all_dim: _Scale | None = None


def rope_of(config: Rotary, where: str) -> tuple[float, RopeScaling | None, str]:
    """(theta, scaling, what no kernel here has of it). transformers 5 keeps both in
    `rope_parameters`; 4 in two keys."""
    table = config.rope_scaling or config.rope_parameters or {}
    if isinstance(table.get("full_attention"), dict):  # v5 may nest them under the layer type
        table = table["full_attention"]
    rope = typed(table, _Rope, where, "rope ")
    partial = rope.partial_rotary_factor
    partial = config.partial_rotary_factor if partial is None else partial
    theta = rope.rope_theta or config.rope_theta or _DEFAULT_THETA
    kind = rope.rope_type or rope.type or "default"
    if partial is not None and partial != 1:
        if config.any_rope and 0 < partial < 1:
            return theta, None, f"rotation of {partial:.3g} of a head"
        raise refusal(where, "partial_rotary_factor", partial, "only whole-head rotation is")
    if kind == "default":
        return theta, None, ""
    if kind in _STRETCHED:
        return theta, _STRETCHED[kind](rope, config, where), ""
    if config.any_rope and kind in _READ_OVER:
        return theta, None, f"rotary embedding of type {kind}"
    words = f"supported are {', '.join(('default', *_STRETCHED))}"
    raise refusal(where, "rope_type", kind, words)


def _linear(rope: _Rope, config: Rotary, where: str) -> RopeScaling:
    return RopeScaling("linear", _needed(rope, "factor", where))


def _llama3(rope: _Rope, config: Rotary, where: str) -> RopeScaling:
    low, high = (_needed(rope, name, where) for name in ("low_freq_factor", "high_freq_factor"))
    if low >= high:
        words = f"it must be above the low_freq_factor {low:g}"
        raise refusal(where, "rope high_freq_factor", high, words)
    return RopeScaling(
        "llama3",
        _needed(rope, "factor", where),
        original_max_position=_original(rope, config),
        low_freq_factor=low,
        high_freq_factor=high,
    )


def _yarn(rope: _Rope, config: Rotary, where: str) -> RopeScaling:
    original = _original(rope, config)
    return RopeScaling(
        "yarn",
        rope.factor or config.max_position_embeddings / original,
        original_max_position=original,
        beta_fast=rope.beta_fast or 32.0,
        beta_slow=rope.beta_slow or 1.0,
        truncate=rope.truncate is not False,
        attention_factor=rope.attention_factor,
        mscale=rope.mscale,
        mscale_all_dim=rope.mscale_all_dim,
    )


_STRETCHED = {"linear": _linear, "llama3": _llama3, "yarn": _yarn}
"""Types that kernels here have."""


def _original(rope: _Rope, config: Rotary) -> int:
    """In transformers' order: a top-level key, then the rope table's, then the longest context."""
    return int(
        config.original_max_position_embeddings
        or rope.original_max_position_embeddings
        or config.max_position_embeddings
    )


def _needed(rope: _Rope, field: str, where: str) -> float:
    value: float | None = getattr(rope, field)
    if value is None:
        raise refusal(where, f"rope {field}", None, "it must be a number")
    return value
