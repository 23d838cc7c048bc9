"""The yardstick that a run brings along: what is found, what it rests on, and what is missing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import check_sentence
from truetpot.errors import UserError
from truetpot.facts.hardware import load_hardware
from truetpot.facts.mixes import all_mixes, embedding_bytes, file_bytes
from truetpot.facts.models import load_model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload
from truetpot.serving.chosen import Flags
from truetpot.serving.records import Run, Setting, Totals
from truetpot.serving.yardstick import from_facts, from_run, weights_read

A770 = "Intel(R) Arc(TM) A770 Graphics"
GIB = 2**30
NONE = Flags()


def run(**setting) -> Run:
    return Run("llama-bench", "made", "", {}, (), Totals(), Setting(**setting))


def found(flags=NONE, **setting):
    yardstick, said = from_run(run(**setting), flags)
    assert yardstick is not None, said
    return yardstick, said


def lacking(flags=NONE, **setting):
    yardstick, said = from_run(run(**setting), flags)
    assert yardstick is None
    return said


def test_a_file_of_llama_bench_says_it_all():
    """llama-2-7b Q4_0 by hand: layers in 18 bytes a 32, lm_head in 210 a 256; 16-bit cache."""
    layers = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008) * 18 // 32
    head = 32000 * 4096 * 210 // 256
    yardstick, said = found(
        model="m.gguf", weight_format="llama 7B Q4_0", model_bytes=3_825_065_984, device=A770
    )
    assert yardstick.floor_s(0, 1) == pytest.approx((layers + head) / 560e9)
    cache = 100 * 32 * 2 * 4096 * 2
    assert yardstick.floor_s(100, 3) == pytest.approx((layers + head + 3 * cache) / 560e9)
    assert yardstick.what == "llama-2-7b q4_0, 3.83 GB of weights, on 1 x Intel Arc A770 16GB"
    model, weights, card = said
    assert model == "Model: llama-2-7b, from its name in the file, llama 7B Q4_0."
    assert "q4_0" in weights
    assert "3.83 GB" in weights
    assert A770 in card


def test_a_name_and_a_card_without_a_size():
    yardstick, said = found(model="Qwen/QwQ-32B-fp8", device=A770, devices=4)
    same = from_facts(load_model("qwq-32b"), load_hardware("arc-a770"), 4, "fp8")
    for context, batch in ((0, 1), (4096, 7)):
        assert yardstick.floor_s(context, batch) == same.floor_s(context, batch)
    assert yardstick.what == same.what
    assert "4 x" in said[-1]
    assert "read at once" in said[-1]


def test_a_large_batch_is_bound_by_operations_that_may_be_of_8_bits():
    """4.25 bits a weight over 4800 GB/s, or 2 operations a row over 1979e12: 109.6 rows."""
    yardstick = from_facts(load_model("qwq-32b"), load_hardware("h200"), 1, "sym_int4")
    weights = 64 * (7168 + 5120 + 55296 + 27648) * 5120 + 152064 * 5120
    assert yardstick.floor_s(0, 109) == pytest.approx(weights * 4.25 / 8 / 4800e9)
    assert yardstick.floor_s(0, 110) == pytest.approx(2 * 110 * weights / 1979e12)
    assert yardstick.floor_from.endswith("or its operations over 1979e12 a second")
    size = round(18.32 * GIB)  # the same where the weights are a file's
    by_size, _ = found(Flags(device="h200"), model="Qwen/QwQ-32B", weight_format="q4_k_m",
                       model_bytes=size, kv_format="f16")  # fmt: skip
    assert by_size.floor_s(0, 500) == pytest.approx(2 * 500 * weights / 1979e12)
    assert by_size.floor_s(0, 1) < size / 4800e9


def test_a_tokenizer_is_no_model():
    """People count tokens with that of another size."""
    said = lacking(
        model="my-chat", tokenizer="Qwen/Qwen3-8B", device="Arc B580", weight_format="fp8"
    )
    assert "my-chat is not a known one; give --model." in said[-1]


def test_flags_win():
    flags = Flags("llama-3.1-8b", "arc-pro-b70", 2, "q8_0", "fp8_e5m2")
    yardstick, said = found(
        flags, model="Qwen/QwQ-32B", weight_format="fp8", device=A770, devices=4,
        kv_format="f16", model_bytes=32 * GIB,
    )  # fmt: skip
    by_hand = from_facts(
        load_model("llama-3.1-8b"), load_hardware("arc-pro-b70"), 2, "q8_0", "fp8_e5m2"
    )
    assert yardstick.floor_s(1000, 4) == by_hand.floor_s(1000, 4)
    options = ("--model", "--format", "--device")
    assert all(option in line for option, line in zip(options, said, strict=True))


def test_model_and_card_alone_mean_fp16_and_one_card_and_say_so():
    yardstick, said = found(Flags(model="qwq-32b", device="arc-a770"))
    assert yardstick.floor_s(0, 1) == pytest.approx(2 * 31.98e9 / 560e9, rel=1e-3)
    assert any("fp16 is assumed" in line for line in said)
    assert any("one is assumed" in line for line in said)


@pytest.mark.parametrize(
    ("flags", "setting", "option"),
    [
        (NONE, {"model": "Qwen/QwQ-32B-fp8"}, "--device"),
        (NONE, {"model": "Qwen/QwQ-32B-fp8", "device": "NVIDIA GeForce RTX 4090"}, "--device"),
        (NONE, {"device": A770}, "--model"),
        (NONE, {"model": "some-8B", "device": A770}, "--model"),
        (NONE, {"model": "Qwen/QwQ-32B", "device": A770}, "--format"),
        (Flags(device="arc-a770"), {"model": "Qwen/QwQ-32B"}, "--format"),
        (Flags(model="qwq-32b"), {}, "--device"),
        # a mixture of experts does not read its file, and what is no known architecture may be one
        (NONE, {"weight_format": "glm4moe 106B.A12B Q4_K - Medium", "device": A770,
                "model_bytes": 68 * GIB}, "--model"),
        (NONE, {"model": "m.gguf", "device": A770, "model_bytes": 8 * GIB}, "--model"),
    ],
)  # fmt: skip
def test_what_is_missing_and_which_option_gives_it(flags, setting, option):
    said = lacking(flags, **setting)
    assert f"give {option}." in said[-1]


def test_nothing_at_all():
    model, card = lacking()
    assert "give --model." in model
    assert "give --device." in card


def test_gpt_oss_is_in_mxfp4_where_nothing_else_is_said():
    yardstick, _ = found(model="openai/gpt-oss-20b", device="Arc Pro B70")
    assert yardstick.weight_format == "mxfp4"


def test_a_mixture_of_experts_by_its_bytes():
    """qwen3-30b-a3b: 8 of 128 experts whatever the batch, as a sentence says."""
    size = round(17.28 * GIB)
    name = "qwen3moe 30B.A3B Q4_K - Medium"
    yardstick, said = found(weight_format=name, model_bytes=size, device="Arc Pro B70")
    bound = traffic(load_model("qwen3-30b-a3b"), Workload(format="q4_k_m", context=0)).bound
    assert yardstick.floor_s(0, 1) == pytest.approx(bound / 608e9, rel=3e-3)
    assert yardstick.floor_s(0, 64) == yardstick.floor_s(0, 1)
    assert bound < 0.12 * size
    assert any("8 of 128" in line for line in said)


def test_an_unknown_dense_model_by_its_bytes():
    """At least 74 % of the file, whatever its embedding takes, and no cache."""
    yardstick, said = found(
        weight_format="glm4 32B Q4_K - Medium", model_bytes=round(18.32 * GIB), device="Arc Pro B70"
    )
    assert yardstick.floor_s(0, 1) == pytest.approx(0.74 * 18.32 * GIB / 608e9)
    assert yardstick.floor_s(9999, 8) == yardstick.floor_s(0, 1)
    assert "not a known one" in said[0]
    # as published: 24.20 tokens/s on this card
    assert yardstick.floor_s(0, 1) < 1 / 24.20


def test_a_size_that_is_not_the_format_s_counts_by_itself():
    """Another mix than llama-quantize's: the average weight, the embedding at most as Q8_0."""
    qwen, nbytes = load_model("qwen3-8b"), round(5.5 * GIB)
    yardstick, said = found(model="Qwen3-8B-Q4_K_M.gguf", model_bytes=nbytes, device=A770)
    table = 151936 * 4096
    linear = 36 * (4096 * 6144 + 4096 * 4096 + 3 * 4096 * 12288) + table
    norms = 36 * (2 * 4096 + 2 * 128) + 4096
    by_hand = nbytes - table * 34 / 32 - norms * 4
    assert qwen.parameters() == linear + table + norms
    assert yardstick.floor_s(0, 1) == pytest.approx(by_hand / 560e9)
    assert any("not the size of q4_k_m" in line for line in said)


def test_the_size_of_an_unknown_mix():
    yardstick, said = found(
        model="Qwen3-8B-UD-Q4_K_XL.gguf", model_bytes=round(4.79 * GIB), device=A770
    )
    assert yardstick.floor_s(0, 1) < 4.79 * GIB / 560e9
    assert any("bits a weight" in line for line in said)


def test_a_size_that_cannot_be_the_model_s_is_not_its():
    said = lacking(model="Qwen/QwQ-32B", model_bytes=1000, device=A770)
    assert "give --model." in said[-1]


@pytest.mark.parametrize("mix", ["q4_k_m", "q4_0", "q8_0", "iq4_xs"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-12b", "mixtral-8x7b", "qwen3-30b-a3b"])
def test_bytes_read_are_a_bound_by_either_way(model, mix):
    """With the format exactly what traffic counts; by the average weight never more than that."""
    known, mixed = load_model(model), all_mixes()[mix]
    whole = file_bytes(known, mixed)
    exact = traffic(known, Workload(format=mix, context=0)).bound
    assert weights_read(known, mix, whole) == exact
    assert 0.75 * exact < weights_read(known, None, whole) <= exact
    larger = whole + 0 if known.tied else whole + GIB // 8 - embedding_bytes(known, mixed) // 8
    assert weights_read(known, mix, larger) - exact == larger - whole


@pytest.mark.parametrize(
    ("kv_format", "bytes_each"),
    [
        ("f16", 2),
        ("bf16", 2),
        ("q8_0", 1),
        ("fp8", 1),
        ("F32", 4),
        ("q4_0", 0),
        ("?", 0),
        ("f16/q8_0", 1),
        ("f16/q4_0", 0),
    ],
)
@pytest.mark.parametrize("size", [None, round(4.58 * GIB)])
def test_the_cache_as_the_file_calls_it(kv_format, bytes_each, size):
    """8 kv heads of 128, 32 layers; one whose bytes are not known is not counted."""
    name = "Llama-3.1-8B-Q4_K_M.gguf"
    yardstick, said = found(model=name, device=A770, kv_format=kv_format, model_bytes=size)
    cache = yardstick.floor_s(1000, 2) - yardstick.floor_s(0, 2)
    assert cache == pytest.approx(2 * 1000 * 32 * 2 * 1024 * bytes_each / 560e9)
    assert said[-1].startswith("Cache: ")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (Flags(model="qwen9"), "unknown model"),
        (Flags(device="rtx"), "unknown card"),
        (Flags(model="qwq-32b", device="arc-a770", format="int3"), "unknown weight format"),
        (Flags(model="qwq-32b", device="arc-a770", tp=3), "does not divide"),
        (Flags(model="qwq-32b", device="arc-a770", kv_format="int2"), "unknown KV format"),
    ],
)
def test_a_flag_that_is_wrong_is_refused(flags, words):
    with pytest.raises(UserError, match=words) as caught:
        from_run(run(), flags)
    check_sentence(str(caught.value))


def test_cards_that_do_not_divide_the_model_are_no_reason_to_refuse_a_file():
    assert "does not divide" in lacking(model="Qwen/QwQ-32B-fp8", device=A770, devices=3)[-1]


TEXT = st.none() | st.text(max_size=40) | st.sampled_from(
    ["llama 7B Q4_0", "qwen3 8B Q4_K - Medium", "Qwen/QwQ-32B-fp8", A770, "9" * 5000, "-" * 9000,
     "x" * 400 + "q4_0", "glm4 32B Q8_0", "99 x Arc A770", "\ud800"]
)  # fmt: skip
NUMBER = st.none() | st.integers(-(10**400), 10**400) | st.sampled_from([0, 1, 4, 2**33])


@given(model=TEXT, tokenizer=TEXT, weight_format=TEXT, device=TEXT, kv_format=TEXT,
       devices=NUMBER, model_bytes=NUMBER)  # fmt: skip
@settings(max_examples=300, deadline=2000)
def test_whatever_a_file_says_is_used_or_named(**setting):
    yardstick, said = from_run(run(**setting), NONE)
    for sentence in said:
        check_sentence(sentence)
    assert said
    if yardstick is None:
        assert "give --" in said[-1] or "does not divide" in said[-1]
    else:
        assert 0 < yardstick.floor_s(10, 2) < 1e6


def test_every_run_of_a_file_has_its_own():
    one, other = (run(model=f"Qwen3-{size}-Q8_0.gguf", device=A770) for size in ("4B", "8B"))
    floors = [from_run(each, NONE)[0].floor_s(0, 1) for each in (one, other)]
    assert floors[1] == pytest.approx(1.88 * floors[0], rel=0.01)
    again = replace(one, place="line 9")
    assert from_run(again, NONE)[0].what == from_run(one, NONE)[0].what
