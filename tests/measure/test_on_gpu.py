"""The check after timing, and what a kernel raises, where graphs are really captured."""

import pytest
import torch

from tests.measure.misbehaving import RULE, registered
from truetpot.measure.kernels import measure_kernels
from truetpot.ops import OPERATORS, SILU_MUL, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

DEVICE = choose_device()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE.kind == "cpu", reason="torch sees no accelerator"),
]
CASE = SiluMulCase("fp16", 1, 4096)
KINDS = ("cuda", "xpu")


def silu_mul(gate_up):
    gate, up = gate_up.float().chunk(2, dim=-1)
    return (torch.nn.functional.silu(gate) * up).to(gate_up.dtype)


def results(call):
    with registered(devices=KINDS, __call__=lambda self, gate_up: call(gate_up)):
        return measure_kernels(SILU_MUL, CASE, ("planted", "torch"), DEVICE, None, RULE)[0]


@pytest.mark.parametrize("op", ["silu_mul", "rms_norm", "rope_append", "linear"])
@pytest.mark.parametrize("provider", ["torch", "triton"])
def test_a_right_kernel_is_right_in_its_graph_too(op, provider):
    REGISTRY.load_builtin()
    cases = [case for case in OPERATORS[op].grid() if case.dtype == "fp16"][:4]
    for case in cases:
        (result,), _ = measure_kernels(OPERATORS[op], case, (provider,), DEVICE, None, RULE)
        assert result.status in ("ok", "skipped"), result.reason


@pytest.mark.parametrize(
    "wrong", [torch.zeros_like, lambda out: out * 1.5, torch.empty_like], ids=["0", "x", "?"]
)
def test_what_only_the_graph_does_wrong(wrong):
    def call(gate_up):
        out = silu_mul(gate_up)
        return wrong(out) if torch.cuda.is_current_stream_capturing() else out

    if DEVICE.kind != "cuda":
        pytest.skip("torch does not say whether an XPU's stream is captured")
    bad, good = results(call)
    assert good.status == "ok", good.reason
    assert bad.status == "wrong"
    assert bad.reason.startswith("after the timing, in the captured graph, ")


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), ValueError("x")])
def test_a_kernel_that_raises_in_its_race(error):
    # two calls are the check; the third compiles what is then captured, and replays call nothing
    when = 3
    calls = []

    def call(gate_up):
        calls.append(1)
        if len(calls) == when:
            raise error
        return silu_mul(gate_up)

    bad, good = results(call)
    assert bad.status in ("invalid", "wrong")
    assert type(error).__name__ in bad.reason
    assert good.status == "ok", good.reason
