"""Read a `config.json` of transformers 4 or 5 into a Model, or say which field stops us."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from truetpot.errors import UserError
from truetpot.facts.architecture import Model, RopeScaling
from truetpot.files import read_json, shortened_path
from truetpot.text import brief

# Defaults of Qwen2Config, Qwen3Config and LlamaConfig (transformers 5.23), used for absent keys.
_SHARED: dict[str, Any] = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
}
_QWEN: dict[str, Any] = _SHARED | {
    "vocab_size": 151936,
    "intermediate_size": 22016,
    "num_key_value_heads": 32,
    "max_position_embeddings": 32768,
    "sliding_window": 4096,
    "max_window_layers": 28,
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "qwen2": _QWEN,
    "qwen3": _QWEN | {"head_dim": 128},
    "llama": _SHARED
    | {"vocab_size": 32000, "intermediate_size": 11008, "max_position_embeddings": 2048},
}
_DEFAULT_THETA = 10_000.0
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
_Theta = Annotated[float, msgspec.Meta(gt=1, le=1e15)]
_Factor = Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)]
_Scale = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
# transformers rounds down what a config gives as 8192.0
_Original = Annotated[float, msgspec.Meta(ge=1, le=1 << 31)]


class _Config(msgspec.Struct):
    """What of a config a decode step depends on; every key is there, by itself or as a default."""

    hidden_size: _Width
    num_hidden_layers: _Layers
    num_attention_heads: _Heads
    intermediate_size: _Width
    vocab_size: _Vocabulary
    max_position_embeddings: _Positions
    rms_norm_eps: _Epsilon
    hidden_act: str
    head_dim: _Width | None = None
    num_key_value_heads: _Heads | None = None
    tie_word_embeddings: bool | None = None
    attention_bias: bool | None = None
    mlp_bias: bool | None = None
    use_sliding_window: bool | None = None
    sliding_window: Any = None
    max_window_layers: int | None = None
    layer_types: list[str] | None = None
    quantization_config: Any = None
    rope_theta: _Theta | None = None
    rope_scaling: dict[str, Any] | None = None
    rope_parameters: dict[str, Any] | None = None
    partial_rotary_factor: float | None = None
    original_max_position_embeddings: _Original | None = None


class _Rope(msgspec.Struct):
    """How rotary frequencies are stretched, in transformers' words; all of it is optional there."""

    rope_type: str | None = None
    type: str | None = None
    rope_theta: _Theta | None = None
    partial_rotary_factor: float | None = None
    factor: _Factor | None = None
    original_max_position_embeddings: _Original | None = None
    low_freq_factor: _Factor | None = None
    high_freq_factor: _Factor | None = None
    beta_fast: _Factor | None = None
    beta_slow: _Factor | None = None
    truncate: bool | None = None
    attention_factor: _Factor | None = None
    mscale: _Scale | None = None
    mscale_all_dim: _Scale | None = None


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
    family = raw.get("model_type")
    if not isinstance(family, str) or family not in _DEFAULTS:
        raise _refusal(where, "model_type", family, f"supported are {', '.join(_DEFAULTS)}")
    config = _typed(_DEFAULTS[family] | raw, _Config, where)
    _refuse_unmodelled(config, family, where)
    hidden, heads = config.hidden_size, config.num_attention_heads
    if config.head_dim is None and hidden % heads:
        words = f"{heads} heads must divide it without head_dim"
        raise _refusal(where, "hidden_size", hidden, words)
    head_dim = config.head_dim or hidden // heads
    if head_dim % 2:
        raise _refusal(where, "head_dim", head_dim, "rotary embedding needs it even")
    kv_heads = config.num_key_value_heads or heads
    if heads % kv_heads:
        words = f"it must divide the {heads} heads"
        raise _refusal(where, "num_key_value_heads", kv_heads, words)
    # Qwen2 has q, k, v biases whatever the config says; the others, o too, follow attention_bias.
    attention_bias = bool(config.attention_bias) and family != "qwen2"
    theta, scaling = _rope(config, where)
    return Model(
        name=name,
        family=family,
        hidden=hidden,
        layers=config.num_hidden_layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=config.intermediate_size,
        vocab=config.vocab_size,
        qkv_bias=family == "qwen2" or attention_bias,
        o_bias=attention_bias,
        qk_norm=family == "qwen3",
        tied=bool(config.tie_word_embeddings),
        rms_eps=config.rms_norm_eps,
        rope_theta=theta,
        rope_scaling=scaling,
        max_position=config.max_position_embeddings,
        source=where,
    )


def _refuse_unmodelled(config: _Config, family: str, where: str) -> None:
    if (quantization := config.quantization_config) is not None:
        raise _refusal(
            where,
            "quantization_config",
            quantization,
            "give the unquantised checkpoint, it is quantised on load",
        )
    if config.hidden_act != "silu":
        raise _refusal(where, "hidden_act", config.hidden_act, "only silu is")
    if family == "llama" and config.mlp_bias:
        raise _refusal(where, "mlp_bias", True, "only MLPs without bias are")
    if config.layer_types is not None:
        if other := [kind for kind in config.layer_types if kind != "full_attention"]:
            raise _refusal(where, "layer_types", other[0], "only full_attention layers are")
    elif family != "llama" and config.use_sliding_window:
        slides = config.num_hidden_layers > (config.max_window_layers or 0)
        if slides and config.sliding_window is not None:
            raise _refusal(where, "use_sliding_window", True, "only full attention is")


def _rope(config: _Config, where: str) -> tuple[float, RopeScaling | None]:
    """(theta, scaling). transformers 5 keeps both in `rope_parameters`; 4 in two keys."""
    table = config.rope_scaling or config.rope_parameters or {}
    if isinstance(table.get("full_attention"), dict):  # v5 may nest them under the layer type
        table = table["full_attention"]
    rope = _typed(table, _Rope, where, "rope ")

    def needed(field: str) -> float:
        value: float | None = getattr(rope, field)
        if value is None:
            raise _refusal(where, f"rope {field}", None, "it must be a number")
        return value

    partial = rope.partial_rotary_factor
    partial = config.partial_rotary_factor if partial is None else partial
    if partial is not None and partial != 1:
        raise _refusal(where, "partial_rotary_factor", partial, "only whole-head rotation is")
    theta = rope.rope_theta or config.rope_theta or _DEFAULT_THETA
    kind = rope.rope_type or rope.type or "default"
    if kind == "default":
        return theta, None
    if kind not in ("linear", "llama3", "yarn"):
        words = "supported are default, linear, llama3, yarn"
        raise _refusal(where, "rope_type", kind, words)
    if kind == "linear":
        return theta, RopeScaling(kind, needed("factor"))
    # transformers' order: a top-level key, then the rope table's, then max_position_embeddings
    original = int(
        config.original_max_position_embeddings
        or rope.original_max_position_embeddings
        or config.max_position_embeddings
    )
    if kind == "llama3":
        low, high = needed("low_freq_factor"), needed("high_freq_factor")
        if low >= high:
            words = f"it must be above the low_freq_factor {low:g}"
            raise _refusal(where, "rope high_freq_factor", high, words)
        return theta, RopeScaling(
            kind,
            needed("factor"),
            original_max_position=original,
            low_freq_factor=low,
            high_freq_factor=high,
        )
    return theta, RopeScaling(
        kind,
        rope.factor or config.max_position_embeddings / original,
        original_max_position=original,
        beta_fast=rope.beta_fast or 32.0,
        beta_slow=rope.beta_slow or 1.0,
        truncate=rope.truncate is not False,
        attention_factor=rope.attention_factor,
        mscale=rope.mscale,
        mscale_all_dim=rope.mscale_all_dim,
    )


_T = TypeVar("_T", bound=msgspec.Struct)
_AT = re.compile(r"(.*) - at `\$\.(\w+).*`")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


def _typed(table: dict[str, Any], cls: type[_T], where: str, before: str = "") -> _T:
    """The table as a `cls`; UserError names file, field (with a word before it) and value."""
    known = {name: table[name] for name in cls.__struct_fields__ if name in table}
    try:
        return msgspec.convert(known, cls)
    except UnicodeError:  # JSON can name half a character, in a key too
        raise UserError(f"{where} has half a character in it; download it again.") from None
    except msgspec.ValidationError as error:
        found = _AT.fullmatch(str(error))
        if found is None:
            raise UserError(f"{where} is not supported: {error}.") from None
        said, field = found.groups()
        said = said.partition(",")[0].replace("Expected", "it must be").replace(" | ", " or ")
        said = said.replace("Number out of range", "it is out of range")
        said = re.sub(r"`(.*?)`", lambda part: _in_words(part[1]), said)
        raise _refusal(where, before + field, table.get(field), said) from None


def _in_words(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" or "))


def _refusal(where: str, field: str, value: Any, supported: str) -> UserError:
    return UserError(f"{where}: {field} = {brief(value)} is not supported; {supported}.")
