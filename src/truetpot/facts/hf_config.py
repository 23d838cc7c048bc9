"""Read a `config.json` of transformers 4 or 5 into a Model, or say which field stops us."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.families import Family, all_families, family_of, nested_family
from truetpot.facts.hf_layers import experts, windows
from truetpot.facts.hf_rope import Original, Theta, rope_of
from truetpot.facts.hf_values import refusal, typed
from truetpot.files import read_json, shortened_path

MOST_BYTES = 16 << 20
"""A config has kilobytes; one that names every module of a quantised model, a megabyte."""

# Ranges: far above every published model (126 layers, a width of 53,248, 262,144 tokens, 10 million
# positions), and small enough that arithmetic on them, and a loop over the layers, ends at once.
_Layers = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
_Width = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
_Heads = Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
_Vocabulary = Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]
_Positions = Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
_Epsilon = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Experts = Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]


_OURS = ("windows", "any_activation", "any_rope")
"""Fields of a family that no config has."""


class _Config(msgspec.Struct):
    """What of a config a decode step depends on; every key is there, by itself or as a default."""

    hidden_size: _Width
    num_hidden_layers: _Layers
    num_attention_heads: _Heads
    intermediate_size: _Width
    vocab_size: _Vocabulary
    max_position_embeddings: _Positions
    rms_norm_eps: _Epsilon
    windows: str
    any_activation: bool = False
    any_rope: bool = False
    hidden_act: str | None = None
    head_dim: _Width | None = None
    num_key_value_heads: _Heads | None = None
    tie_word_embeddings: bool | None = None
    attention_bias: bool | None = None
    mlp_bias: bool | None = None
    use_sliding_window: bool | None = None
    sliding_window: Any = None
    max_window_layers: int | None = None
    layer_types: list[str] | None = None
    sliding_window_pattern: int | str | None = None
    num_experts: _Experts | None = None
    num_local_experts: _Experts | None = None
    num_experts_per_tok: _Experts | None = None
    moe_intermediate_size: _Width | None = None
    decoder_sparse_step: int | None = None
    mlp_only_layers: list[int] | None = None
    shared_expert_intermediate_size: int | None = None
    n_shared_experts: int | None = None
    quantization_config: Any = None
    rope_theta: Theta | None = None
    rope_scaling: dict[str, Any] | None = None
    rope_parameters: dict[str, Any] | None = None
    partial_rotary_factor: float | None = None
    original_max_position_embeddings: Original | None = None


def read_config(path: Path) -> Model:
    """The model that the `config.json` at `path` describes.

    Raises UserError when the file is missing or no JSON object, and for every field whose value
    changes the decode step in a way that this suite does not model.
    """
    raw = read_json(path, "the config.json of a model", MOST_BYTES)
    shown = shortened_path(path)
    if not isinstance(raw, dict):
        raise UserError(f"{shown} holds no JSON object; give the config.json of a model.")
    return model_from_config(raw, name=path.resolve().parent.name, where=shown)


def model_from_config(raw: dict[str, Any], *, name: str, where: str) -> Model:
    """A Model from the keys of a config; `where` names the config in error messages."""
    raw = _decoder(raw, where)
    family = family_of(raw.get("model_type"))
    if family is None:
        known = [one.model_type for one in all_families().values()]
        known += [one.nested for one in all_families().values() if one.nested]
        supported = f"supported are {', '.join(known)}"
        raise refusal(where, "model_type", raw.get("model_type"), supported)
    ours = {key: getattr(family, key) for key in _OURS}
    config = typed(family.defaults | _named_anew(raw) | ours, _Config, where)
    _refuse_unmodelled(config, family, where)
    hidden, heads = config.hidden_size, config.num_attention_heads
    if config.head_dim is None and hidden % heads:
        words = f"{heads} heads must divide it without head_dim"
        raise refusal(where, "hidden_size", hidden, words)
    head_dim = config.head_dim or hidden // heads
    if head_dim % 2:
        raise refusal(where, "head_dim", head_dim, "rotary embedding needs it even")
    kv_heads = config.num_key_value_heads or heads
    if heads % kv_heads:
        words = f"it must divide the {heads} heads"
        raise refusal(where, "num_key_value_heads", kv_heads, words)
    refused = partial(refusal, where)
    window, windowed = windows(config, refused)
    mixture = experts(config, refused, bias=family.expert_bias)
    always = family.attention_bias == "qkv"
    attention_bias = bool(config.attention_bias) and not always
    theta, scaling, unmodelled = rope_of(config, where)
    return Model(
        name=name,
        family=family.name,
        hidden=hidden,
        layers=config.num_hidden_layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=config.moe_intermediate_size or config.intermediate_size,
        vocab=config.vocab_size,
        qkv_bias=always or attention_bias,
        o_bias=attention_bias,
        qk_norm=family.qk_norm,
        tied=bool(config.tie_word_embeddings),
        rms_eps=config.rms_norm_eps,
        rope_theta=theta,
        rope_scaling=scaling,
        max_position=config.max_position_embeddings,
        source=where,
        experts=mixture,
        norms=family.norms,
        window=window,
        windowed=windowed,
        sinks=family.sinks,
        unmodelled=unmodelled,
    )


def _decoder(raw: dict[str, Any], where: str) -> dict[str, Any]:
    """The config of the decoder itself, of a model that sees too."""
    family = nested_family(raw.get("model_type"))
    if family is None:
        return raw
    text = raw.get("text_config")
    if not isinstance(text, dict):
        raise refusal(where, "text_config", text, "it must be an object, the decoder's config")
    outer = {key: raw[key] for key in ("quantization_config",) if key in raw}
    return {"model_type": family.model_type} | outer | text


def _named_anew(raw: dict[str, Any]) -> dict[str, Any]:
    """With one name for what transformers 4, 5 and published configs call otherwise."""
    found = {key: value for key, value in raw.items() if key not in _OURS}
    if "_sliding_window_pattern" in raw:
        found.setdefault("sliding_window_pattern", raw["_sliding_window_pattern"])
    if "num_local_experts" in raw:
        found.setdefault("num_experts", None)
    return found


def _refuse_unmodelled(config: _Config, family: Family, where: str) -> None:
    quantization = config.quantization_config
    if quantization is not None and not family.quantised:
        words = "give the config.json of the unquantised model, whose shape is the same"
        raise refusal(where, "quantization_config", quantization, words)
    if config.hidden_act != "silu" and not config.any_activation:
        raise refusal(where, "hidden_act", config.hidden_act, "only silu is")
    if config.mlp_bias:
        raise refusal(where, "mlp_bias", True, "only MLPs without bias are")
