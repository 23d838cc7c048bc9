"""Families of models: what is the same in every model of one `model_type`; see families.toml."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import msgspec

from truetpot.facts.tables import convert, read


class Tensors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Modules of a checkpoint by what the decode step calls them, as Llama's checkpoints have them.

    Those of a layer stand below ``model.layers.<i>``. A role whose parts are one matrix has one
    name: q, k and v over each other, or gate over up.
    """

    qkv: tuple[str, ...] = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    o: tuple[str, ...] = ("self_attn.o_proj",)
    gate_up: tuple[str, ...] = ("mlp.gate_proj", "mlp.up_proj")
    down: tuple[str, ...] = ("mlp.down_proj",)
    attn_norm: str = "input_layernorm"
    mlp_norm: str = "post_attention_layernorm"
    q_norm: str = "self_attn.q_norm"
    k_norm: str = "self_attn.k_norm"


@dataclass(frozen=True)
class Family:
    """What its config.json does not say of a model; families.toml says what each field means."""

    name: str
    windows: str
    defaults: dict[str, Any]
    model_type: str = ""
    nested: str = ""
    layer: str = ""
    attention_bias: Literal["config", "qkv"] = "config"
    qk_norm: bool = False
    norms: int = 2
    sinks: bool = False
    expert_bias: bool = False
    quantised: bool = False
    any_activation: bool = False
    any_rope: bool = False
    tensors: Tensors = field(default_factory=Tensors)


@cache
def all_families() -> dict[str, Family]:
    """Every family of families.toml by name, as `Model.family` has it."""
    return {
        name: convert(
            {"name": name, "model_type": name, **entry}, Family, f"families.toml [{name}]"
        )
        for name, entry in read("families.toml").items()
    }


def family_of(model_type: object) -> Family | None:
    """The family of a decoder whose config.json says this; None for one that is not known."""
    return next((one for one in all_families().values() if one.model_type == model_type), None)


def nested_family(model_type: object) -> Family | None:
    """The decoder's family of a model that also sees; None for any other model."""
    known = (one for one in all_families().values() if one.nested)
    return next((one for one in known if one.nested == model_type), None)
