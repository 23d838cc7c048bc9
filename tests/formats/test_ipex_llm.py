"""The vendor's layouts and codecs where its library is not: known bytes, round trips, nearest."""

import hashlib

import ml_dtypes
import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.facts.formats import storage
from truetpot.formats import dequantise, fp4, fp6, ipex_llm_blocks, nf4, quantise, random_weight
from truetpot.formats.ipex_llm import (
    LAYOUTS,
    cpu_to_xpu,
    from_blocks,
    from_xpu,
    to_blocks,
    to_xpu,
    xpu_to_cpu,
)

VENDOR = {
    "sym_int4": "aee1ceb48d1a36afd8101f1bd5f4e8fe4d5f1524ea33bd3e8bfacb1b7b9d0e45",
    "woq_int4": "aee1ceb48d1a36afd8101f1bd5f4e8fe4d5f1524ea33bd3e8bfacb1b7b9d0e45",
    "nf4": "d2d223a6228bff4716530fde2ba5e52e6b27077aa1d3ae8aabafa7a5b4942cac",
    "fp4": "f29f19fe18b8fa207a17ade289b5c5784044ae0cdfd283194c845d0f602b83ea",
    "asym_int4": "10e074231b3f1f86f9493c886d774af1700873b21e5f2af29bab357836e7a78a",
    "sym_int8": "45320db3c7206e5c6cd40074b104d8bff73233e3b05b5b8f85f95dd6dedd9487",
    "fp8_e4m3": "81403a1f117937fda1c383d56fb1f24da9de764bc0d1a1b51b88998897a1d049",
    "fp8_e5m2": "5730bddfff723ffd5d7cfd18fc17be87e9c6f4692cf1b06730a4902808275bdc",
    "fp6": "b4760f20a82205d0f65d36d6d54179ec8d33def07084a728d57f7e870d6ba03e",
    "q4_k": "2b456f288e35cdd92891da5434708e7a77e340140a30378b38c3b685837d3e51",
}
"""sha256 of what the library's build for AVX2 wrote for `vendor_input`."""

E4M3 = np.delete(np.arange(256, dtype=np.uint8), [127, 255]).view(ml_dtypes.float8_e4m3fn)


def vendor_input():
    """[64, 256] float32 from integers alone; row r is scaled by 2^-r."""
    i = np.arange(64 * 256, dtype=np.uint64)
    unit = ((i * np.uint64(2654435761)) % np.uint64(2**32)).astype(np.float64) / 2**32 - 0.5
    return (unit.reshape(64, 256) * 2.0 ** -np.arange(64)[:, None]).astype(np.float32)


@pytest.mark.parametrize("format", LAYOUTS)
def test_the_vendors_bytes(format):
    blocks = ipex_llm_blocks(vendor_input(), format)
    assert len(blocks) == sum(storage(format, 64, 256))
    assert hashlib.sha256(blocks).hexdigest() == VENDOR[format]


@pytest.mark.parametrize("format", LAYOUTS)
def test_a_weight_comes_back_from_either_layout(format):
    weight = random_weight((3, 768), format, np.random.default_rng(1))
    blocks, xpu = to_blocks(weight), to_xpu(weight)
    assert len(blocks) == len(xpu) == sum(storage(format, 3, 768))
    assert cpu_to_xpu(blocks, format) == xpu != blocks
    assert xpu_to_cpu(xpu, format) == blocks
    for back in (from_blocks(blocks, format, (3, 768)), from_xpu(xpu, format, (3, 768))):
        assert (back.format, back.shape) == (format, (3, 768))
        assert back.codes.dtype == weight.codes.dtype
        np.testing.assert_array_equal(back.codes, weight.codes)
        if weight.scales is not None:
            assert back.scales.dtype == weight.scales.dtype
            np.testing.assert_array_equal(back.scales, weight.scales)


def test_woq_int4_on_xpu_is_plain_4_bit_order():
    w = np.arange(64, dtype=np.float32)[None] - 32  # d = 4, so the code is floor(x / 4 + 8.5)
    data = np.frombuffer(to_xpu(quantise(w, "woq_int4")), np.uint8)
    codes = np.stack([data[:32] & 15, data[:32] >> 4], axis=1).ravel()
    np.testing.assert_array_equal(codes, np.minimum(15, np.floor(w[0] / 4 + 8.5)))
    assert data[32:].view(np.float16).tolist() == [4.0]
    sym = np.frombuffer(to_xpu(quantise(w, "sym_int4")), np.uint8)
    assert sym[:32].tolist() != data[:32].tolist()


def test_fp8_e5m2_carries_scales_that_are_one():
    data = np.frombuffer(ipex_llm_blocks(vendor_input(), "fp8_e5m2"), np.uint8).reshape(-1, 68)
    assert (np.ascontiguousarray(data[:, :4]).view(np.float32) == 1).all()


@pytest.mark.parametrize(
    ("format", "values"),
    [
        ("fp8_e4m3", E4M3),
        ("fp6", fp6.VALUES),
        ("fp4", fp4.VALUES),
        ("nf4", nf4.VALUES),
        ("sym_int8", np.arange(-127, 128)),
        ("sym_int4", np.arange(-8, 8)),
        ("woq_int4", np.arange(-8, 8)),
    ],
)
def test_nearest_is_the_nearest_that_the_scale_offers(format, values):
    """Against the whole list of values; beside it only what rounding the scale to fp16 moves."""
    w = np.random.default_rng(2).standard_normal((8, 256)).astype(np.float32)
    weight = quantise(w, format)
    got = dequantise(weight)
    unit = {"fp8_e4m3": 1 / 256, "fp6": 1 / 4096}.get(format, 1)
    scales = np.repeat(weight.scales.astype(np.float64), 64, axis=1)[..., None] * unit
    best = np.abs(scales * values.astype(np.float64) - w[..., None].astype(np.float64)).min(axis=-1)
    assert (np.abs(got - w) <= best + 2.0**-10 * np.abs(w)).all()


@pytest.mark.parametrize(
    ("format", "least", "most"),
    [("fp8_e5m2", 0.91, 0.92), ("fp8_e4m3", 0.955, 0.965), ("fp6", 0.92, 0.93)],
)
def test_the_vendor_shrinks_what_it_truncates(format, least, most):
    w = np.random.default_rng(3).standard_normal((64, 1024)).astype(np.float32)
    gains = [
        np.sum(dequantise(quantise(w, format, rounding)) * w) / np.sum(w.astype(np.float64) ** 2)
        for rounding in ("vendor", "nearest")
    ]
    assert least < gains[0] < most
    assert gains[1] == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("format", ["sym_int8", "sym_int4", "woq_int4", "asym_int4", "nf4", "q4_k"])
def test_where_the_vendor_rounds_to_nearest_there_is_one_result(format):
    w = np.random.default_rng(4).standard_normal((16, 512)).astype(np.float32)
    nearest, vendor = (quantise(w, format, rounding) for rounding in ("nearest", "vendor"))
    assert nearest.codes.tobytes() == vendor.codes.tobytes()
    assert nearest.scales.tobytes() == vendor.scales.tobytes()


def test_fp4_of_the_vendor_never_rounds_up_to_one():
    w = np.full((1, 64), 6.0, np.float32)
    w[0, 1:] = 0.9
    assert set(dequantise(quantise(w, "fp4", "vendor"))[0, 1:]) == {0.5}
    assert set(dequantise(quantise(w, "fp4"))[0, 1:]) == {1.0}


@pytest.mark.parametrize("format", [name for name in LAYOUTS if name != "fp8_e5m2"])
def test_no_number_is_refused_but_has_the_vendors_bytes(format):
    w = np.ones((1, 256), np.float32)
    w[0, 9] = np.nan
    for rounding in ("nearest", "vendor"):
        with pytest.raises(UserError, match=f"does not fit {format}"):
            quantise(w, format, rounding)
    assert len(ipex_llm_blocks(w, format)) == sum(storage(format, 1, 256))


@pytest.mark.parametrize(("format", "size"), [("fp6", 450.0), ("q4_k", 1e9), ("asym_int4", 1e6)])
def test_what_overflows_a_scale_is_refused(format, size):
    w = np.linspace(-size, size, 256, dtype=np.float32)[None]
    with pytest.raises(UserError, match="does not fit"):
        quantise(w, format)
    quantise(w / 1e6, format)


def test_refusals():
    with pytest.raises(UserError, match="no blocks of 'bf16'"):
        ipex_llm_blocks(np.ones((1, 64), np.float32), "bf16")
    with pytest.raises(UserError, match="K = 64 is no multiple"):
        ipex_llm_blocks(np.ones((1, 64), np.float32), "q4_k")
    with pytest.raises(UserError, match="33 bytes are no whole number of sym_int4 blocks of 34"):
        from_blocks(bytes(33), "sym_int4", (1, 64))
    with pytest.raises(UserError, match=r"2 blocks of 64 are not a weight of shape \(1, 64\)"):
        from_xpu(bytes(68), "sym_int4", (1, 64))
