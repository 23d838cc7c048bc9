"""fp32, fp16, bf16 and fp8_e5m2 against torch, which rounds on its own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from truetpot.errors import UserError
from truetpot.formats import dequantise, quantise

TORCH = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8_e5m2": torch.float8_e5m2,
}
FLOATS = tuple(TORCH)


def bits(codes: np.ndarray) -> np.ndarray:
    return codes.view(f"u{codes.dtype.itemsize}")


@pytest.mark.parametrize("format", FLOATS)
@settings(deadline=None, max_examples=60)
@given(
    w=arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 9)),
        elements=st.floats(-57344, 57344, width=32),
    )
)
def test_bits_as_torch_rounds(format: str, w: np.ndarray) -> None:
    weight = quantise(w, format)
    peer = torch.from_numpy(w).to(TORCH[format])
    as_bytes = peer.view(torch.uint8).numpy()
    np.testing.assert_array_equal(weight.codes.view(np.uint8), as_bytes)
    assert weight.scales is None
    np.testing.assert_array_equal(dequantise(weight), peer.double().numpy())


def test_every_e5m2_code_decodes_as_torch_does() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    peer = torch.from_numpy(codes).view(torch.float8_e5m2).double().numpy()
    finite = np.isfinite(peer)
    weight = quantise(np.where(finite, peer, 0.0), "fp8_e5m2")
    np.testing.assert_array_equal(weight.codes[finite], codes[finite])
    np.testing.assert_array_equal(dequantise(weight)[finite], peer[finite])


def test_e5m2_ties_go_to_even() -> None:
    # 1, 1.25, 1.5, 1.75 are neighbours: halves between them go to the even mantissa.
    w = np.array([[1.125, 1.375, 1.625, 1.875, -1.125]], np.float32)
    weight = quantise(w, "fp8_e5m2")
    assert weight.codes.tolist() == [[0x3C, 0x3E, 0x3E, 0x40, 0xBC]]
    assert dequantise(weight).tolist() == [[1.0, 1.5, 1.5, 2.0, -1.0]]


@pytest.mark.parametrize("format", FLOATS)
def test_quantising_again_changes_nothing(format: str) -> None:
    w = np.random.default_rng(1).standard_normal((33, 65)) * 3
    once = quantise(w, format)
    again = quantise(dequantise(once), format)
    np.testing.assert_array_equal(bits(again.codes), bits(once.codes))


@pytest.mark.parametrize("format", FLOATS)
def test_layouts(format: str) -> None:
    weight = quantise(np.ones((3, 5), np.float64), format)
    assert weight.shape == weight.codes.shape == (3, 5)
    assert weight.nbytes == 15 * {"fp32": 4, "fp16": 2, "bf16": 2, "fp8_e5m2": 1}[format]
    assert (
        str(weight.codes.dtype)
        == {
            "fp32": "float32",
            "fp16": "float16",
            "bf16": "bfloat16",
            "fp8_e5m2": "uint8",
        }[format]
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("format", [*FLOATS, "sym_int4"])
def test_no_number_is_refused(format: str, value: float) -> None:
    w = np.ones((2, 64), np.float32)
    w[1, 7] = value
    with pytest.raises(UserError, match=f"does not fit {format}"):
        quantise(w, format)


@pytest.mark.parametrize(
    ("format", "value"),
    [("fp16", 65520.0), ("fp8_e5m2", 61440.0), ("sym_int4", 8 * 65520.0), ("fp32", 1e39)],
)
def test_too_large_is_refused(format: str, value: float) -> None:
    w = np.full((1, 64), value)
    with pytest.raises(UserError, match="does not fit"):
        quantise(w, format)
    quantise(w / 1.01 if format != "fp32" else w / 10, format)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 64), (4, 0)])
def test_shapes_that_are_no_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="weight"):
        quantise(np.ones(shape, np.float32), "bf16")


@pytest.mark.parametrize(("name", "why"), [("q4_0", "has its sizes"), ("int3", "is not a")])
def test_formats_one_cannot_compute_in(name: str, why: str) -> None:
    with pytest.raises(UserError, match=rf"'{name}' {why}.*fp32, fp16, bf16, fp8_e5m2, .*sym_int4"):
        quantise(np.ones((1, 64), np.float32), name)
