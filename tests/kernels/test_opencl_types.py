"""Storage types in OpenCL C against ml_dtypes, bit for bit, on every OpenCL device that is here."""

import numpy as np
import pytest

from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.build import Build

pytestmark = [
    pytest.mark.opencl,
    pytest.mark.skipif(not platforms.devices(), reason="no OpenCL: pip install 'truetpot[opencl]'"),
]

SOURCE = """
kernel void narrow(const global float* x, global TYPE(DTYPE)* to) {
    AS(store, DTYPE)(x[get_global_id(0)], get_global_id(0), to);
}
kernel void widen(const global TYPE(DTYPE)* x, global float* to) {
    to[get_global_id(0)] = AS(load, DTYPE)(x, get_global_id(0));
}
"""
DTYPES = ("fp16", "bf16", "fp8_e5m2", "fp8_e4m3")


def function(device, name, dtype):
    from truetpot.kernels._lib.opencl.kernel import INCLUDE

    text = (INCLUDE / "types.clh").read_text() + SOURCE
    return device.function(Build("types.cl", name, {"DTYPE": dtype}), text)


def floats():
    """Every half, its neighbours in float32, and any bits."""
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    bits = halves.view(np.uint32)
    any_bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint32)
    return np.concatenate([bits, bits + 1, bits - 1, any_bits]).view(np.float32)


def same(got, want):
    """Equal bits, any NaN for a NaN."""
    bits = np.dtype(f"u{want.dtype.itemsize}")
    nan = np.isnan(want.astype(np.float32)) & np.isnan(got.astype(np.float32))
    return np.all(nan | (got.view(bits) == want.view(bits)))


@pytest.mark.parametrize("name", platforms.devices())
@pytest.mark.parametrize("dtype", DTYPES)
def test_stores_round_to_nearest_even(name, dtype):
    device, x = choose_device(name), floats()
    got = device.empty(x.shape, NUMPY_DTYPE[dtype])
    function(device, "narrow", dtype)(x.shape, None, device.upload(x), got)
    with np.errstate(invalid="ignore", over="ignore"):
        want = x.astype(NUMPY_DTYPE[dtype])
    assert same(device.download(got), want)


@pytest.mark.parametrize("name", platforms.devices())
@pytest.mark.parametrize("dtype", DTYPES)
def test_loads_are_exact(name, dtype):
    kind = NUMPY_DTYPE[dtype]
    device, bits = choose_device(name), 8 * kind.itemsize
    x = np.arange(2**bits, dtype=f"u{kind.itemsize}").view(kind)
    got = device.empty(x.shape, np.float32)
    function(device, "widen", dtype)(x.shape, None, device.upload(x), got)
    assert same(device.download(got), x.astype(np.float32))
