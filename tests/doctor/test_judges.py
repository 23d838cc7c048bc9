"""What is said of a machine: each verdict on a tree that has just that fault."""

import pytest

from truetpot.doctor.finding import Level, worst
from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.judge_device import judge_device, judge_kernels
from truetpot.doctor.judge_host import judge_host, judge_software, judge_variables
from truetpot.doctor.machine import look
from truetpot.doctor.quick import Quick, judge_quick
from truetpot.facts.hardware import load_hardware


def cards(made):
    return list(judge_cards(look(made.root, {})))


def about(findings, name):
    (finding,) = [finding for finding in findings if finding.about == name]
    return finding


def pinned(made, *args, **kwargs):
    """A card with nothing wrong."""
    gpu = made.card(*args, **kwargs)
    made.i915_clocks(next((gpu / "drm").glob("card*")), low=2400, high=2400)
    return gpu


def test_nothing_wrong_is_all_ok(made):
    pinned(made, 1, 0x56A0, made.X16)
    found = cards(made)
    assert worst(found) is Level.OK
    assert {finding.about for finding in found} == {"driver", "resizable BAR", "PCIe", "clock"}
    assert all(not finding.means and not finding.do for finding in found)


def test_every_fault_says_what_it_means_and_what_to_do(made):
    made.integrated()
    gpu = made.card(1, 0x56A0, ("8.0 GT/s PCIe", 4, "16.0 GT/s PCIe", 16), window=256 << 20)
    made.power(gpu, "i915", limit=100_000_000)
    made.card(0x11, 0xE20B, made.X8, driver=None)
    found = [f for f in cards(made) if f.level is not Level.OK]
    assert len(found) >= 5
    assert all(finding.means and finding.do for finding in found)


@pytest.mark.parametrize(
    ("driver", "device_id", "says"),
    [("i915", 0x56A0, "small window"), ("xe", 0xE20B, "does not list the card")],
)
def test_a_small_window(made, driver, device_id, says):
    made.card(1, device_id, made.X16, driver=driver, window=256 << 20)
    finding = about(cards(made), "resizable BAR")
    assert finding.level is Level.BAD
    assert "sees 256 MiB of its memory, 16 GiB would be possible" in finding.what
    assert says in finding.means


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (("8.0 GT/s PCIe", 16, "16.0 GT/s PCIe", 16), "8 GT/s x16 (15.8 GB/s) of 16 GT/s x16"),
        (("16.0 GT/s PCIe", 4, "16.0 GT/s PCIe", 16), "16 GT/s x4 (7.9 GB/s) of 16 GT/s x16"),
    ],
)
def test_a_slow_or_narrow_link_is_warned_of(made, link, text):
    pinned(made, 1, 0x56A0, link)
    finding = about(cards(made), "PCIe")
    assert finding.level is Level.WARN
    assert text in finding.what


def test_a_link_that_the_card_brought_down(made):
    gpu = made.card(1, 0xE223, made.X16, driver="xe")
    made.write(gpu / "auto_link_downgrade_status", 1)
    assert "brought down by the card itself" in about(cards(made), "PCIe").what


def test_clocks(made):
    gpu = made.card(1, 0x56A0, made.X16)
    floating = about(cards(made), "clock")
    assert floating.level is Level.WARN
    assert "floats between 300 and 2400 MHz" in floating.what
    made.i915_clocks(gpu / "drm/card0", low=2000, high=2000)
    slow = about(cards(made), "clock")
    assert slow.level is Level.WARN
    assert "pinned at 2000 of 2400 MHz" in slow.what
    assert "1.20 times" in slow.means


def test_heat_is_bad_and_a_power_limit_is_told(made):
    gpu = pinned(made, 1, 0x56A0, made.X16)
    made.write(gpu / "drm/card0/gt/gt0/throttle_reason_pl1", 1)
    assert about(cards(made), "throttling").level is Level.WARN
    made.write(gpu / "drm/card0/gt/gt0/throttle_reason_thermal", 1)
    hot = about(cards(made), "throttling")
    assert (hot.level, "throttled by thermal" in hot.what) == (Level.BAD, True)


def test_drivers(made):
    made.card(1, 0xE20B, made.X8, driver=None)
    none = about(cards(made), "driver")
    assert none.level is Level.BAD
    assert "load xe, which takes this card from Linux 6.12 on" in none.do


def test_the_other_driver_is_told(made):
    made.card(1, 0x56A0, made.X16, driver="xe")
    other = about(cards(made), "driver")
    assert (other.level, "runs on xe, not on i915" in other.what) == (Level.WARN, True)


def test_a_render_node_that_cannot_be_opened(made):
    pinned(made, 1, 0x56A0, made.X16)
    (made.root / "dev/dri/renderD128").unlink()
    assert about(cards(made), "access").level is Level.BAD


def test_four_cards_behind_a_translating_iommu(made):
    for place in range(4):
        gpu = pinned(made, 0x10 * (place + 1), 0x56A0, made.X16)
        made.iommu(gpu, place, "DMA-FQ")
    finding = about(cards(made), "IOMMU")
    assert "4 of 4 cards" in finding.what
    for place in range(4):
        made.write(f"sys/kernel/iommu_groups/{place}/type", "identity")
    assert not [f for f in cards(made) if f.about == "IOMMU"]


def test_one_card_behind_an_iommu_is_no_matter(made):
    made.iommu(pinned(made, 1, 0x56A0, made.X16), 1, "DMA-FQ")
    assert not [f for f in cards(made) if f.about == "IOMMU"]


def test_two_sockets(made):
    gpu = pinned(made, 1, 0x56A0, made.X16)
    made.write(gpu / "numa_node", 1)
    made.write("sys/devices/system/node/node1/cpulist", "2-3")
    assert "--cpunodebind=1" in about(cards(made), "NUMA").do


def test_cards_of_two_kinds(made):
    pinned(made, 1, 0x56A0, made.X16)
    pinned(made, 0x11, 0x56A5, made.X8)
    assert about(cards(made), "cards").level is Level.WARN


def test_the_host(made):
    assert [f.level for f in judge_host(look(made.root, {}))] == [Level.OK]
    made.write("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave")
    made.write("proc/cpuinfo", "model name\t: A Processor\nflags\t\t: fpu hypervisor")
    virtual, governor = judge_host(look(made.root, {}))
    assert (virtual.about, virtual.level) == ("virtual machine", Level.WARN)
    assert "powersave" in governor.what


def test_an_intel_card_needs_level_zero(made):
    assert list(judge_software(look(made.root, {}))) == []
    made.card(1, 0x56A0, made.X16)
    missing = next(judge_software(look(made.root, {})))
    assert (missing.about, missing.level) == ("compute runtime", Level.BAD)
    library = made.root / "usr/lib/x86_64-linux-gnu/libze_intel_gpu.so.1.6.33578"
    made.write(library, "")
    made.point(library.with_name("libze_intel_gpu.so.1"), library)
    assert next(judge_software(look(made.root, {}))).what == "Level Zero driver 1.6.33578"


def test_variables(made):
    environment = {"SYCL_UR_TRACE": "2", "UR_L0_SERIALIZE": "0", "USE_XETLA": "OFF", "HOME": "/x"}
    machine = look(made.root, environment)
    assert [known.name for known in machine.variables] == [
        "UR_L0_SERIALIZE",
        "SYCL_UR_TRACE",
        "USE_XETLA",
    ]
    (tracing,) = judge_variables(machine)
    assert (tracing.level, tracing.do) == (Level.BAD, "unset SYCL_UR_TRACE")


XPU = {"kind": "xpu", "name": "Intel(R) Arc(TM) A770 Graphics", "pci_address": "0000:03:00.0"}
CPU = {"kind": "cpu", "name": "A Processor", "pci_address": None}


def test_the_device_is_the_card_that_is_meant(made):
    made.integrated()
    made.card(1, 0x56A0, made.X16)
    machine = look(made.root, {})
    (fine,) = judge_device("xpu:0", XPU, machine)
    assert fine.level is Level.OK
    graphics = XPU | {"name": "Intel(R) UHD Graphics 770", "pci_address": "0000:00:02.0"}
    (wrong,) = judge_device("xpu:0", graphics, machine)
    assert (wrong.level, "the integrated GPU" in wrong.what) == (Level.BAD, True)
    (unseen,) = judge_device("cpu", CPU, machine)
    assert "torch does not see the card" in unseen.means


def test_the_processor_is_fine_where_there_is_no_card(made):
    made.integrated()
    (fine,) = judge_device("cpu", CPU, look(made.root, {}))
    assert fine.level is Level.OK
    busy, _ = judge_device("cpu", CPU, look(made.root, {}), "the machine was busy")
    assert busy.level is Level.WARN


def test_a_wrong_kernel_is_bad():
    (wrong,) = judge_kernels(["numba linear (m=1) is wrong: error 1"], ["numba"])
    assert wrong.level is Level.BAD
    (fine,) = judge_kernels([], ["numba", "torch"])
    assert fine.level is Level.OK


A770 = load_hardware("arc-a770")


@pytest.mark.parametrize(
    ("changes", "worst_of"),
    [
        ({}, Level.OK),
        ({"read_gb_s": 0.6 * A770.bandwidth_gb_s}, Level.WARN),
        ({"read_gb_s": 0.3 * A770.bandwidth_gb_s}, Level.BAD),
        ({"spread": 0.1}, Level.WARN),
        ({"spread": 0.5}, Level.BAD),
        ({"empty_pair_s": 2e-4}, Level.WARN),
        ({"impossible": "a sample took 1 s on the device, 0.5 s on the host"}, Level.BAD),
        ({"misread": "misread its buffer", "read_gb_s": None, "spread": None}, Level.BAD),
        ({"datasheet_gb_s": None, "read_gb_s": 20.0}, Level.OK),
    ],
)
def test_what_was_measured(changes, worst_of):
    steady = {
        "device": "xpu:0", "read_gb_s": A770.measured_read_gb_s, "reader": "torch", "spread": 0.01,
        "samples": 100, "datasheet_gb_s": A770.bandwidth_gb_s, "empty_pair_s": 1e-5,
        "impossible": None, "misread": None,
    }  # fmt: skip
    assert worst(list(judge_quick(Quick(**steady | changes)))) is worst_of
