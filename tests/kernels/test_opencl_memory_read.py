"""The read kernels of cards run on a CPU here: right, if not what a CPU would sweep."""

import pytest

from tests.prepared import check
from truetpot.ops import MEMORY_READ, MemoryReadCase
from truetpot.ops.memory_read import GRANULE
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms

pytestmark = [
    pytest.mark.opencl,
    pytest.mark.skipif(not platforms.devices(), reason="no OpenCL: pip install 'truetpot[opencl]'"),
]


@pytest.mark.parametrize("name", platforms.devices())
@pytest.mark.parametrize("granules", [1, 67, 4099])
def test_a_cards_configurations(name, granules):
    from truetpot.kernels.memory_read.opencl import FOR_CARD, SUBGROUP

    REGISTRY.load_builtin()
    device, case = choose_device(name), MemoryReadCase("fp32", granules * GRANULE)
    kernel = REGISTRY.choose(MEMORY_READ.name, case, device, "opencl").required
    able = [c for c in FOR_CARD if not c["block"] or SUBGROUP in device.target.subgroups]
    for config in able:
        found = check(kernel(case, device, **config), case)
        assert found.ok, (config, found.reason)
