"""Machine code of our kernels, and of a library of somebody else's."""

import pytest

from tests.isa.conftest import ocloc
from tests.isa.images.conftest import image
from tests.isa.images.made import archive, host_library
from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.runs import isa, isa_images

__all__ = ["image", "ocloc"]

pytestmark = pytest.mark.isa


@pytest.fixture
def request_(ocloc):
    """SiLU of a small model, for one card."""
    return isa.Request(
        load_model("qwen2.5-0.5b"), [1], ("fp16",), ("fp16",), "fp16", tp=1, context=128, page=None,
        ops=("silu_mul",), words=(), targets=("acm-g10",), own=None,
    )  # fmt: skip


def test_ours(request_, tmp_path):
    planned = []

    class Heard(isa.IsaWatch):
        def planned(self, ocloc, targets, jobs, compilations, kept):
            planned.append((targets, jobs, compilations))

    done = isa.run(request_, watch=Heard(), asm=tmp_path / "asm")
    assert {row.op for row in done.record.kernels} == {"silu_mul"}
    assert not done.record.failed
    assert not done.record.partial
    assert planned == [(["acm-g10"], len(done.results), len(done.results))]
    assert len([*(tmp_path / "asm").glob("*.asm")]) == len(done.results)


def test_nothing_is_left(request_):
    from dataclasses import replace

    with pytest.raises(UserError, match="No OpenCL kernel is left"):
        isa.run(replace(request_, words=("nonsense",)))


def test_a_library(request_, image, tmp_path):
    file = tmp_path / "libkernels.so"
    file.write_bytes(host_library("OFFLOAD_DEVICE_CODE", archive({"64.dg2": image("sums")[0]})))
    record = isa_images.run([file], request_)
    assert [row.name for row in record.kernels] == ["sums"]
    assert {row.op for row in record.ours} == {"silu_mul"}
