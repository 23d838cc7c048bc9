"""ipex-llm's own CPU library as a provider: the real thing where it is, else one line."""

import numpy as np
import pytest
from truetpot.kernels._lib.vendors import ipex_llm as vendor

from tests.prepared import check
from truetpot.ops import LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")
CASE = LinearCase("fp32", 3, 130, 320, "sym_int4", bias=True)
FORMATS = ("sym_int4", "asym_int4", "sym_int8", "woq_int4")


@pytest.fixture(autouse=True)
def opened_anew():
    vendor.cpu_library.cache_clear()
    yield
    vendor.cpu_library.cache_clear()


def chosen(case=CASE):
    REGISTRY.load_builtin()
    return REGISTRY.choose("linear", case, CPU, "ipex_llm")


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.delenv(vendor.VARIABLE, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert chosen().reason == (
        "ipex-llm is not installed: pip install --no-deps ipex-llm==2.2.0 is enough for a CPU"
    )


@pytest.mark.parametrize("content", [None, b"not a library"])
def test_a_broken_library_is_one_line(monkeypatch, tmp_path, content):
    path = tmp_path / "libllama-api.so"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(vendor.VARIABLE, str(path))
    reason = chosen().reason
    assert reason.startswith(f"{path} cannot be used: ")
    assert "\n" not in reason


def test_the_vendors_rounding_leaves_whole_steps_of_127ths():
    x = np.random.default_rng(0).standard_normal((2, 192)).astype(np.float32)
    x[0, :64] = 0
    blocks = vendor.in_8_bits(x).reshape(2, 3, 64)
    largest = np.abs(x.reshape(2, 3, 64)).max(axis=2, keepdims=True)
    assert np.array_equal(blocks[0, 0], np.zeros(64))
    steps = blocks[1] / (largest[1] / 127)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert np.abs(blocks - x.reshape(2, 3, 64)).max() <= 1.001 * largest.max() / 254


@pytest.fixture
def library(monkeypatch, tmp_path, vendor_wheel):
    """The library out of the wheel, with the builds that it chooses from."""
    with vendor_wheel("ipex-llm==2.2.0") as wheel:
        for name in wheel.namelist():
            if name.startswith("ipex_llm/libs/libllama"):
                wheel.extract(name, tmp_path)
    path = tmp_path / "ipex_llm/libs/libllama-api.so"
    monkeypatch.setenv(vendor.VARIABLE, str(path))
    return path


@pytest.mark.vendors
@pytest.mark.parametrize("dtype", ["bf16", "fp16", "fp32"])
def test_the_vendors_product_is_exact_on_the_activations_that_it_rounds(library, dtype):
    for form in FORMATS:
        for m, n, k in ((1, 48, 192), (1, 1, 64), (2, 17, 128), (16, 65, 448), (1, 520, 5120)):
            case = LinearCase(dtype, m, n, k, form, bias=m == 2)
            found = check(chosen(case).make(CPU), case, 1)
            assert found.ok, (case.label(), found.reason)
            if k == 5120:  # on fewer terms a sum may come out right by chance
                assert 0.004 < found.error < 0.009
                assert bool(found.coarse) == (dtype != "bf16")


@pytest.mark.vendors
def test_a_weight_with_a_wrong_nibble_is_found_out(library):
    kernel = chosen().required

    class Planted(kernel):
        def pack(self, weight):
            blocks = super().pack(weight)
            blocks[7 * 34 + 5] ^= 0x40
            return blocks

    assert check(kernel(CASE, CPU), CASE).ok
    found = check(Planted(CASE, CPU), CASE)
    assert not found.ok
    assert "is above the tolerance" in found.reason


@pytest.mark.vendors
def test_what_the_library_would_abort_on_is_refused(library):
    for form in ("fp8_e5m2", "fp8_e4m3", "bf16"):
        assert "no product" in chosen(LinearCase("bf16", 1, 64, 64, form)).reason
    assert "512 rows" in chosen(LinearCase("bf16", 512, 64, 64, "sym_int4")).reason
    assert chosen().required.note(CPU).startswith("libllama_")
    assert chosen().make(CPU).parameters["library"].endswith(".so")
