"""Which type each tensor of a file has: by hand, and by the sizes of published files."""

import pytest

from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.formats import all_formats
from truetpot.facts.hardware import load_hardware
from truetpot.facts.mixes import (
    all_mixes,
    embedding_bytes,
    file_bytes,
    idle_bytes,
    known_formats,
    stored,
)
from truetpot.facts.models import all_models, load_model
from truetpot.facts.traffic import resident_bytes, traffic
from truetpot.facts.workload import Workload

GIB = 2**30
LLAMA = load_model("llama-3.1-8b")

# The column `size` of tables that llama-bench prints, in GiB.
PUBLISHED = {
    ("llama-2-7b", "q4_0"): 3.56,
    ("mistral-7b-v0.3", "q4_k_m"): 4.07,
    ("llama-3.1-8b", "q4_k_m"): 4.58,
    ("llama-3.1-8b", "q5_k_m"): 5.33,
    ("llama-3.1-8b", "q8_0"): 7.95,
    ("llama-3.1-70b", "q4_k_m"): 39.59,
    ("llama-3.1-70b", "q2_k"): 24.56,
    ("llama-3.2-3b", "q4_k_m"): 1.87,
    ("qwen3-4b", "q2_k"): 1.55,
    ("qwen3-4b", "q4_k_m"): 2.32,
    ("qwen3-4b", "q6_k"): 3.07,
    ("qwen3-4b", "q8_0"): 3.98,
    ("qwen3-8b", "q2_k"): 3.05,
    ("qwen3-8b", "q4_k_m"): 4.68,
    ("qwen3-8b", "q6_k"): 6.26,
    ("qwen3-8b", "q8_0"): 8.11,
    ("qwen3-14b", "q4_k_m"): 8.38,
    ("qwen2.5-14b", "q4_k_m"): 8.37,
    ("qwen2.5-14b", "q5_k_m"): 9.78,
    ("qwen3-32b", "q2_k"): 11.49,
    ("qwen3-32b", "q4_k_m"): 18.40,
    ("qwen3-32b", "q6_k"): 25.03,
    ("phi-4", "q4_k_m"): 8.28,
    ("phi-4", "q8_0"): 14.51,
    ("gemma-2-2b", "q5_k_m"): 1.79,
    ("gemma-3-12b", "q4_k_m"): 6.79,
    ("gemma-3-27b", "q4_k_m"): 15.40,
    ("mistral-small-24b", "q4_k_m"): 13.34,
    ("qwen3-30b-a3b", "q2_k"): 10.48,
    ("qwen3-30b-a3b", "q4_k_m"): 17.28,
    ("qwen3-30b-a3b", "q6_k"): 23.36,
    ("mixtral-8x7b", "q4_k_m"): 26.49,
    ("gpt-oss-20b", "mxfp4_moe"): 11.27,
}


@pytest.mark.parametrize(("key", "gib"), PUBLISHED.items(), ids=str)
def test_sizes_of_published_files(key: tuple[str, str], gib: float) -> None:
    model, mix = key
    size = file_bytes(load_model(model), all_mixes()[mix]) / GIB
    assert size == pytest.approx(gib, abs=0.006)  # two decimals, and less than a thousandth is left


def test_an_exact_size() -> None:
    """llama-2-7b Q4_0 by hand: lm_head in Q6_K, all else in Q4_0, norms in fp32."""
    layer = 4 * 4096 * 4096 + 3 * 4096 * 11008
    table = 32000 * 4096
    by_hand = (32 * layer + table) * 18 // 32 + table * 210 // 256 + 65 * 4096 * 4
    assert file_bytes(load_model("llama-2-7b"), all_mixes()["q4_0"]) == by_hand == 3_825_065_984


def test_types_of_q4_k_m_by_hand() -> None:
    """32 layers: the first 4, the last 4 and every third between have v and down in Q6_K."""
    more = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31}
    mix = all_mixes()["q4_k_m"]
    for layer in range(32):
        wanted = "ggml_q6_k" if layer in more else "ggml_q4_k"
        assert mix.type_of(LLAMA, "down", layer) == mix.type_of(LLAMA, "v", layer) == wanted
        assert mix.type_of(LLAMA, "k", layer) == mix.type_of(LLAMA, "o", layer) == "ggml_q4_k"
    assert mix.type_of(LLAMA, "lm_head", 0) == "ggml_q6_k"
    assert mix.type_of(LLAMA, "embedding", 0) == "ggml_q4_k"
    assert mix.type_of(load_model("llama-3.2-1b"), "embedding", 0) == "ggml_q6_k"  # tied


def test_rows_that_hold_no_whole_block_fall_back() -> None:
    """896 columns are 3.5 blocks of 256."""
    small, mix = load_model("qwen2.5-0.5b"), all_mixes()["q4_k_m"]
    assert mix.type_of(small, "q", 0) == "ggml_q5_0"
    assert mix.type_of(small, "v", 0) == "ggml_q8_0"
    assert mix.type_of(small, "down", 10) == "ggml_q4_k"  # 4864 = 19 blocks
    assert all_mixes()["mxfp4_moe"].type_of(load_model("gpt-oss-20b"), "gate_up", 0) == "ggml_mxfp4"


@pytest.mark.parametrize("mix", all_mixes().values(), ids=lambda m: m.name)
def test_every_mix_counts_every_weight_of_every_model(mix) -> None:  # type: ignore[no-untyped-def]
    assert mix.source
    for model in all_models().values():
        found = stored(model, 1, mix)
        weights = sum(x.linear.weights * x.linear.count for x in found)
        experts = model.experts_used * 3 * model.hidden * model.intermediate
        routers = model.experts.count * model.hidden if model.experts else 0
        attention = model.hidden * (2 * model.q_rows + 2 * model.kv_rows)
        head = model.embedding_elements()
        assert weights == model.layers * (attention + experts + routers) + head
        assert {x.format for x in found} <= set(all_formats())


def test_traffic_of_a_mix_is_the_file_less_what_one_token_does_not_read() -> None:
    for name, mix_name in PUBLISHED:
        model, mix = load_model(name), all_mixes()[mix_name]
        step = traffic(model, Workload(format=mix_name, context=0))
        vectors = (model.norm_elements() + model.bias_elements()) * 4
        table = 0 if model.tied else embedding_bytes(model, mix)
        assert step.bound + idle_bytes(model, 1, mix) + vectors + table == file_bytes(model, mix)
        assert step.idle_experts == idle_bytes(model, 1, mix)


# tg128 of a published table: llama.cpp b9739, SYCL, one Arc Pro B70, nothing on the CPU; tokens/s.
TG128 = {
    ("llama-3.1-8b", "q4_k_m"): 88.49,
    ("llama-3.1-8b", "q8_0"): 56.00,
    ("llama-3.1-70b", "q2_k"): 5.63,
    ("qwen3-8b", "q4_k_m"): 81.79,
    ("qwen3-14b", "q4_k_m"): 49.21,
    ("qwen3-32b", "q4_k_m"): 23.47,
    ("qwen2.5-14b", "q4_k_m"): 47.50,
    ("phi-4", "q4_k_m"): 52.41,
    ("gemma-3-12b", "q4_k_m"): 50.80,
    ("gemma-3-27b", "q4_k_m"): 26.18,
    ("mistral-small-24b", "q4_k_m"): 32.89,
    ("qwen3-30b-a3b", "q4_k_m"): 92.95,
    ("gpt-oss-20b", "mxfp4_moe"): 50.38,
}


@pytest.mark.parametrize(("key", "rate"), TG128.items(), ids=str)
def test_no_published_rate_is_beyond_its_floor(key: tuple[str, str], rate: float) -> None:
    """Dense models take 1.3 to 2 floors on that card, the ones with few active experts more."""
    name, mix = key
    model = load_model(name)
    bound = floor(model, load_hardware("arc-pro-b70"), Workload(format=mix, context=0))
    ratio = 1e3 / rate / bound.ms_per_token
    most = 6 if model.experts else 5 if mix == "q2_k" else 2
    assert 1.2 < ratio < most


def test_ranks_share_a_mix() -> None:
    whole, half = (traffic(LLAMA, Workload(tp=tp, format="q4_k_m", context=0)) for tp in (1, 2))
    assert 2 * half.bound == whole.bound
    assert sum(row.linear.weights * row.linear.count for row in half.linears) * 2 == sum(
        row.linear.weights * row.linear.count for row in whole.linears
    )


def test_lm_head_of_another_format() -> None:
    step = traffic(LLAMA, Workload(format="q4_k_m", lm_head_format="fp16", context=0))
    assert [row.format for row in step.linears][-1] == "fp16"


def test_experts_of_one_token_whatever_the_batch() -> None:
    """mixtral in fp16, by hand: 2 of 8 experts, 3 matrices of 4096 x 14336 each."""
    mixtral = load_model("mixtral-8x7b")
    attention = 2 * 4096 * 4096 + 2 * 4096 * 1024
    expert = 3 * 4096 * 14336
    read = 32 * (attention + 2 * expert + 8 * 4096) + 32000 * 4096
    one, many = (traffic(mixtral, Workload(format="fp16", context=0, batch=b)) for b in (1, 4))
    assert one.bound == many.bound == 2 * read
    assert one.estimate == one.bound
    distinct = 8 * (1 - 0.75**4)
    assert many.estimate == pytest.approx(2 * (read + 32 * (distinct - 2) * expert))
    assert one.idle_experts == 2 * 32 * 6 * expert
    assert resident_bytes(mixtral, one) > 2 * mixtral.parameters() * 0.999


def test_the_estimate_is_said_and_is_no_part_of_the_bound() -> None:
    card, mixture = load_hardware("arc-pro-b70"), load_model("qwen3-30b-a3b")
    bound = floor(mixture, card, Workload(format="q4_k_m", context=0, batch=8))
    assert bound.estimate_ms > 2 * bound.ms_per_token
    (line,) = (x for x in bound.assumptions if "An estimate, no bound" in x)
    assert f"{128 * (1 - (120 / 128) ** 8):.1f} a layer" in line
    assert f"{bound.estimate_ms:.3f} ms" in line


def test_windowed_layers_read_the_window() -> None:
    """gpt-oss: 12 of 24 layers keep 127 older tokens; 8 kv heads of 64, K and V, fp16."""
    step = traffic(load_model("gpt-oss-20b"), Workload(format="mxfp4", context=4000, batch=2))
    assert step.kv == 2 * (12 * 4000 + 12 * 127) * 2 * 8 * 64 * 2


def test_what_is_no_format() -> None:
    assert {"q4_k_m", "mxfp4", "awq", "fp16", "int4_g128"} <= set(known_formats())
    with pytest.raises(UserError, match=r"unknown weight format 'q4_k_xxl'.*fp16.*q4_k_m"):
        traffic(LLAMA, Workload(format="q4_k_xxl", context=0))
