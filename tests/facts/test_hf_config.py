"""Config files of transformers 4 and 5, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.hf_config import model_from_config
from truetpot.facts.models import load_model

QWEN2: dict[str, Any] = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": 128,
    "rope_theta": 1e6,
}


def read(config: dict[str, Any]) -> Model:
    return model_from_config(config, name="m", where="config.json")


@pytest.mark.parametrize(
    "config",
    [
        transformers.Qwen2Config(hidden_size=64, num_attention_heads=4, num_key_value_heads=2),
        transformers.Qwen3Config(num_hidden_layers=3, head_dim=64, tie_word_embeddings=True),
        transformers.Qwen3Config(attention_bias=True),
        transformers.LlamaConfig(attention_bias=True, num_key_value_heads=8),
        transformers.LlamaConfig(head_dim=96),
        transformers.LlamaConfig(
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 5e5,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            }
        ),
        transformers.Qwen2Config(
            rope_parameters={
                "rope_type": "yarn",
                "rope_theta": 1e6,
                "factor": 4.0,
                "original_max_position_embeddings": 32768,
            }
        ),
    ],
    ids=range(7),
)
def test_what_transformers_writes(config: transformers.PreTrainedConfig, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    for path in (tmp_path, tmp_path / "config.json"):
        model = load_model(path)
        assert model.family == config.model_type
        assert model.hidden == config.hidden_size
        assert model.layers == config.num_hidden_layers
        assert (model.heads, model.kv_heads) == (
            config.num_attention_heads,
            config.num_key_value_heads,
        )
        head_dim = getattr(config, "head_dim", None)
        assert model.head_dim == (head_dim or config.hidden_size // config.num_attention_heads)
        assert model.intermediate == config.intermediate_size
        assert model.vocab == config.vocab_size
        assert model.tied == config.tie_word_embeddings
        assert model.rms_eps == config.rms_norm_eps
        assert model.max_position == config.max_position_embeddings
        assert model.rope_theta == config.rope_parameters["rope_theta"]
        kind = config.rope_parameters["rope_type"]
        assert (model.rope_scaling.kind if model.rope_scaling else "default") == kind
        bias = getattr(config, "attention_bias", False)
        assert (model.qkv_bias, model.o_bias) == (bias or model.family == "qwen2", bias)


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama"])
def test_absent_keys_take_the_defaults_of_the_class(family: str) -> None:
    """The smallest config there is: nothing but the type."""
    model = read({"model_type": family})
    config = transformers.AutoConfig.for_model(family)
    assert (model.hidden, model.layers, model.heads) == (4096, 32, 32)
    assert model.vocab == config.vocab_size
    assert model.intermediate == config.intermediate_size
    assert model.kv_heads == config.num_key_value_heads
    assert model.max_position == config.max_position_embeddings
    assert model.rms_eps == config.rms_norm_eps
    assert model.rope_theta == config.rope_parameters["rope_theta"]
    assert model.tied == config.tie_word_embeddings


def test_version_4_keys() -> None:
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    model = read(QWEN2 | {"rope_scaling": scaling, "torch_dtype": "bfloat16"})
    assert model.rope_theta == 1e6
    assert model.rope_scaling is not None
    assert model.rope_scaling.kind == "yarn"
    assert model.rope_scaling.original_max_position == 32768


def test_rope_parameters_nested_by_layer_type() -> None:
    table = {"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 5e4}}
    model = read(QWEN2 | {"rope_parameters": table})
    assert model.rope_theta == 5e4
    assert model.rope_scaling is not None
    assert model.rope_scaling.factor == 2.0


def test_qwen2_ignores_attention_bias_as_transformers_does() -> None:
    model = read(QWEN2 | {"attention_bias": False})
    assert model.qkv_bias
    assert not model.o_bias


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model_type": "mistral"}, "model_type"),
        ({"model_type": None}, "model_type"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantization_config"),
        ({"use_sliding_window": True, "max_window_layers": 1}, "use_sliding_window"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
        ({"rope_scaling": {"rope_type": "longrope"}}, "rope_type"),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_type"),
        ({"rope_scaling": {"type": "linear"}}, "rope factor"),
        ({"rope_scaling": {"type": "llama3", "factor": 8.0}}, "low_freq_factor"),
        ({"rope_scaling": "yarn"}, "rope_scaling"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"hidden_size": "64"}, "hidden_size"),
        ({"hidden_size": 66}, "hidden_size"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"num_key_value_heads": 3}, "num_key_value_heads"),
        ({"head_dim": 15}, "head_dim"),
        ({"rms_norm_eps": 0}, "rms_norm_eps"),
    ],
)
def test_refusals_name_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(UserError, match=rf"^config\.json: .*{field}.*(not supported|supported)"):
        read(QWEN2 | change)


def test_llama_mlp_bias_is_refused() -> None:
    with pytest.raises(UserError, match="mlp_bias = true"):
        read({"model_type": "llama", "mlp_bias": True})


def test_a_window_that_no_layer_uses_is_fine() -> None:
    assert read(QWEN2 | {"use_sliding_window": True, "max_window_layers": 2}).layers == 2


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": ')
    with pytest.raises(UserError, match="not valid JSON"):
        load_model(path)
    path.write_text("[1]")
    with pytest.raises(UserError, match="holds no JSON object"):
        load_model(path)
    path.unlink()
    with pytest.raises(UserError, match="there is no"):
        load_model(tmp_path)


def test_a_local_model_is_named_after_its_directory(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text(json.dumps(QWEN2))
    model = load_model(tmp_path / "mine")
    assert model.name == "mine"
    assert model.source == str(tmp_path / "mine" / "config.json")
