"""models.toml and load_model; parameters() against models that transformers builds."""

import pytest
import torch
import transformers

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.models import all_models, load_model

WANTED = {
    "qwq-32b",
    "qwen2.5-0.5b",
    "qwen2.5-7b",
    "qwen2.5-14b",
    "qwen2.5-32b",
    "qwen2.5-72b",
    "qwen3-8b",
    "qwen3-32b",
    "llama-3.1-8b",
    "llama-3.1-70b",
}


def hf_model(model: Model) -> torch.nn.Module:
    """The model as transformers builds it, without storage."""
    classes = {
        "qwen2": transformers.Qwen2Config,
        "qwen3": transformers.Qwen3Config,
        "llama": transformers.LlamaConfig,
    }
    config = classes[model.family](
        hidden_size=model.hidden,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        num_key_value_heads=model.kv_heads,
        head_dim=model.head_dim,
        intermediate_size=model.intermediate,
        vocab_size=model.vocab,
        tie_word_embeddings=model.tied,
        **({} if model.family == "qwen2" else {"attention_bias": model.o_bias}),
    )
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def test_the_promised_models_are_there() -> None:
    assert set(all_models()) == WANTED


@pytest.mark.parametrize("model", all_models().values(), ids=lambda m: m.name)
def test_parameters_as_transformers_counts_them(model: Model) -> None:
    assert model.parameters() == sum(p.numel() for p in hf_model(model).parameters())


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
    assert model.source.startswith("https://huggingface.co/")
    assert model.heads % model.kv_heads == 0


@pytest.mark.parametrize("name", ["qwq-32b", "QwQ-32B", "Qwen/QwQ-32B"])
def test_names_and_hub_names(name: str) -> None:
    assert load_model(name).name == "qwq-32b"


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown model 'qwen9'.*qwq-32b.*config\.json"):
        load_model("qwen9")


def test_missing_path() -> None:
    with pytest.raises(UserError, match=r"there is no /nowhere/config\.json"):
        load_model("/nowhere/config.json")
