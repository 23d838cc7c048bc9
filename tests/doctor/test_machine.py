"""Host, software and variables; and that no file, whatever is in it, ends the look."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.judge_container import judge_container
from truetpot.doctor.judge_host import judge_host, judge_software, judge_variables
from truetpot.doctor.machine import look
from truetpot.doctor.quick import quick_check
from truetpot.facts.variables import others_set, recorded, variables
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.cpu import CpuDevice

STATUS = """\
Package: intel-opencl-icd
Status: install ok installed
Version: 25.18.33578.6-1

Package: libze-intel-gpu1
Status: deinstall ok config-files
Version: 25.05.1

Package: libze1
Status: install ok installed
Version: 1.21.9.0
Description: loader
 more of it: indented
"""


def test_host(made):
    host = look(made.root, {}).host
    assert (host.kernel, host.cpu, host.cores) == ("6.14.0-27-generic", "A Processor", 2)
    assert (host.governors, host.numa_nodes) == (("performance",), 1)
    assert host.memory_bytes == 65_536_000 << 10
    assert not host.virtual and not host.iommu and not host.passthrough
    made.write("proc/cmdline", "ro intel_iommu=on iommu=pt")
    made.write("sys/kernel/iommu_groups/0/type", "identity")
    host = look(made.root, {}).host
    assert host.iommu and host.passthrough


def test_software(made):
    made.write("var/lib/dpkg/status", STATUS)
    made.write("etc/OpenCL/vendors/intel.icd", "/usr/lib/intel-opencl/libigdrcl.so")
    made.write("etc/OpenCL/vendors/empty.icd", "")
    software = look(made.root, {}).software
    assert software.system == {
        "compute runtime (OpenCL)": "intel-opencl-icd 25.18.33578.6-1",
        "Level Zero loader": "libze1 1.21.9.0",
    }
    assert software.opencl == ("libigdrcl.so",)
    assert software.level_zero is None
    assert "torch" in software.python


def test_a_machine_with_nothing(tmp_path):
    machine = look(tmp_path, {})
    assert (machine.cards, machine.host.kernel, machine.host.cores) == ((), None, 0)


def test_every_variable_has_what_it_needs():
    for known in variables():
        assert known.does and known.source, known.name
        assert (known.effect is None) == (known.means is None), known.name
        assert known.effect in (None, "warn", "bad"), known.name
        assert known.script is None or not known.harms(known.script), known.name


def test_one_list_serves_the_doctor_and_the_records():
    environment = {known.name: "1" for known in variables()} | {"HOME": "/x", "CCL_UNHEARD": "2"}
    assert recorded(environment).keys() == environment.keys() - {"HOME"}
    assert others_set(environment) == {"CCL_UNHEARD": "2"}
    quiet = {
        "CCL_UNHEARD": "",
        "CCL_ROOT": "/opt",
        "CUDA_VERSION": "13",
        "TRUETPOT_SIMD": "generic",
    }
    assert others_set(quiet) == {}


@pytest.mark.parametrize(
    "name",
    [
        "UR_L0_ENABLE_RELAXED_ALLOCATION_LIMITS", "CCL_ALLREDUCE", "CCL_ENABLE_SYCL_KERNELS",
        "CCL_TOPO_P2P_ACCESS", "UR_L0_V2_FORCE_DISABLE_COPY_OFFLOAD", "IGC_ExtraOCLOptions",
        "CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH", "ZE_ENABLE_ALT_DRIVERS",
    ],
)  # fmt: skip
def test_variables_that_a_measurement_depends_on_are_known(made, name):
    assert look(made.root, {name: "1"}).environment == {name: "1"}


def test_a_name_that_nothing_reads_is_warned_of(made):
    machine = look(made.root, {"UR_L0_USE_RELAXED_ALLOCATION_LIMITS": "1"})
    (finding,) = judge_variables(machine)
    assert "UR_L0_ENABLE_RELAXED_ALLOCATION_LIMITS" in finding.means


def test_what_ipex_llms_script_sets_is_known():
    script = {known.name: known.script for known in variables() if known.script}
    assert script == {
        "USE_XETLA": "OFF", "SYCL_CACHE_PERSISTENT": "1",
        "SYCL_PI_LEVEL_ZERO_USE_IMMEDIATE_COMMANDLISTS": "2", "FI_PROVIDER": "shm",
        "TORCH_LLM_ALLREDUCE": "0", "CCL_WORKER_COUNT": "2", "CCL_ATL_TRANSPORT": "ofi",
        "CCL_ZE_IPC_EXCHANGE": "sockets", "CCL_ATL_SHM": "1", "CCL_SAME_STREAM": "1",
        "CCL_BLOCKING_WAIT": "0", "VLLM_USE_V1": "0",
    }  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 32), value=st.binary(max_size=40))
def test_no_file_ends_the_look(made, seed, value):
    if not made.cards:
        made.integrated()
        made.card(1, 0x56A0, made.X16)
        made.card(0x11, 0xE20B, made.X8, driver="xe")
        made.write("var/lib/dpkg/status", STATUS)
        made.container()
        made.cgroup2("/a/b", quota=150_000, memory=1 << 30)
        made.write("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf")
    files = sorted(path for path in made.root.rglob("*") if path.is_file())
    file = random.Random(seed).choice(files)
    before = file.read_bytes()
    file.write_bytes(value)
    try:
        machine = look(made.root, {})
        judges = (judge_cards, judge_host, judge_container, judge_software, judge_variables)
        for judge in judges:
            list(judge(machine))
    finally:
        file.write_bytes(before)


def test_a_quick_check_measures_the_processor(monkeypatch):
    monkeypatch.setattr("truetpot.measure.ceiling.buffer_bytes", lambda device: 16 << 20)
    REGISTRY.load_builtin()
    (numba,) = REGISTRY.kernels("memory_read", "numba")
    monkeypatch.setattr(numba, "configs", lambda case, device: ({},))  # each is compiled anew
    quick = quick_check(CpuDevice(), None, 0.4)
    assert quick.read_gb_s > 0
    assert quick.samples >= 20
    assert quick.impossible is None and quick.misread is None
