"""Where OpenCL sources lie: beside the one kernel that they are of, or in ``_lib``."""

import pytest

from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.target import known_targets

pytest.importorskip("pyopencl", reason="pyopencl is not installed")
REGISTRY.load_builtin()
KERNELS = REGISTRY.kernels(provider="opencl")


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.op.name)
def test_a_source_is_the_kernels_own_or_shared(kernel):
    targets = known_targets().values()
    cases = [case for case in kernel.op.grid() if case.dtype in ("fp16", "fp32")]
    builds = [build for case in cases for t in targets for build in kernel.builds(case, t)]
    assert {build.source.partition("/")[0] for build in builds} <= {kernel.op.name, "_lib"}
