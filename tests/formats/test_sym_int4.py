"""sym_int4: the vendor's bytes, hand cases, properties."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from truetpot.errors import UserError
from truetpot.formats import dequantise, quantise

# What ggml_quantize_tensor(qtype 2) of ipex-llm 2.2.0's libllama-api.so wrote for `vendor_input`.
VENDOR_CODES = "2c6477f122bd038a67ad585248703bb0177b12e15e2813292f4b68002b62d461"
VENDOR_SCALES = "40b6b000bb9acfe5660a3ed71b0ad9a2f66e6a534a94430c4ead5ad31ebfa5f0"


def vendor_input() -> np.ndarray:
    """[64, 256] float32 from integers alone; row r is scaled by 2^-r, down to where d is zero."""
    i = np.arange(64 * 256, dtype=np.uint64)
    unit = ((i * np.uint64(2654435761)) % np.uint64(2**32)).astype(np.float64) / 2**32 - 0.5
    w = (unit.reshape(64, 256) * 2.0 ** -np.arange(64)[:, None]).astype(np.float32)
    w[0, 0:128:2] = 0
    return w


def test_the_vendors_bytes() -> None:
    weight = quantise(vendor_input(), "sym_int4")
    assert weight.scales is not None
    assert hashlib.sha256(weight.codes.tobytes()).hexdigest() == VENDOR_CODES
    assert hashlib.sha256(weight.scales.tobytes()).hexdigest() == VENDOR_SCALES


def test_layout_by_hand() -> None:
    w = np.zeros((2, 128), np.float32)
    w[1, 64] = -4.0  # first of the second block: the largest, so d = 0.5 and code 0
    w[1, 64 + 1] = 1.0  # code 8 + 2
    w[1, 64 + 32] = 3.5  # high nibble of byte 0: code 15
    w[1, 64 + 63] = -0.25  # half a step: floor(-0.5 + 8.5) = 8
    weight = quantise(w, "sym_int4")
    assert weight.codes.shape == (2, 64)
    assert weight.scales is not None
    assert weight.scales.shape == (2, 2)
    assert weight.scales.dtype == np.float16
    assert weight.scales[1, 1] == 0.5
    assert weight.codes[1, 32] == 0xF0
    assert weight.codes[1, 33] == 0x8A
    assert weight.codes[1, 63] == 0x88
    assert weight.nbytes == 2 * 2 * 34
    w[1, 127] = 0
    np.testing.assert_array_equal(dequantise(weight), w)


def test_the_sign_of_the_largest_goes_into_the_scale() -> None:
    w = np.linspace(-1, 2, 64, dtype=np.float32)[None]
    weight = quantise(w, "sym_int4")
    assert weight.scales is not None
    assert weight.scales[0, 0] == -0.25
    assert weight.codes[0, 31] >> 4 == 0
    assert dequantise(weight)[0, 63] == 2.0


def test_of_equals_the_first_decides() -> None:
    w = np.zeros((1, 64), np.float32)
    w[0, [3, 40]] = [1.0, -1.0]
    weight = quantise(w, "sym_int4")
    assert weight.scales is not None
    assert weight.scales[0, 0] == -0.125
    # -1 would be 16 steps up and has to make do with 15.
    assert dequantise(weight)[0, [3, 40]].tolist() == [1.0, -0.875]


def test_zeros() -> None:
    weight = quantise(np.zeros((3, 64), np.float32), "sym_int4")
    assert (weight.codes == 0x88).all()
    assert weight.scales is not None
    assert (weight.scales.view(np.uint16) == 0x8000).all()  # 0 / -8, as the vendor writes it
    assert not dequantise(weight).any()


def test_denormal_blocks_do_not_make_nan() -> None:
    weight = quantise(np.full((1, 64), 1e-39, np.float32), "sym_int4")
    assert not dequantise(weight).any()


@pytest.mark.parametrize("k", [1, 63, 65, 96])
def test_k_must_be_whole_blocks(k: int) -> None:
    with pytest.raises(UserError, match=rf"K = {k} is no multiple"):
        quantise(np.ones((2, k), np.float32), "sym_int4")


blocks = arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 3).map(lambda b: 64 * b)),
    elements=st.floats(-1e4, 1e4, width=32),
)


@settings(deadline=None, max_examples=60)
@given(blocks)
def test_error_within_half_a_step(w: np.ndarray) -> None:
    """Half a step (a whole one at the far end, where code 16 is missing), and d's own rounding."""
    shaped = w.astype(np.float64).reshape(w.shape[0], -1, 64)
    where = np.abs(shaped).argmax(axis=2, keepdims=True)
    d = np.take_along_axis(shaped, where, axis=2) / -8
    got = dequantise(quantise(w, "sym_int4")).reshape(shaped.shape)
    steps = np.where(shaped * d > 7.5 * d * d, 1.0, 0.5)  # code 16 would be nearest
    rounding = 8 * np.maximum(np.abs(d) * 2.0**-11, 2.0**-25)  # fp16, subnormal at the small end
    assert (np.abs(got - shaped) <= (steps * np.abs(d) + rounding) * (1 + 1e-6)).all()


@settings(deadline=None, max_examples=60)
@given(blocks)
def test_quantising_again_changes_nothing(w: np.ndarray) -> None:
    """Except the codes of blocks whose scale is zero: they stood for zeros and now say so."""
    once = quantise(w, "sym_int4")
    again = quantise(dequantise(once), "sym_int4")
    assert once.scales is not None
    assert again.scales is not None
    np.testing.assert_array_equal(dequantise(again), dequantise(once))
    alive = np.repeat(once.scales != 0, 32, axis=1)
    np.testing.assert_array_equal(again.codes[alive], once.codes[alive])
    np.testing.assert_array_equal(np.abs(again.scales), np.abs(once.scales))


def test_usual_error_on_normal_weights() -> None:
    w = np.random.default_rng(3).standard_normal((256, 4096)).astype(np.float32)
    error = dequantise(quantise(w, "sym_int4")) - w
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.0945, abs=0.001)
