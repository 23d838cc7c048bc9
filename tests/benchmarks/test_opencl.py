"""The OpenCL kernels are in the same suite, on a device that a variable names."""

import dataclasses

import pytest

from benchmarks import common
from benchmarks.offered import built_in
from benchmarks.size import SIZES
from truetpot.ops import SILU_MUL
from truetpot.runtime.opencl import platforms

pytestmark = [
    pytest.mark.opencl,
    pytest.mark.skipif(not platforms.devices(), reason="no OpenCL: pip install 'truetpot[opencl]'"),
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(common, "SIZE", SIZES["small"])
    quick = dataclasses.replace(common.RULE, seconds=0.2, warmup_s=0.1)
    monkeypatch.setattr(common, "RULE", quick)


def test_the_steps_case_is_timed_by_the_devices_stamps():
    case = common.case(SILU_MUL, common.shape("opencl:cpu", "sym_int4", 128))
    assert case.dtype == "fp16"
    assert built_in("silu_mul", "opencl") == {"opencl"}
    samples = common.kernel_time(SILU_MUL, case, "opencl", "opencl:cpu")
    assert samples["number"] == 1
    assert len(samples["samples"]) == common.SAMPLES
    assert all(0 < seconds < 1 for seconds in samples["samples"])


def test_another_provider_is_not_available_there_and_says_why(capsys):
    case = common.case(SILU_MUL, common.shape("opencl:cpu", "sym_int4", 128))
    with pytest.raises(NotImplementedError):
        common.kernel_time(SILU_MUL, case, "torch", "opencl:cpu")
    assert "runs on any device of torch, not on opencl" in capsys.readouterr().err
