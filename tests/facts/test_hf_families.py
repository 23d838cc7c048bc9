"""Configs of Gemma 2 and 3, Mistral, Phi-4, Qwen3-MoE, Mixtral and gpt-oss: as published, as
transformers 4 and 5 write them, and what of them is not modelled."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import transformers

from tests.facts.test_models import COUNTS, experts_of
from truetpot.errors import UserError
from truetpot.facts.architecture import Experts, Model
from truetpot.facts.hf_config import model_from_config
from truetpot.facts.models import all_models, check_decoded, load_model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload

PUBLISHED: dict[str, dict[str, Any]] = {
    "gemma-2-9b": {
        "model_type": "gemma2", "hidden_size": 3584, "num_hidden_layers": 42,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256,
        "intermediate_size": 14336, "vocab_size": 256000, "max_position_embeddings": 8192,
        "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
        "sliding_window": 4096, "sliding_window_size": 4096, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "attn_logit_softcapping": 50.0, "query_pre_attn_scalar": 256,
    },
    # a few keys in a text_config, the rest by default
    "gemma-3-4b": {
        "model_type": "gemma3", "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27},
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
            "num_hidden_layers": 34, "sliding_window": 1024,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        },
    },
    "gemma-3-27b": {
        "model_type": "gemma3", "mm_tokens_per_image": 256,
        "text_config": {
            "model_type": "gemma3_text", "head_dim": 128, "hidden_size": 5376,
            "intermediate_size": 21504, "num_attention_heads": 32, "num_hidden_layers": 62,
            "num_key_value_heads": 16, "query_pre_attn_scalar": 168, "sliding_window": 1024,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        },
    },
    "gemma-3-1b": {
        "model_type": "gemma3_text", "hidden_size": 1152, "num_hidden_layers": 26,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
        "intermediate_size": 6912, "vocab_size": 262144, "max_position_embeddings": 32768,
        "sliding_window": 512, "sliding_window_pattern": 6, "rope_theta": 1000000,
        "rope_local_base_freq": 10000, "rms_norm_eps": 1e-6, "attention_bias": False,
    },
    "mistral-7b-v0.3": {
        "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
        "vocab_size": 32768, "max_position_embeddings": 32768, "rms_norm_eps": 1e-5,
        "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False,
    },
    "phi-4": {
        "model_type": "phi3", "hidden_size": 5120, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 10, "intermediate_size": 17920,
        "vocab_size": 100352, "max_position_embeddings": 16384, "rms_norm_eps": 1e-5,
        "rope_theta": 250000, "rope_scaling": None, "sliding_window": None,
        "original_max_position_embeddings": 16384, "tie_word_embeddings": False,
    },
    "qwen3-30b-a3b": {
        "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
        "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128,
        "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "vocab_size": 151936, "max_position_embeddings": 40960, "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0, "sliding_window": None, "use_sliding_window": False,
    },
    "mixtral-8x7b": {
        "model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
        "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 32000,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0,
        "sliding_window": None, "tie_word_embeddings": False,
    },
    "gpt-oss-20b": {
        "model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 24,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
        "intermediate_size": 2880, "num_local_experts": 32, "num_experts_per_tok": 4,
        "experts_per_token": 4, "vocab_size": 201088, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 150000, "attention_bias": True, "swiglu_limit": 7.0,
        "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 12,
        "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "rope_type": "yarn",
                         "original_max_position_embeddings": 4096, "truncate": False},
        "quantization_config": {"quant_method": "mxfp4"},
    },
}  # fmt: skip
"""Keys as their repositories on the hub have them."""

CLASSES: dict[str, Any] = {
    "mistral": transformers.MistralConfig,
    "phi3": transformers.Phi3Config,
    "gemma2": transformers.Gemma2Config,
    "gemma3": transformers.Gemma3TextConfig,
    "qwen3_moe": transformers.Qwen3MoeConfig,
    "mixtral": transformers.MixtralConfig,
    "gpt_oss": transformers.GptOssConfig,
}


def read(config: dict[str, Any]) -> Model:
    return model_from_config(config, name="m", where="config.json")


def shape(model: Model) -> Model:
    """Without what says where it is from."""
    return replace(model, name="m", source="", hf=None)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configs(tmp_path: Path, name: str) -> None:
    """The whole shape is that of models.toml, whose parameters are the published ones."""
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED[name]))
    found = load_model(tmp_path)
    assert shape(found) == shape(load_model(name))
    assert found.parameters() == COUNTS[name]


NEW = [model for model in all_models().values() if model.family in CLASSES]


@pytest.mark.parametrize("model", NEW, ids=lambda model: model.name)
def test_what_transformers_writes(tmp_path: Path, model: Model) -> None:
    windowed = {} if model.window is None else {"sliding_window": model.window}
    none = {} if model.family in ("gemma2", "gemma3", "gpt_oss") else {"sliding_window": None}
    CLASSES[model.family](
        hidden_size=model.hidden,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        num_key_value_heads=model.kv_heads,
        head_dim=model.head_dim,
        intermediate_size=model.intermediate,
        vocab_size=model.vocab,
        rms_norm_eps=model.rms_eps,
        max_position_embeddings=model.max_position,
        tie_word_embeddings=model.tied,
        **(none | windowed | experts_of(model)),
    ).save_pretrained(tmp_path)
    found = replace(load_model(tmp_path), rope_theta=model.rope_theta)
    assert shape(replace(found, rope_scaling=model.rope_scaling)) == shape(model)


@pytest.mark.parametrize(
    "family",
    ["mistral", "phi3", "gemma2", "gemma3_text", "qwen3_moe", "mixtral", "gpt_oss", "exaone4"],
)
def test_absent_keys_take_the_defaults_of_the_class(tmp_path: Path, family: str) -> None:
    transformers.AutoConfig.for_model(family).save_pretrained(tmp_path)
    given, written = read({"model_type": family}), load_model(tmp_path)
    assert shape(replace(given, rope_scaling=None)) == shape(replace(written, rope_scaling=None))


def test_the_bytes_of_a_step_by_hand() -> None:
    """Of a mixture the experts that one token goes through, of a window its tokens."""
    mixtral = read(PUBLISHED["mixtral-8x7b"])
    assert mixtral.experts == Experts(8, 2)
    # q, o; k, v; two experts of three matrices; the router; and lm_head
    layer = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 2 * 3 * 4096 * 14336 + 8 * 4096
    assert traffic(mixtral, Workload(format="fp16", context=0)).bound == 2 * (
        32 * layer + 32000 * 4096
    )
    gemma = read(PUBLISHED["gemma-3-4b"])
    assert (gemma.window, gemma.windowed, gemma.tied) == (1024, 29, True)
    # 5 layers read all of 8,000 tokens, 29 the last 1,023: K and V of 4 heads of 256
    cache = traffic(gemma, Workload(format="fp16", context=8000)).kv
    assert cache == (5 * 8000 + 29 * 1023) * 2 * 4 * 256 * 2
    old = read(PUBLISHED["mistral-7b-v0.3"] | {"sliding_window": 4096})
    assert (old.window, old.windowed) == (4096, 32)


@pytest.mark.parametrize("name", ["gemma-3-4b", "mixtral-8x7b", "gpt-oss-20b", "qwen3-30b-a3b"])
def test_decode_says_that_it_cannot_run_them(name: str) -> None:
    with pytest.raises(UserError, match="truetpot floor and check take it"):
        check_decoded(read(PUBLISHED[name]))


def test_decode_runs_no_window() -> None:
    check_decoded(read(PUBLISHED["mistral-7b-v0.3"]))
    with pytest.raises(UserError, match="cannot run yet"):
        check_decoded(read(PUBLISHED["mistral-7b-v0.3"] | {"sliding_window": 4096}))


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("qwen3-30b-a3b", {"decoder_sparse_step": 2}, "decoder_sparse_step"),
        ("qwen3-30b-a3b", {"mlp_only_layers": [0]}, "mlp_only_layers"),
        ("qwen3-30b-a3b", {"shared_expert_intermediate_size": 512}, "shared_expert"),
        ("qwen3-30b-a3b", {"num_experts_per_tok": 129}, "num_experts_per_tok"),
        ("mixtral-8x7b", {"num_local_experts": "8"}, "num_local_experts"),
        ("mixtral-8x7b", {"num_local_experts": 0}, "num_local_experts"),
        ("gemma-2-9b", {"layer_types": ["linear_attention"] * 42}, "layer_types"),
        ("gemma-2-9b", {"layer_types": ["full_attention"]}, "layer_types"),
        ("gemma-2-9b", {"sliding_window": -4}, "sliding_window"),
        ("gemma-2-9b", {"sliding_window": "4096"}, "sliding_window"),
        ("gemma-3-1b", {"sliding_window_pattern": 0}, "sliding_window_pattern"),
        ("gemma-3-4b", {"text_config": None}, "text_config"),
        ("gemma-3-4b", {"text_config": {"model_type": "llama4_text"}}, "model_type"),
        ("mistral-7b-v0.3", {"hidden_act": "gelu"}, "hidden_act"),
        ("mistral-7b-v0.3", {"quantization_config": {"bits": 4}}, "quantization_config"),
        ("phi-4", {"partial_rotary_factor": 1.75}, "partial_rotary_factor"),
        ("phi-4", {"rope_scaling": {"type": "mrope"}}, "rope_type"),
        ("mistral-7b-v0.3", {"partial_rotary_factor": 0.75}, "partial_rotary_factor"),
    ],
)
def test_what_is_not_modelled(name: str, change: dict[str, Any], field: str) -> None:
    with pytest.raises(UserError, match=rf"^config\.json: {field}.* is not supported; "):
        read(PUBLISHED[name] | change)


PHI_4_MINI = {
    "model_type": "phi3", "hidden_size": 3072, "num_hidden_layers": 32, "num_attention_heads": 24,
    "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 200064,
    "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
    "partial_rotary_factor": 0.75, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "rope_scaling": {"type": "longrope", "long_factor": [1.0] * 48, "short_factor": [1.0] * 48},
    "sliding_window": 262144, "tie_word_embeddings": True,
}  # fmt: skip


def test_a_rotary_embedding_that_no_kernel_has() -> None:
    """Phi-4-mini, 3.84 billion parameters: no byte depends on how it rotates, decode would."""
    model = read(PHI_4_MINI)
    layer = 3072 * (3072 + 2 * 1024) + 3072 * 3072 + 3 * 3072 * 8192 + 2 * 3072
    assert model.parameters() == 32 * layer + 3072 + 200064 * 3072 == 3_836_021_760
    assert (model.window, model.windowed) == (262144, 32)
    assert model.unmodelled == "rotation of 0.75 of a head"
    for changed in (PHI_4_MINI, PHI_4_MINI | {"sliding_window": None}):
        with pytest.raises(UserError, match=r"0\.75 of a head, which decode cannot run"):
            check_decoded(read(changed))
    whole = {"partial_rotary_factor": 1.0, "sliding_window": None}
    with pytest.raises(UserError, match="of type longrope, which decode cannot run yet"):
        check_decoded(read(PHI_4_MINI | whole))


@pytest.mark.parametrize("family", ["qwen2_moe", "qwen3_next", "llama4", "deepseek_v3", "gemma3n"])
def test_other_families_are_named(family: str) -> None:
    with pytest.raises(UserError, match=rf"{family}.*supported are .*gemma2.*gpt_oss.*gemma3"):
        read({"model_type": family})
