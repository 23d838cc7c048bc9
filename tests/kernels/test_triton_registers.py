"""``grf_mode`` of Triton's XPU backend as a launch parameter, without a card."""

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from truetpot.kernels._lib.triton import registers
from truetpot.kernels._lib.triton.attention import launch as attention
from truetpot.kernels._lib.triton.linear import configs as linear
from truetpot.kernels._lib.triton.linear.product import Product

from truetpot.ops import DecodeAttentionCase, LinearCase


class Arc:
    kind = "xpu"
    torch = "cpu"

    def identity(self):
        return {"units": 32, "local_memory_bytes": 128 << 10}


class Other(Arc):
    kind = "cuda"


@pytest.fixture(params=["256", "large"])
def large(request, monkeypatch):
    monkeypatch.setattr(registers, "_large", lambda: request.param)
    return request.param


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("if options.grf_mode == '256':\n    flags += ' -cl-intel-256-GRF-per-thread'", "256"),
        ("elif options.grf_mode == 'large':", "large"),
        ("build_flags = ''", None),
    ],
)
def test_the_name_is_the_installed_backend_s(source, name):
    assert registers.known(source) == name


CASES = [LinearCase("fp16", m, 256, 512, f) for m in (1, 8) for f in ("sym_int4", "bf16")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label())
def test_linear_on_an_intel_gpu_has_both_modes(large, case):
    default, *others = linear.configs(case, Arc())
    assert default["grf_mode"] == "default"
    assert {one["grf_mode"] for one in others} == {"default", large}
    for config in (default, *others):
        product = Product(case, Arc(), config)
        assert product.config == config, "the device function that the configuration is of"


def test_attention_on_an_intel_gpu_has_both_modes(large):
    case = DecodeAttentionCase("fp16", 1, 40, 8, 128, 300, "fp16")
    modes = {one["grf_mode"] for one in attention.configs(case, Arc())}
    assert modes == {"default", large}


def test_no_other_device_and_no_older_backend_has_it(monkeypatch):
    monkeypatch.setattr(registers, "_large", lambda: None)
    assert [*registers.modes(Arc())] == [{}]
    assert [*registers.modes(Other())] == [{}]
