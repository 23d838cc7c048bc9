"""Our bytes against those that ipex-llm 2.2.0's own library writes."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from truetpot.formats import dequantise, ipex_llm_blocks
from truetpot.formats.codecs import quantise_any
from truetpot.formats.ipex_llm import (
    LAYOUTS,
    cpu_to_xpu,
    from_blocks,
    to_blocks,
    to_xpu,
    xpu_to_cpu,
)

pytestmark = pytest.mark.vendors
K = 512


def rows(seed=1):
    """float32 [n, K] by what is special about them."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((200, K))
    scattered = 10.0 ** rng.integers(-12, 12, (200, K))
    with_nan = np.where(rng.random((200, K)) < 0.01, np.nan, normal)
    kinds = {
        "normal": normal,
        "uniform": rng.random((200, K)),
        "negative": -rng.random((200, K)),
        "heavy tails": rng.standard_t(2, (200, K)),
        "scattered magnitudes": normal * scattered,
        "mostly zero": normal * (rng.random((200, K)) < 0.05),
        "halves, so that there are ties": rng.integers(-255, 256, (200, K)) / 2,
        "constant": np.full((3, K), [[3.0], [-3.0], [0.1]]),
        "zeros of either sign": np.where(rng.random((20, K)) < 0.5, 0.0, -0.0),
        "below fp16": normal * 1e-9,
        "denormal": normal * 1e-39,
        "about the smallest normal": normal * 1e-38,
        "above fp16": normal * 1e6,
        "huge": normal * 1e37,
        "largest": np.full((2, K), np.finfo(np.float32).max),
        "NaN": with_nan,
        "nothing but NaN": np.full((2, K), np.nan),
    }
    return {kind: w.astype(np.float32) for kind, w in kinds.items()}


ROWS = rows()


def as_rows(blocks, format):
    return np.frombuffer(blocks, np.uint8).reshape(-1, LAYOUTS[format].bytes)


def same(vendor, w, format):
    """The bytes agree; says where they do not."""
    if vendor.build == "avx":  # converts to fp16 in software, which forgets what else a NaN says
        w = np.where(np.isnan(w), np.copysign(np.float32(np.nan), w), w)
    if vendor.build == "avx" and format in ("sym_int4", "woq_int4"):
        ours = to_blocks(quantise_any(w, format, "nearest"))  # without a fused multiply-add
    elif vendor.build == "avx" and format == "q4_k":
        pytest.skip("the build for AVX has no fused multiply-add: its scales are a little others")
    else:
        ours = ipex_llm_blocks(w, format)
    ours, theirs = as_rows(ours, format), as_rows(vendor.quantise(w, format), format)
    differ = np.flatnonzero((ours != theirs).any(axis=1))
    assert not differ.size, (len(differ), ours[differ[0]].tolist(), theirs[differ[0]].tolist())


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("format", LAYOUTS)
def test_bytes_are_the_vendors(vendor, format, kind):
    same(vendor, ROWS[kind], format)


@pytest.mark.parametrize("format", LAYOUTS)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    w=arrays(
        np.float32,
        (1, 256),
        elements=st.floats(width=32, allow_infinity=False),
        fill=st.floats(width=32, allow_infinity=False),
    )
)
def test_bytes_are_the_vendors_whatever_comes(vendor, format, w):
    same(vendor, w, format)


def test_q4_k_differs_in_some_blocks_of_the_build_for_avx(vendor):
    """As docs/formats.md says: a search that ends elsewhere, not another rule."""
    if vendor.build != "avx":
        pytest.skip("of the build for AVX")
    w = np.random.default_rng(0).standard_normal((400, K)).astype(np.float32)
    ours, theirs = ipex_llm_blocks(w, "q4_k"), vendor.quantise(w, "q4_k")
    share = (as_rows(ours, "q4_k") != as_rows(theirs, "q4_k")).any(axis=1).mean()
    assert 0.02 < share < 0.12
    errors = [np.std(dequantise(from_blocks(b, "q4_k", w.shape)) - w) for b in (ours, theirs)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)


@pytest.mark.parametrize("format", [name for name in LAYOUTS if name != "q4_k"])
def test_scale_search_does_something_to_fp8_e4m3_and_fp6_only_and_no_good(vendor, format):
    """On normal weights the error grows: docs/formats.md."""
    w = ROWS["normal"]
    plain, searched = (vendor.quantise(w, format, scale_search=on) for on in (False, True))
    assert (plain != searched) == (format in ("fp8_e4m3", "fp6"))
    if plain != searched:
        errors = [
            np.std(dequantise(from_blocks(b, format, w.shape)) - w) for b in (plain, searched)
        ]
        assert errors[1] > 1.02 * errors[0]


@pytest.mark.parametrize("format", LAYOUTS)
def test_block_sizes(vendor, format):
    assert vendor.block(format) == (LAYOUTS[format].size, LAYOUTS[format].bytes)


@pytest.mark.parametrize("format", LAYOUTS)
def test_xpu_layout_is_the_vendors(vendor, format):
    blocks = ipex_llm_blocks(ROWS["normal"], format)
    theirs = vendor.convert(blocks, format, "cpu2xpu")
    assert cpu_to_xpu(blocks, format) == theirs
    assert to_xpu(from_blocks(blocks, format, ROWS["normal"].shape)) == theirs
    back = vendor.convert(theirs, format, "xpu2cpu")
    assert xpu_to_cpu(theirs, format) == blocks
    # the library cannot undo what it does to woq_int4
    assert (back == blocks) == (format != "woq_int4")


@pytest.mark.parametrize("format", ["sym_int4", "sym_int8", "nf4", "fp4", "fp8_e4m3"])
def test_values_are_the_vendors(vendor, format):
    blocks = ipex_llm_blocks(ROWS["normal"], format)
    theirs = vendor.dequantise(blocks, format).reshape(-1, K)
    ours = dequantise(from_blocks(blocks, format, ROWS["normal"].shape))
    # the library leaves out the 1/256 that belongs to its scale
    wanted = ours * 256 if format == "fp8_e4m3" else ours
    np.testing.assert_allclose(theirs, wanted, rtol=2e-7, atol=0)


def test_other_formats_the_vendor_does_not_dequantise(vendor):
    for format in set(LAYOUTS) - {"sym_int4", "sym_int8", "nf4", "fp4", "fp8_e4m3"}:
        blocks = ipex_llm_blocks(ROWS["normal"][:1], format)
        assert np.isnan(vendor.dequantise(blocks, format)).all(), format
