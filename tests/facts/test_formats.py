"""Bytes per format."""

import pytest

from truetpot.errors import UserError
from truetpot.facts.formats import all_formats, format_facts, kv_bytes, kv_formats, storage


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("fp32", 32),
        ("bf16", 16),
        ("fp16", 16),
        ("fp8_e5m2", 8),
        ("fp8_e4m3", 8.5),
        ("sym_int4", 4.25),
        ("asym_int4", 4.5),
        ("sym_int8", 8.5),
        ("woq_int4", 4.25),
        ("int4_g128", 4.125),
        ("ggml_q4_0", 4.5),
        ("ggml_q4_1", 5.0),
        ("ggml_q5_0", 5.5),
        ("ggml_q5_1", 6.0),
        ("ggml_q8_0", 8.5),
        ("ggml_q2_k", 2.625),
        ("ggml_q3_k", 3.4375),
        ("ggml_q4_k", 4.5),
        ("ggml_q5_k", 5.5),
        ("ggml_q6_k", 6.5625),
        ("ggml_iq4_nl", 4.5),
        ("ggml_iq4_xs", 4.25),
        ("ggml_mxfp4", 4.25),
        ("ggml_nvfp4", 4.5),
    ],
)
def test_bits_that_have_to_be_read(name: str, bits: float) -> None:
    assert format_facts(name).bits_per_weight == bits


def test_what_ipex_llm_stores() -> None:
    """Its type sizes: bytes of a block of 64, constants and all."""
    sizes = {"sym_int4": 34, "asym_int4": 36, "sym_int8": 68, "fp8_e5m2": 68, "fp8_e4m3": 68}
    assert {name: sum(storage(name, 1, 64)) for name in sizes} == sizes


def test_constant_scales_stand_apart() -> None:
    assert storage("fp8_e5m2", 10, 128) == (1280, 0, 80)
    assert storage("fp8_e4m3", 10, 128) == (1280, 80, 0)
    assert storage("sym_int4", 3, 128) == (192, 12, 0)
    assert storage("bf16", 3, 5) == (30, 0, 0)


def test_k_must_hold_whole_blocks_where_they_have_scales() -> None:
    assert storage("fp8_e5m2", 1, 65) == (65, 0, 8)
    with pytest.raises(UserError, match="blocks of 64 along K, and K = 96"):
        storage("sym_int4", 1, 96)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match=r"unknown weight format 'int3'.*sym_int4"):
        format_facts("int3")
    with pytest.raises(UserError, match=r"unknown KV format 'int4'.*fp16"):
        kv_bytes("int4")


def test_every_entry_has_a_source() -> None:
    assert all(x.source for x in (*all_formats().values(), *kv_formats().values()))
    assert kv_bytes("fp16") == kv_bytes("bf16") == 2 * kv_bytes("fp8_e5m2")
