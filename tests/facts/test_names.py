"""Models and formats by the names that files give them, and the names that mean none."""

import pytest

from truetpot.facts.mixes import all_mixes, file_bytes, known_formats
from truetpot.facts.models import all_models, load_model
from truetpot.facts.names import (
    dense,
    is_dense,
    names,
    recognise_format,
    recognise_model,
    same_size,
)
from truetpot.facts.tables import read

GIB = 2**30
NAMES = {
    "Qwen/QwQ-32B": ("qwq-32b", None),
    "/models/QwQ-32B-fp8/": ("qwq-32b", "fp8"),
    "/llm/models/QwQ-32B": ("qwq-32b", None),
    "models--Qwen--QwQ-32B/snapshots/976055f8c83f394f35dbd3ab09a285a984907bd0": ("qwq-32b", None),
    "org/qwq-32b": ("qwq-32b", None),
    "llama 7B Q4_0": ("llama-2-7b", "q4_0"),
    "llama-2-7b.Q4_K_S.gguf": ("llama-2-7b", "q4_k_s"),
    "/data/llama-2-7b/ggml-model-q8_0.gguf": ("llama-2-7b", "q8_0"),
    "models/llama-2-7b-chat/pytorch/ov/OV_FP16-INT4_SYM": ("llama-2-7b", "int4"),
    "Qwen3-8B/openvino/INT8": ("qwen3-8b", "int8"),
    "llama 8B Q8_0": ("llama-3.1-8b", "q8_0"),
    "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf": ("llama-3.1-8b", "q4_k_m"),
    "hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M": ("llama-3.1-8b", "q4_k_m"),
    "llama3.1:8b-instruct-q4_K_M": ("llama-3.1-8b", "q4_k_m"),
    "DeepSeek-R1-Distill-Llama-8B-Q8_0.gguf": ("llama-3.1-8b", "q8_0"),
    "deepseek-r1:32b": ("qwen2.5-32b", None),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": ("deepseek-r1-distill-qwen-1.5b", None),
    "qwen3 8B Q4_K - Medium": ("qwen3-8b", "q4_k_m"),
    "Qwen/Qwen3-32B-FP8": ("qwen3-32b", "fp8"),
    "Qwen3-4B-Instruct-2507-Q4_K_M": ("qwen3-4b", "q4_k_m"),
    "Qwen2.5-Coder-7B-Instruct-AWQ": ("qwen2.5-7b", "awq"),
    "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4": ("qwen2.5-7b", "gptq"),
    "qwen3moe 30B.A3B Q4_K - Medium": ("qwen3-30b-a3b", "q4_k_m"),
    "Qwen3-30B-A3B-Instruct-2507-IQ4_XS": ("qwen3-30b-a3b", "iq4_xs"),
    "llama 8x7B Q5_K - Medium": ("mixtral-8x7b", "q5_k_m"),
    "gpt-oss 20B MXFP4 MoE": ("gpt-oss-20b", "mxfp4_moe"),
    "openai/gpt-oss-20b": ("gpt-oss-20b", None),
    "gemma-3-12b-it-Q4_K_M-00001-of-00002.gguf": ("gemma-3-12b", "q4_k_m"),
    "gemma2 9B Q6_K": ("gemma-2-9b", "q6_k"),
    "microsoft/phi-4": ("phi-4", None),
    "Mistral-Small-3.2-24B-Instruct-2506-BF16": ("mistral-small-24b", "bf16"),
    "Mistral-Small-3.2-24B-Instruct-2506-UD-Q4_K_XL.gguf": ("mistral-small-24b", None),
}
STRANGERS = [
    "",
    "/",
    "m.gguf",
    "model",
    "some-8B-chat",
    "deepseek-r1:8b",  # of Llama before 0528, of Qwen since
    "llama3.2:latest",
    "qwen3-5-27b",
    "Qwen3.6-27B-GPTQ-Int4",
    "Qwen/Qwen3-VL-8B-Instruct",
    "Qwen/Qwen3-Embedding-8B",
    "Qwen3-8B-DFlash",
    "EAGLE3-Llama-3.1-8B",
    "microsoft/Phi-4-mini-instruct",
    "gemma3n:e4b",
    "CodeLlama-7b",
    "llama-3.1-8b+qwen3-8b",
    "/models/qwen3-8b/Qwen3.5-27B-Q4_0.gguf",
    "llama 13B Q4_K - Medium",  # Llama 2, Mistral Nemo, Mistral Small, Phi-4: the bytes tell
    "llama 70B Q4_K - Medium",
]


@pytest.mark.parametrize(("text", "wanted"), NAMES.items())
def test_recognises(text: str, wanted: tuple[str, str | None]) -> None:
    model = recognise_model(text)
    assert (model and model.name, recognise_format(text)) == wanted


@pytest.mark.parametrize("text", STRANGERS)
def test_does_not_guess(text: str) -> None:
    assert recognise_model(text) is None


@pytest.mark.parametrize("model", all_models().values(), ids=lambda m: m.name)
def test_a_model_is_recognised_by_each_of_its_names(model) -> None:  # type: ignore[no-untyped-def]
    for text in (model.name, model.hf, *names(model.name).also):
        assert recognise_model(text) is model
        assert load_model(text) is model
        assert recognise_model(f"/srv/{text.replace('/', '--')}-Q4_K_M.gguf") is model


def test_every_name_is_of_a_known_model() -> None:
    assert set(read("names.toml")["names"]) <= set(all_models())
    assert {names(name).format for name in all_models()} <= {None, *known_formats()}


@pytest.mark.parametrize(
    ("text", "gib", "model"),
    [
        ("llama 7B Q4_0", 3.56, "llama-2-7b"),
        ("llama 7B Q4_K - Medium", 4.07, "mistral-7b-v0.3"),
        ("llama 13B Q4_K - Medium", 13.34, "mistral-small-24b"),
        ("llama 13B Q4_K - Medium", 8.28, "phi-4"),
        ("phi3 14B Q4_K - Medium", 8.43, "phi-4"),  # with qkv as one tensor
        ("llama 70B Q4_K - Medium", 39.59, "llama-3.1-70b"),
        ("llama 3B Q4_K - Medium", 1.87, "llama-3.2-3b"),
        ("llama 13B Q4_K - Medium", 6.96, None),  # Mistral Nemo
        ("llama 1B Q4_K - Medium", 636.18 / 1024, None),  # TinyLlama
        ("llama 7B Q4_0", 5.00, None),
    ],
)
def test_bytes_decide_between_models_of_one_name(text: str, gib: float, model: str | None) -> None:
    """Names and sizes as published tables of llama-bench have them."""
    found = recognise_model(text, round(gib * GIB))
    assert (found and found.name) == model


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("Q4_K - Small", "q4_k_s"),
        ("Q2_K - Medium", "q2_k"),
        ("Q6_K", "q6_k"),
        ("IQ4_NL - 4.5 bpw", "iq4_nl"),
        ("IQ4_XS - 4.25 bpw", "iq4_xs"),
        ("q5_1", "q5_1"),
        ("F16", "fp16"),
        ("all F32", "fp32"),
        ("bfloat16", "bf16"),
        ("sym_int4", "sym_int4"),
        ("fp8_e5m2", "fp8_e5m2"),
        ("fp8_e4m3fn", "fp8"),
        ("NVFP4", "nvfp4"),
        ("mxfp4", "mxfp4"),
        ("w4a16", "gptq"),
        ("GPTQ-Int8", "int8"),
        ("Q2_K - Small", None),
        ("IQ3_XS - 3.3 bpw", None),
        ("Q4_K_L", None),
        ("TheBloke/Llama-2-7B-GPTQ", None),  # of 4 bits or of another number
        ("Qwen/QwQ-32B", None),
        ("", None),
    ],
)
def test_formats(text: str, format: str | None) -> None:
    assert recognise_format(text) == format
    assert format is None or format in known_formats()


def test_a_size_that_is_that_of_the_format() -> None:
    llama = load_model("llama-3.1-8b")
    whole = file_bytes(llama, all_mixes()["q4_k_m"])
    assert same_size(llama, "q4_k_m", whole)
    assert same_size(llama, "q4_k_m", round(whole * 1.019))
    assert same_size(llama, "q4_k_m", round(whole * 1.021)) is False
    assert same_size(llama, "fp16", whole) is None
    assert same_size(llama, None, whole) is None


@pytest.mark.parametrize("text", ["glm4 32B Q4_K - Medium", "llama 1B Q8_0", "qwen2 0.5B F16"])
def test_dense_by_name(text: str) -> None:
    assert is_dense(text)


@pytest.mark.parametrize(
    "text",
    ["", "glm4moe 106B.A12B Q4_K", "llama 8x22B Q4_0", "deepseek2 16B Q4_K", "qwen2 ?B", "glm4"],
)
def test_perhaps_not_dense(text: str) -> None:
    assert not is_dense(text)


def test_no_known_embedding_takes_more_than_is_left_out() -> None:
    """Of a file of any mix; and the model that the share is from, by hand."""
    shares = [
        model.embedding_elements() / model.parameters()
        for model in all_models().values()
        if not model.tied
    ]
    qwen15 = 151936 * 1024 / 619_570_176
    assert max(shares) < qwen15 < dense().embedding_share < qwen15 + 0.01
