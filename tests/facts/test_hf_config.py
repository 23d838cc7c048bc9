"""Config files of transformers 4 and 5, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import SPECIAL, TEXTS, check_sentence, read_or_refused, refused, special_files
from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.families import all_families
from truetpot.facts.floor import floor
from truetpot.facts.hardware import load_hardware
from truetpot.facts.hf_config import model_from_config
from truetpot.facts.models import load_model, rope_inv_freq
from truetpot.facts.workload import Workload

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
        ({"model_type": "mamba2"}, "model_type"),
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


AWQ = Path(__file__).parents[1] / "data/made/awq_config.json"
COUNTS = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "intermediate_size", "vocab_size", "max_position_embeddings", "head_dim",
)  # fmt: skip
NUMBERS = ("rms_norm_eps", "rope_theta", "original_max_position_embeddings")
HUGE = "1" + 400 * "0"
WRONG = ["NaN", "Infinity", "-Infinity", "-3", "1e400", "[64]", "{}", "true", '"64"', HUGE]
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}


def test_a_quantised_checkpoint_is_refused_in_one_short_sentence() -> None:
    with pytest.raises(UserError, match=r"128 values.*awq.*unquantised") as caught:
        load_model(AWQ)
    assert "layers.0" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("field", [*COUNTS, *NUMBERS])
def test_values_out_of_range(tmp_path: Path, field: str, value: str) -> None:
    config = json.dumps({k: v for k, v in QWEN2.items() if k != field})
    path = tmp_path / "config.json"
    path.write_text(f'{config[:-1]}, "{field}": {value}}}')
    assert f"{field} = " in refused(lambda: load_model(path))


@pytest.mark.parametrize("value", [0, 1.5, 30_000_000, 10**18])
@pytest.mark.parametrize("field", ["num_hidden_layers", "num_attention_heads"])
def test_numbers_of_layers_that_no_model_has(field: str, value: float) -> None:
    assert f"{field} = {value}" in refused(lambda: read(QWEN2 | {field: value}))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"layer_types": [1]}, "layer_types"),
        ({"layer_types": "full_attention"}, "layer_types"),
        ({"max_window_layers": "28", "use_sliding_window": True}, "max_window_layers"),
        ({"use_sliding_window": "no"}, "use_sliding_window"),
        ({"tie_word_embeddings": "false"}, "tie_word_embeddings"),
        ({"hidden_act": None}, "hidden_act"),
        ({"model_type": ["qwen2"]}, "model_type"),
        ({"rope_scaling": [YARN]}, "rope_scaling"),
        ({"rope_theta": 1}, "rope_theta"),
        ({"rope_scaling": YARN | {"factor": "4"}}, "rope factor"),
        ({"rope_scaling": YARN | {"factor": float("nan")}}, "rope factor"),
        ({"rope_scaling": YARN | {"factor": -4}}, "rope factor"),
        ({"rope_scaling": YARN | {"mscale": "1", "mscale_all_dim": 1}}, "rope mscale"),
        ({"rope_scaling": YARN | {"mscale": 1, "mscale_all_dim": -10}}, "rope mscale_all_dim"),
        ({"rope_scaling": YARN | {"attention_factor": []}}, "rope attention_factor"),
        ({"rope_scaling": YARN | {"beta_slow": 0}}, "rope beta_slow"),
        ({"rope_scaling": YARN | {"truncate": "no"}}, "rope truncate"),
        ({"rope_scaling": YARN | {"rope_type": 3}}, "rope rope_type"),
        ({"partial_rotary_factor": float("nan")}, "partial_rotary_factor"),
        ({"hidden_act": "\ud800"}, "hidden_act"),
        (
            {"rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 2,
                              "high_freq_factor": 2}},
            "rope high_freq_factor",
        ),
    ],
)  # fmt: skip
def test_wrong_types(change: dict[str, Any], field: str) -> None:
    assert f"{field} = " in refused(lambda: read(QWEN2 | change))


def test_a_field_that_is_not_used_may_hold_anything() -> None:
    odd = {"torch_dtype": [], "time_step_limit": [0.0, float("inf")], "id2label": 10**400}
    assert read(QWEN2 | odd) == read(QWEN2)


def test_half_a_character_in_a_key() -> None:
    assert read(QWEN2 | {"\ud800": 1}) == read(QWEN2)
    assert read(QWEN2 | {"rope_scaling": {"\ud800": 1}}) == read(QWEN2)


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_bytes(TEXTS[name])
    refused(lambda: load_model(tmp_path))


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path: Path, name: str) -> None:
    path = special_files(tmp_path)[name]
    if path.exists():
        refused(lambda: load_model(path))
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "config.json").symlink_to(path)
        refused(lambda: load_model(tmp_path / "model"))


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "./" + "x" * 5000, "a\0b", "~nobody-x/y"])
def test_names_that_are_none(name: str) -> None:
    refused(lambda: load_model(name))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.just(10**400)
    | st.integers(-(2**70), 2**70) | st.sampled_from([1, 2, 64, 128, "yarn", "silu", "", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "\ud800"]), inner),
    max_leaves=6,
)  # fmt: skip
ROPE = st.fixed_dictionaries(
    {"rope_type": st.sampled_from(["yarn", "llama3", "linear"])},
    optional={
        name: JSON | st.floats(0, 100)
        for name in ("factor", "original_max_position_embeddings", "low_freq_factor", "mscale",
                     "high_freq_factor", "beta_fast", "beta_slow", "attention_factor",
                     "mscale_all_dim", "rope_theta", "truncate")
    },
)  # fmt: skip
FIELDS = (
    *COUNTS, *NUMBERS, "hidden_act", "tie_word_embeddings", "attention_bias", "mlp_bias",
    "use_sliding_window", "sliding_window", "max_window_layers", "layer_types",
    "quantization_config", "rope_parameters", "partial_rotary_factor", "model_type",
    "sliding_window_pattern", "num_experts", "num_local_experts", "num_experts_per_tok",
    "moe_intermediate_size", "decoder_sparse_step", "mlp_only_layers", "n_shared_experts",
    "text_config", "windows", "any_activation",
)  # fmt: skip
FAMILIES = [
    name for one in all_families().values() for name in (one.model_type, one.nested) if name
]


@given(
    family=st.sampled_from(FAMILIES),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
    rope=st.none() | ROPE,
)
@settings(max_examples=300, deadline=2000)
def test_any_value_is_used_or_refused(family: str, changes: dict[str, Any], rope: Any) -> None:
    """And what is taken gives a floor and finite frequencies, at once."""
    try:
        model = read(QWEN2 | {"model_type": family, "rope_scaling": rope} | changes)
        bound = floor(model, load_hardware("arc-a770"), Workload(tp=1, format="fp16", context=1024))
    except UserError as error:
        check_sentence(str(error))
        return
    assert bound.ms_per_token > 0
    frequencies, factor = rope_inv_freq(model)
    assert all(0 <= f < float("inf") for f in frequencies)
    assert 0 < factor < float("inf")


def test_unreadable_files_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    whole = json.dumps(QWEN2)
    for end in range(len(whole)):
        path.write_text(whole[:end])
        read_or_refused(lambda: load_model(path))
