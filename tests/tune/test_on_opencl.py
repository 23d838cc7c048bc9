"""A trial on a device with command buffers: how often it runs the kernel, whatever the copies."""

import pytest

from truetpot.measure.ceiling import Ceiling
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.capture import CommandBuffer
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.tune.bench import Bench
from truetpot.tune.search import candidates
from truetpot.tune.trials import Seconds, Trials

pytestmark = pytest.mark.opencl

CASE = LinearCase("fp32", 1, 64, 512, "fp32")
COPIES = 64


@pytest.fixture(params=[*platforms.devices()] or ["opencl:cpu"])
def device(request):
    if not platforms.devices():
        pytest.skip("no OpenCL: pip install 'truetpot[opencl]'")
    return choose_device(request.param)


@pytest.fixture
def executions(monkeypatch):
    """Entry points that were run, by the host or by the replay of a recording."""
    ran = []
    record, submit, launch = CommandBuffer.record, CommandBuffer.submit, OpenClDevice.launch

    def recorded(self, kernel, *sizes):
        self.kernels = [*getattr(self, "kernels", ()), kernel]
        record(self, kernel, *sizes)

    def submitted(self):
        ran.extend(self.kernels)
        submit(self)

    def launched(self, kernel, *sizes):
        if self._recording is None:
            ran.append(kernel)
        launch(self, kernel, *sizes)

    monkeypatch.setattr(CommandBuffer, "record", recorded)
    monkeypatch.setattr(CommandBuffer, "submit", submitted)
    monkeypatch.setattr(OpenClDevice, "launch", launched)
    return ran


def test_a_trial_of_a_slow_kernel_does_not_go_round_all_copies(device, executions, monkeypatch):
    """Ten samples of default, configuration and ceiling, and the checks before and after."""
    REGISTRY.load_builtin()
    selection = REGISTRY.choose("linear", CASE, device, "opencl")
    if (kernel := selection.kernel) is None:
        pytest.skip(selection.reason)
    if not device.graphs:
        pytest.skip(f"{device.name} has no command buffers")
    monkeypatch.setattr("truetpot.measure.race.GRAPH_S", 0.0)  # every kernel is a slow one
    monkeypatch.setattr("truetpot.measure.rotation.ROTATED_BYTES", COPIES * LINEAR.bytes(CASE))
    monkeypatch.setattr(type(device), "cache_bytes", lambda self: 1)
    configs = candidates(kernel, CASE, device)
    bench = Bench(PreparedCase(LINEAR, CASE, device), kernel, configs[0])
    assert bench.rotation.copies >= COPIES
    ceiling = Ceiling("one copy", {}, 1e9, {}, [bench.default().calls[0]], LINEAR.bytes(CASE))
    lab = Trials(lambda: bench, configs[0], ceiling, Seconds(0.0, 0.0, 0.0), None, 300)
    executions.clear()
    look = lab.look(configs[1])
    assert look.reason == "" and look.gain is not None
    assert 3 * 10 <= len(executions) < 3 * COPIES
