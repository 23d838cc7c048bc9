"""Read a `config.json` of transformers 4 or 5 into a Model, or say which field stops us."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.architecture import Model, RopeScaling

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


@dataclass(frozen=True)
class _Fields:
    """The config with the class defaults behind it; every complaint names file, field and value."""

    raw: dict[str, Any]
    defaults: dict[str, Any]
    where: str

    def get(self, key: str) -> Any:
        return self.raw.get(key, self.defaults.get(key))

    def refuse(self, field: str, value: Any, supported: str) -> UserError:
        return UserError(
            f"{self.where}: {field} = {json.dumps(value, default=str)} is not supported; "
            f"{supported}."
        )

    def positive(self, key: str) -> int:
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.refuse(key, value, "it must be a positive integer")
        return value

    def number(self, field: str, value: Any, default: float | None = None) -> float:
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self.refuse(field, value, "it must be a positive number")
        return float(value)


def read_config(path: Path) -> Model:
    """The model that the `config.json` at `path` describes.

    Raises UserError when the file is missing or no JSON object, and for every field whose value
    changes the decode step in a way that this suite does not model.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give another.") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); download it again.") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path} holds no JSON object; give the config.json of a model.")
    return model_from_config(raw, name=path.resolve().parent.name, where=str(path))


def model_from_config(raw: dict[str, Any], *, name: str, where: str) -> Model:
    """A Model from the keys of a config; `where` names the config in error messages."""
    family = raw.get("model_type")
    if family not in _DEFAULTS:
        raise UserError(
            f"{where}: model_type = {json.dumps(family)} is not supported; "
            f"supported are {', '.join(_DEFAULTS)}."
        )
    config = _Fields(raw, _DEFAULTS[family], where)
    _refuse_unmodelled(config, family)
    hidden, heads = config.positive("hidden_size"), config.positive("num_attention_heads")
    if config.get("head_dim") is not None:
        head_dim = config.positive("head_dim")
    elif hidden % heads:
        raise config.refuse("hidden_size", hidden, f"{heads} heads must divide it without head_dim")
    else:
        head_dim = hidden // heads
    if head_dim % 2:
        raise config.refuse("head_dim", head_dim, "rotary embedding needs it even")
    no_kv = config.get("num_key_value_heads") is None
    kv_heads = heads if no_kv else config.positive("num_key_value_heads")
    if heads % kv_heads:
        raise config.refuse("num_key_value_heads", kv_heads, f"it must divide the {heads} heads")
    # Qwen2 has q, k, v biases whatever the config says; the others, o too, follow attention_bias.
    attention_bias = bool(config.get("attention_bias")) and family != "qwen2"
    theta, scaling = _rope(config)
    return Model(
        name=name,
        family=family,
        hidden=hidden,
        layers=config.positive("num_hidden_layers"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=config.positive("intermediate_size"),
        vocab=config.positive("vocab_size"),
        qkv_bias=family == "qwen2" or attention_bias,
        o_bias=attention_bias,
        qk_norm=family == "qwen3",
        tied=bool(config.get("tie_word_embeddings")),
        rms_eps=config.number("rms_norm_eps", config.get("rms_norm_eps")),
        rope_theta=theta,
        rope_scaling=scaling,
        max_position=config.positive("max_position_embeddings"),
        source=where,
    )


def _refuse_unmodelled(config: _Fields, family: str) -> None:
    if (quantization := config.get("quantization_config")) is not None:
        raise config.refuse(
            "quantization_config",
            quantization,
            "give the unquantised checkpoint, it is quantised on load",
        )
    if (activation := config.get("hidden_act")) != "silu":
        raise config.refuse("hidden_act", activation, "only silu is")
    if family == "llama" and config.get("mlp_bias"):
        raise config.refuse("mlp_bias", True, "only MLPs without bias are")
    if (layer_types := config.get("layer_types")) is not None:
        if other := [kind for kind in layer_types if kind != "full_attention"]:
            raise config.refuse("layer_types", other[0], "only full_attention layers are")
    elif family != "llama" and config.get("use_sliding_window"):
        slides_from = config.get("max_window_layers") or 0
        slides = config.positive("num_hidden_layers") > slides_from
        if slides and config.get("sliding_window") is not None:
            raise config.refuse("use_sliding_window", True, "only full attention is")


def _rope(config: _Fields) -> tuple[float, RopeScaling | None]:
    """(theta, scaling). transformers 5 keeps both in `rope_parameters`; 4 in two keys."""
    table = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if not isinstance(table, dict):
        raise config.refuse("rope_scaling", table, "it must be an object")
    if isinstance(table.get("full_attention"), dict):  # v5 may nest them under the layer type
        table = table["full_attention"]
    partial = table.get("partial_rotary_factor", config.get("partial_rotary_factor"))
    if partial is not None and partial != 1:
        raise config.refuse("partial_rotary_factor", partial, "only whole-head rotation is")
    theta = table.get("rope_theta", config.get("rope_theta"))
    theta = config.number("rope_theta", theta, _DEFAULT_THETA)
    kind = table.get("rope_type", table.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind not in ("linear", "llama3", "yarn"):
        raise config.refuse("rope_type", kind, "supported are default, linear, llama3, yarn")

    def of_table(field: str, default: float | None = None) -> float:
        return config.number(f"rope {field}", table.get(field), default)

    if kind == "linear":
        return theta, RopeScaling(kind, of_table("factor"))
    original = _original_max_position(config, table)
    if kind == "llama3":
        return theta, RopeScaling(
            kind,
            of_table("factor"),
            original_max_position=original,
            low_freq_factor=of_table("low_freq_factor"),
            high_freq_factor=of_table("high_freq_factor"),
        )
    return theta, RopeScaling(
        kind,
        of_table("factor", config.positive("max_position_embeddings") / original),
        original_max_position=original,
        beta_fast=of_table("beta_fast", 32.0),
        beta_slow=of_table("beta_slow", 1.0),
        truncate=bool(table.get("truncate", True)),
        attention_factor=table.get("attention_factor"),
        mscale=table.get("mscale"),
        mscale_all_dim=table.get("mscale_all_dim"),
    )


def _original_max_position(config: _Fields, table: dict[str, Any]) -> int:
    """transformers' order: a top-level key, then the rope table's, then max_position_embeddings."""
    key = "original_max_position_embeddings"
    for value in (config.get(key), table.get(key)):
        if value is not None:
            return int(config.number(key, value))
    return config.positive("max_position_embeddings")
