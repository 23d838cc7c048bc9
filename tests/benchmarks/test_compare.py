"""The suite through asv: a wrong kernel has no time, a slower one is flagged, an equal one not."""

import math
import re

import pytest

NAME = "small_ops.SiluMul.track_device_time"

# It goes on until a moment has come. Such a kernel takes its time in any neighbourhood, so this
# test need not trust a shared machine, where a loop of so many steps takes up to twice as long
# while another thread runs on the same core.
KERNEL = """
import time
from torch.nn import functional
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

LASTS_S = 2.0e-3

@register(SILU_MUL, provider="mine", devices=("DEVICE",))
class Mine(Kernel):
    def __call__(self, *, gate_up):
        end = time.perf_counter() + LASTS_S
        gate, up = gate_up.chunk(2, dim=-1)
        out = functional.silu(gate) * up
        while time.perf_counter() < end:
            pass
        return out
"""


@pytest.fixture
def project(clone):
    folder = clone.path / "my_kernels"
    clone.env["TRUETPOT_BENCH_KERNELS"] = str(folder)
    clone.kernel = folder / "silu_mul" / "mine.py"
    clone.kernel.parent.mkdir(parents=True)
    clone.kernel.write_text(KERNEL.replace("DEVICE", "cpu"))
    return clone


def test_times_skips_and_errors(project):
    folder = project.kernel.parent
    for name, old, new in (
        ("broken", "* up", "+ up"),
        ("elsewhere", '("cpu",)', '("xpu",)'),
        ("absent", "import time", "import not_installed_here, time"),
    ):
        text = project.kernel.read_text().replace(old, new).replace('"mine"', f'"{name}"')
        (folder / f"{name}.py").write_text(text)
    commit = project.commit("first")
    bench = "SiluMul.*(mine|broken|elsewhere|absent)"
    done = project.run(commit, bench, "--record-samples", "-a", "rounds=1")
    assert done.code == 2, "one kernel is wrong"
    assert re.search(r"broken silu_mul is wrong: error .* is above the tolerance", done.said)
    assert "not measured: No module named 'not_installed_here'" in done.said

    stored = project.results(commit)[NAME]
    providers = stored["params"][1]
    result = dict(zip(providers, stored["result"], strict=True))
    assert result["'broken'"] is None
    assert "'elsewhere'" not in result, "it can have no time on this device"
    assert math.isnan(result["'absent'"])
    mine = providers.index("'mine'")
    times = stored["samples"][mine]
    assert len(times) == 10
    assert all(1e-6 < time < 1 for time in times)
    assert stored["stats_ci_99_a"][mine] <= result["'mine'"] <= stored["stats_ci_99_b"][mine]


@pytest.mark.timing
@pytest.mark.exhaustive  # with times that are given, test_contract.py has the same
def test_a_kernel_made_slower_is_flagged_and_an_equal_one_is_not(project):
    base = project.commit("base")
    (project.path / "README").write_text("The same code.\n")
    equal = project.commit("equal")
    text = project.kernel.read_text()
    project.kernel.write_text(text.replace("2.0e-3", "2.5e-3"))
    slower = project.commit("slower")

    # In turn, and back again: what drifts meanwhile, drifts for all.
    commits = (base, equal, slower)
    for commit in (*commits, *reversed(commits)):
        project.git("checkout", "-q", commit)
        args = ["--append-samples", "-a", "rounds=1"]
        done = project.run(commit, "small_ops.SiluMul.*mine", *args, TRUETPOT_BENCH_SECONDS="1")
        assert done.code == 0, done.said

    times = {c: project.results(c)[NAME]["samples"] for c in commits}
    assert all(len(t) == 20 for found in times.values() for t in found if t)
    assert project.changed(base, equal) == [], times
    ((mark, name),) = project.changed(base, slower)
    assert mark == "+", times
    assert "mine" in name
