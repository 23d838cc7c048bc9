"""The other checks on this CPU: what is slow, wrong, hot or not known shows in their readings."""

from pathlib import Path

import pytest
import torch

from tests.doctor.made import PLACEHOLDER, Made
from truetpot.facts.hardware import load_hardware
from truetpot.records.validate import Health
from truetpot.runtime.choose import choose_device
from truetpot.runtime.cpu import CpuDevice
from truetpot.validate import watch
from truetpot.validate.checks import (
    bandwidth,
    compute,
    kernel_log,
    link,
    links_together,
    step,
    sustained,
)
from truetpot.validate.checks.compute import Product, of_rate, rate_of
from truetpot.validate.child import load
from truetpot.validate.judge import Yardsticks, judged
from truetpot.validate.limits import load_limits
from truetpot.validate.measured import Setting
from truetpot.validate.plan import load_tests
from truetpot.validate.watch import Look, harmful, nvidia_reasons

B70 = load_hardware("arc-pro-b70")


def setting(test, seconds=0.2):
    return Setting(test=test, devices=["cpu"], seconds=seconds, level="quick", small=True)


def values(readings):
    return {one.name: one.value for one in readings}


def verdicts(test, readings, card="arc-pro-b70"):
    by = Yardsticks(load_limits(), card)
    return {one.name: judged(test, one, [one.value], by).verdict for one in readings}


def looks(clock, count=5):
    return [Look(i, clock, None, None, None, ()) for i in range(count)]


def test_every_test_of_the_plan_has_its_check():
    for test in load_tests():
        assert callable(load(test.name).measure)


def test_streams_are_right_and_a_wrong_one_shows(monkeypatch):
    device, asked = choose_device("cpu"), setting("bandwidth")
    assert [(name, wrong) for name, _, wrong in bandwidth.streams(device, asked, 0.1)] == [
        ("copy", 0), ("triad", 0),
    ]  # fmt: skip
    add = torch.add

    def wrong_add(a, b, *, alpha, out):
        add(a, b, alpha=alpha, out=out)
        out[::50] += 1

    monkeypatch.setattr(torch, "add", wrong_add)
    found = {name: wrong for name, _, wrong in bandwidth.streams(device, asked, 0.1)}
    assert found["copy"] == 0
    assert found["triad"] > 100


@pytest.mark.timing
def test_a_slow_stream_is_slow(monkeypatch):
    device, asked = choose_device("cpu"), setting("bandwidth")
    true = {name: rate for name, rate, _ in bandwidth.streams(device, asked, 0.1)}
    add = torch.add

    def slow_add(a, b, *, alpha, out):
        for _ in range(20):
            add(a, b, alpha=alpha, out=out)

    monkeypatch.setattr(torch, "add", slow_add)
    slow = {name: rate for name, rate, _ in bandwidth.streams(device, asked, 0.1)}
    assert slow["triad"] < true["triad"] / 4


def test_products_are_right_and_a_wrong_one_shows(monkeypatch):
    device = choose_device("cpu")
    for dtype in compute.DTYPES:
        product = Product.random(dtype, 256, device)
        assert product.wrong(device) == 0
    call = Product.call

    def off(self):
        result = call(self)
        result[::16] += 8 if self.dtype == "int8" else 8.0
        return result

    monkeypatch.setattr(Product, "call", off)
    found = values(compute.measure(setting("compute"), lambda done: None).readings)
    assert all(found[f"{dtype} wrong elements"] > 0 for dtype in compute.DTYPES)


def test_a_wrong_bit_of_an_int8_product_is_wrong():
    device = choose_device("cpu")
    product = Product.random("int8", 256, device)
    exact = product.call()
    product.call = lambda: exact + 1
    assert product.wrong(device) == compute.SAMPLED**2


@pytest.mark.timing
def test_a_slow_product_is_slow():
    device = choose_device("cpu")
    product = Product.random("bf16", 256, device)
    true = rate_of(product, device, 0.2)
    call = product.call
    product.call = lambda: [call() for _ in range(20)]
    assert rate_of(product, device, 0.2) < true / 4


@pytest.mark.parametrize(
    ("rate", "clock", "right"),
    [
        (157.2e12, 2400, {"bf16 at clock": "pass", "bf16": "pass"}),
        (85.0e12, 1300, {"bf16 at clock": "pass", "bf16": "fail"}),  # the clock is low
        (85.0e12, 2800, {"bf16 at clock": "fail", "bf16": "fail"}),  # the kernel is slow
        # the clock is read as a third of what it is: the share of it cannot be true
        (157.2e12, 800, {"bf16 at clock": "could-not-run", "bf16": "pass"}),
    ],
)
def test_rate_and_clock(rate, clock, right):
    assert verdicts("compute", of_rate("bf16", rate, looks(clock), B70)) == right


def test_a_clock_that_is_replaced_at_the_boundary_is_seen(monkeypatch):
    """By the state that the device gives, from its thread through to the verdict."""
    monkeypatch.setattr(CpuDevice, "state", lambda self: {"clock_mhz": 0.001})
    monkeypatch.setattr(compute, "recognise", lambda name, memory: B70)
    done = compute.measure(setting("compute", 0.5), lambda done: None)
    found = verdicts("compute", done.readings)
    assert found["bf16 at clock"] is Health.COULD_NOT_RUN


def test_an_unknown_clock_expects_nothing_of_it():
    (rate,) = of_rate("bf16", 1e12, looks(None), None)
    assert (rate.name, rate.expected) == ("bf16", None)


def test_a_step_gives_the_same_bits_and_one_that_does_not_shows():
    class Step:
        def __init__(self, spread):
            self.device, self.spread, self.count = choose_device("cpu"), spread, 0
            self.state = type("State", (), {"values": {}})()

        def run(self):
            self.count += 1
            logits = torch.ones(8, dtype=torch.bfloat16)
            logits[3] += self.spread * (self.count % 3 == 0)
            self.state.values["logits"] = logits

    same, other = step.Repeats(Step(0.0)), step.Repeats(Step(0.01))
    same.run(8)
    other.run(8)
    assert (same.count, other.count, other.compared) == (0, 3, 8)


def test_a_link_against_its_lanes(tmp_path):
    """Trees that were made after Documentation/ABI/testing/sysfs-bus-pci; no recording."""
    made = Made(tmp_path)
    card = made.card(3, 0xE223, ("32.0 GT/s PCIe", 8, "32.0 GT/s PCIe", 16), "xe")
    found, words = link.known_link(card)
    assert found.gb_s == pytest.approx(31.5, abs=0.02) and "x8" in words
    healthy = link.rate("host to device", 28.65, found, words)  # B70 at x8
    slow = link.rate("host to device", 14.0, found, words)
    impossible = link.rate("host to device", 70.0, found, words)
    assert verdicts("link", [healthy]) == {"host to device": Health.PASS}
    assert verdicts("link", [slow]) == {"host to device": Health.FAIL}
    assert verdicts("link", [impossible]) == {"host to device": Health.COULD_NOT_RUN}


def test_a_placeholder_is_no_link(tmp_path):
    """A card handed through to a virtual machine: made, after lspci of such machines."""
    made = Made(tmp_path)
    card = made.pci(None, "0000:00:05.0", 0x8086, 0xE20B, 0x030000, PLACEHOLDER)
    found, words = link.known_link(card)
    assert found is None and "placeholder" in words
    assert verdicts("link", [link.rate("host to device", 0.1, found, words)]) == {
        "host to device": Health.NOT_JUDGED
    }
    # its own link is real, and the port above it is the hypervisor's
    port = made.pci(None, "0000:00:06.0", 0x1B36, 0x000C, 0x060400, PLACEHOLDER)
    real = made.pci(port, "0000:01:00.0", 0x10DE, 0x2335, 0x030200, Made.X16)
    assert link.known_link(real)[0].gb_s == pytest.approx(31.5, abs=0.02)
    assert link.known_link(None)[0] is None
    assert link.known_link(tmp_path / "none")[0] is None


def test_errors_of_a_link(tmp_path):
    """As Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats shows them."""
    (tmp_path / "aer_dev_fatal").write_text("Undefined 0\nDLP 1\nTOTAL_ERR_FATAL 1\n")
    assert link.aer(tmp_path) == {"fatal errors": 1}
    assert link.aer(None) == {}


def test_bytes_that_come_back_otherwise():
    copies = link.Copies(choose_device("cpu"), 1 << 20)
    assert copies.wrong() == 0
    down = copies.down

    def flips():
        down()
        copies.back[77] ^= 1

    copies.down = flips
    assert copies.wrong() == 1


def two_cards(monkeypatch):
    """Two devices of the CPU, as two cards."""

    def choose(name):
        device = choose_device("cpu")
        device.name = name
        return device

    monkeypatch.setattr(links_together, "choose_device", choose)
    return Setting(test="x", devices=["xpu:0", "xpu:1"], seconds=0.4, level="quick", small=True)


def test_all_cards_at_once_and_each_pair(monkeypatch):
    done = links_together.measure(two_cards(monkeypatch), lambda done: None)
    found = values(done.readings)
    assert found.pop("wrong bytes") == 0
    ways = ("host to device", "device to host")
    together = {f"xpu:{i} {way} all at once" for i in (0, 1) for way in ways}
    assert set(found) == together | {"xpu:0 to xpu:1", "xpu:1 to xpu:0"}
    assert all(value > 0 for value in found.values())
    assert done.found["xpu:0 to xpu:1"] == "through the host"


def test_bytes_that_change_between_cards(monkeypatch):
    fill = link.Copies.gb_s

    def flips(self, call, seconds):
        rate = fill(self, call, seconds)
        if call.__name__ == "copy":  # of a pair
            cards[1].there[5] ^= 1
        return rate

    cards = []
    init = link.Copies.__init__

    def kept(self, device, nbytes):
        init(self, device, nbytes)
        cards.append(self)

    monkeypatch.setattr(link.Copies, "__init__", kept)
    monkeypatch.setattr(link.Copies, "gb_s", flips)
    done = links_together.measure(two_cards(monkeypatch), lambda done: None)
    assert values(done.readings)["wrong bytes"] == 1


def test_a_pair_that_is_faster_than_the_slot_has_a_link_of_its_own(tmp_path, monkeypatch):
    made = Made(tmp_path)
    card = made.card(3, 0xE223, ("32.0 GT/s PCIe", 16, "32.0 GT/s PCIe", 16), "xe")
    monkeypatch.setattr(
        links_together, "_link", lambda device: link.known_link(card)
    )
    setting_ = two_cards(monkeypatch)
    monkeypatch.setattr(link.Copies, "gb_s", lambda self, call, seconds: (call(), 300.0)[1])
    done = links_together.measure(setting_, lambda done: None)
    pair = next(one for one in done.readings if one.name == "xpu:0 to xpu:1")
    assert pair.expected is None and pair.bound is None
    monkeypatch.setattr(link.Copies, "gb_s", lambda self, call, seconds: (call(), 29.7)[1])
    done = links_together.measure(setting_, lambda done: None)
    across = [one for one in done.readings if " to xpu" in one.name]
    assert set(verdicts("links-together", across).values()) == {Health.FAIL}  # as across sockets


LOG = """
xe 0000:03:00.0: [drm] GT0: reset started
xe 0000:03:00.0: [drm] *ERROR* Fault response: Unsuccessful -22
mce: [Hardware Error]: Machine check events logged
EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0
EDAC MC0: 2 UE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0
watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [python:123]
NVRM: Xid (PCI:0000:65:00): 79, pid=1234, GPU has fallen off the bus.
NVRM: Xid (PCI:0000:65:00): 31, pid=1234, MMU Fault
pcieport 0000:00:01.0: AER: Corrected error received: 0000:01:00.0
pcieport 0000:00:01.0: AER: Uncorrected (Non-Fatal) error received: 0000:01:00.0
{1}[Hardware Error]: event severity: fatal
{2}[Hardware Error]: event severity: corrected
"""
QUIET = """
Linux version 6.14.0 (builder) #27 SMP
xe 0000:03:00.0: [drm] Using GuC firmware from xe/bmg_guc_70.bin version 70.44.1
mce: CPU0: Thermal monitoring enabled (TM1)
EDAC MC: Ver: 3.0.0
pcieport 0000:00:01.0: AER: enabled with IRQ 24
perf: interrupt took too long (2501 > 2500)
"""


def test_the_kernels_log():
    """Lines as the sources that kernel_log.toml names write them; made, no machine's log."""
    done = kernel_log.judge_log(LOG)
    assert values(done.readings) == {"errors": 6, "warnings": 6}
    assert done.found["counts"]["Xid of an NVIDIA card"] == 1
    assert len(done.found["lines"]) == 12
    assert verdicts("kernel-log", done.readings) == {"errors": Health.FAIL, "warnings": Health.WARN}
    quiet = kernel_log.judge_log(QUIET)
    assert values(quiet.readings) == {"errors": 0, "warnings": 0}
    assert set(verdicts("kernel-log", quiet.readings).values()) == {Health.PASS}


def test_a_log_is_read_record_by_record(tmp_path):
    log = tmp_path / "kmsg"
    log.write_text("6,1,0,-;first; with a semicolon\n SUBSYSTEM=pci\n4,2,9,-;second\n")
    assert kernel_log.read_kmsg(log) == "first; with a semicolon\nsecond"


def test_a_log_that_is_kept_from_users(monkeypatch):
    monkeypatch.setattr(kernel_log, "LOG", Path("/no/log"))
    done = kernel_log.measure(setting("kernel-log"), lambda done: None)
    assert "cannot be read here (No such file or directory)" in done.not_here


def test_reasons_of_throttling():
    assert nvidia_reasons("0x0000000000000004") == ("power limit",)
    assert nvidia_reasons("0x0000000000000028") == ("hw slowdown", "thermal")
    assert nvidia_reasons(None) == nvidia_reasons("Not Supported") == ()
    assert harmful(["power limit", "pl1", "thermal", "prochot"]) == ["thermal", "prochot"]


def test_an_intel_card_is_looked_at(tmp_path):
    """A made tree of xe: throttle reasons, and power by the energy counter."""
    made = Made(tmp_path)
    gpu = made.card(3, 0xE223, Made.X16, "xe")
    (gpu / "tile0/gt0/freq0/throttle").mkdir(parents=True, exist_ok=True)
    made.write(gpu / "tile0/gt0/freq0/throttle/reason_thermal", 1)
    made.write(gpu / "hwmon/hwmon3/energy1_input", 10_000_000)

    class Card(CpuDevice):
        kind = "xpu"

        def identity(self):
            return {"name": "xpu", "pci_address": gpu.name}

        def state(self):
            return {"clock_mhz": 2400, "temperature_c": 80.0}

    eye = watch.Watch(Card(), tmp_path / "sys/bus/pci/devices")
    first = eye.look()
    made.write(gpu / "hwmon/hwmon3/energy1_input", 40_000_000)
    second = eye.look()
    assert (first.clock_mhz, first.power_w, second.temperature_c) == (2400, None, 80.0)
    assert second.throttled_by == ("thermal",)
    assert second.power_w == pytest.approx(30 / (second.at_s - first.at_s), rel=1e-6)


def series(rates, reasons=()):
    return [
        sustained.second(i + 1.0, rate, Look(i, 2400, None, 100.0 + i, 60.0, tuple(reasons)))
        for i, rate in enumerate(rates)
    ]


class Ran:
    unequal, compared = 0, 10


@pytest.mark.parametrize(
    ("rates", "reasons", "name", "right"),
    [
        ([100.0] * 20, ["power limit"], "end over start", Health.PASS),
        ([100.0] * 10 + [88.0] * 10, [], "end over start", Health.FAIL),
        ([100.0] * 10 + [93.0] * 10, [], "end over start", Health.WARN),
        ([100.0] * 20, ["thermal"], "share of seconds throttled", Health.FAIL),
        ([10.0] * 10 + [100.0] * 10, [], "end over start", Health.COULD_NOT_RUN),
    ],
)
def test_a_load_over_time(rates, reasons, name, right):
    done = sustained.measured(series(rates, reasons), Ran(), "bf16")
    assert verdicts("sustained", done.readings)[name] is right


def test_a_result_that_changes_under_load():
    device = choose_device("cpu")
    product = Product.random("bf16", 256, device)
    load_ = sustained.Load(product, device)
    load_.run(0.05)
    assert (load_.unequal, load_.compared) == (0, 1)
    product.a[3, 3] += 1
    load_.run(0.05)
    assert (load_.unequal, load_.compared) == (1, 2)
    done = sustained.measured(series([1.0] * 5), load_, "bf16")
    assert verdicts("sustained", done.readings)["results with other bits"] is Health.FAIL


def test_a_load_is_looked_at_every_period():
    done = sustained.measure(setting("sustained", 0.6), lambda done: None)
    assert len(done.series) >= 5
    assert values(done.readings)["results with other bits"] == 0


