"""Every OpenCL device that is here."""

import pytest

from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms

NAMES = [*platforms.devices()] or [
    pytest.param("opencl:cpu", marks=pytest.mark.skip("no OpenCL: pip install 'truetpot[opencl]'"))
]


@pytest.fixture(params=NAMES)
def device(request):
    return choose_device(request.param)
