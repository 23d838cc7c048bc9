"""models.toml and load_model; parameters() against models that transformers builds."""

import pytest
import torch
import transformers

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.models import all_models, check_decoded, load_model

COUNTS = {
    "qwq-32b": 32_763_876_352,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-3b": 3_085_938_688,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-14b": 14_770_033_664,
    "qwen2.5-32b": 32_763_876_352,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
    "qwen3-14b": 14_768_307_200,
    "qwen3-32b": 32_762_123_264,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "llama-3.3-70b": 70_553_706_496,
    "mistral-7b-v0.3": 7_248_023_552,
    "mistral-small-24b": 23_572_403_200,
    "phi-4": 14_659_507_200,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "gemma-2-27b": 27_227_128_320,
    "gemma-3-1b": 999_885_952,
    # the text part of the three, with 64 rows of the vocabulary more than keras-hub's
    # gemma3_presets.py counts: 3_880_099_328, 11_765_788_416, 27_009_002_240
    "gemma-3-4b": 3_880_099_328 + 64 * 2560,
    "gemma-3-12b": 11_765_788_416 + 64 * 3840,
    "gemma-3-27b": 27_009_002_240 + 64 * 5376,
    "deepseek-r1-distill-qwen-1.5b": 1_777_088_000,
    "qwen3-30b-a3b": 30_532_122_624,
    "mixtral-8x7b": 46_702_792_704,
    "gpt-oss-20b": 20_914_757_184,
}
"""Parameters, pinned: a changed shape is seen here as well as in what transformers builds."""

BILLIONS = {
    "llama-2-7b": 6.74,
    "llama-3.1-8b": 8.03,
    "llama-3.1-70b": 70.55,
    "llama-3.2-3b": 3.21,
    "qwen2.5-14b": 14.77,
    "qwen3-4b": 4.02,
    "qwen3-8b": 8.19,
    "qwen3-14b": 14.77,
    "qwen3-32b": 32.76,
    "qwen3-30b-a3b": 30.53,
    "phi-4": 14.66,
    "mistral-small-24b": 23.57,
    "mixtral-8x7b": 46.70,
    "gemma-2-2b": 2.61,
    "gemma-3-12b": 11.77,
    "gemma-3-27b": 27.01,
    "gpt-oss-20b": 20.91,
}
"""The column `params` of published tables of llama-bench."""

CONFIGS = {
    "qwen2": transformers.Qwen2Config,
    "qwen3": transformers.Qwen3Config,
    "llama": transformers.LlamaConfig,
    "mistral": transformers.MistralConfig,
    "phi3": transformers.Phi3Config,
    "gemma2": transformers.Gemma2Config,
    "gemma3": transformers.Gemma3TextConfig,
    "qwen3_moe": transformers.Qwen3MoeConfig,
    "mixtral": transformers.MixtralConfig,
    "gpt_oss": transformers.GptOssConfig,
}


def hf_model(model: Model) -> torch.nn.Module:
    """The model as transformers builds it, without storage."""
    config = CONFIGS[model.family](
        hidden_size=model.hidden,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        num_key_value_heads=model.kv_heads,
        head_dim=model.head_dim,
        intermediate_size=model.intermediate,
        vocab_size=model.vocab,
        tie_word_embeddings=model.tied,
        pad_token_id=None,
        **({"attention_bias": model.o_bias} if model.family in ("qwen3", "llama") else {}),
        **experts_of(model),
    )
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def experts_of(model: Model) -> dict[str, int]:
    if model.experts is None:
        return {}
    count = "num_experts" if model.family == "qwen3_moe" else "num_local_experts"
    found = {count: model.experts.count, "num_experts_per_tok": model.experts.used}
    return found | ({"moe_intermediate_size": model.intermediate} if count == "num_experts" else {})


def test_the_promised_models_are_there() -> None:
    assert set(all_models()) == set(COUNTS)


@pytest.mark.parametrize("model", all_models().values(), ids=lambda m: m.name)
def test_parameters_as_transformers_counts_them(model: Model) -> None:
    assert model.parameters() == COUNTS[model.name]
    assert model.parameters() == sum(p.numel() for p in hf_model(model).parameters())


@pytest.mark.parametrize(("name", "billions"), BILLIONS.items())
def test_parameters_as_llama_bench_shows_them(name: str, billions: float) -> None:
    assert round(load_model(name).parameters() / 1e9, 2) == billions


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_parameters_with_attention_bias(family: str) -> None:
    model = Model(
        "small", family, 32, 3, 4, 2, 16, 48, 100, True, True, family == "qwen3", True, 1e-6, 1e4,
        64, "test",
    )  # fmt: skip
    assert model.parameters() == sum(p.numel() for p in hf_model(model).parameters())


def test_qwq_has_the_published_size() -> None:
    qwq = load_model("qwq-32b")
    assert qwq.parameters() == 32_763_876_352
    assert qwq.group == 5


@pytest.mark.parametrize("model", all_models().values(), ids=lambda m: m.name)
def test_every_model_has_a_source_and_whole_heads(model: Model) -> None:
    assert model.source.startswith(f"https://huggingface.co/{model.hf}/blob/main/config.json")
    assert model.heads % model.kv_heads == 0


@pytest.mark.parametrize("name", ["qwq-32b", "QwQ-32B", "Qwen/QwQ-32B"])
def test_names_and_hub_names(name: str) -> None:
    assert load_model(name).name == "qwq-32b"


def test_a_window_as_transformers_lays_it() -> None:
    """And the layers that have one: 5 of 6 of Gemma 3, every other one of Gemma 2 and gpt-oss."""
    for name in ("gemma-2-9b", "gemma-3-1b", "gemma-3-12b", "gemma-3-27b", "gpt-oss-20b"):
        model = load_model(name)
        config = CONFIGS[model.family](num_hidden_layers=model.layers)
        assert config.layer_types.count("sliding_attention") == model.windowed


def test_cached_tokens_by_hand() -> None:
    gemma = load_model("gemma-3-1b")
    assert gemma.cached_tokens(100) == 26 * 100
    assert gemma.cached_tokens(511) == 26 * 511
    assert gemma.cached_tokens(2000) == 4 * 2000 + 22 * 511
    assert load_model("qwq-32b").cached_tokens(2000) == 64 * 2000
    assert load_model("qwq-32b").cached_tokens(2000, layers=3) == 3 * 2000


def test_distinct_experts_by_hand() -> None:
    experts = load_model("mixtral-8x7b").experts
    assert experts is not None
    assert [experts.distinct(batch) for batch in (1, 2)] == pytest.approx([2, 8 * (1 - 0.75**2)])
    assert experts.distinct(10_000) == pytest.approx(8)


@pytest.mark.parametrize("name", ["mixtral-8x7b", "gpt-oss-20b", "gemma-2-9b"])
def test_what_decode_cannot_run_says_so(name: str) -> None:
    with pytest.raises(UserError, match=rf"{name} is .*cannot run yet.*floor and check.*dense"):
        check_decoded(load_model(name))


@pytest.mark.parametrize("name", ["qwq-32b", "llama-2-7b", "phi-4", "mistral-small-24b"])
def test_what_decode_runs(name: str) -> None:
    check_decoded(load_model(name))


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown model 'qwen9'.*qwq-32b.*config\.json"):
        load_model("qwen9")


def test_missing_path() -> None:
    with pytest.raises(UserError, match=r"there is no /nowhere/config\.json"):
        load_model("/nowhere/config.json")
