"""Which device was chosen, a card or the processor's graphics, and what its link is: made trees."""

import pytest

from truetpot.doctor.finding import Level
from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.judge_device import judge_device
from truetpot.doctor.machine import look

GIB = 1 << 30
CARD = {"kind": "xpu", "name": "Intel(R) Arc(TM) A770 Graphics", "memory_bytes": int(15.1 * GIB)}
GRAPHICS = {"kind": "xpu", "name": "Intel(R) Graphics", "memory_bytes": 28 * GIB}


@pytest.fixture
def machine(made):
    """An A770 beside an integrated GPU of id 0x4680."""
    made.integrated()
    made.card(1, 0x56A0, made.X16)
    return look(made.root, {})


def verdict(machine, identity):
    (finding,) = judge_device("xpu:0", identity, machine)
    return finding


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ({"integrated": True}, "its runtime"),
        ({"pci_address": "0000:00:02.0"}, "its PCI address"),
        ({"pci_device_id": 0x4680}, "its device id"),
        ({"name": "Intel(R) Graphics [0x4680]"}, "its device id"),
        ({"name": "Intel(R) UHD Graphics 770"}, "its name"),
        ({"name": "Intel(R) Iris(R) Xe Graphics"}, "its name"),
        ({"name": "Intel(R) Arc(TM) Graphics"}, "its name"),
        ({"name": "Intel(R) Arc(TM) 140V GPU (16GB)"}, "its name"),
        ({}, "its memory"),
    ],
)
def test_an_integrated_gpu_is_known_by_any_sign(machine, told, by):
    finding = verdict(machine, GRAPHICS | {"pci_address": None} | told)
    assert finding.level is Level.BAD
    assert f"the integrated GPU by {by}" in finding.what
    assert "--device, xpu:1 perhaps" in finding.do


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"integrated": False, "name": "Intel(R) Graphics"},
        {"pci_address": "0000:03:00.0", "name": "Intel(R) Graphics"},
        {"pci_device_id": 0x56A0, "name": "Intel(R) Graphics"},
        {"name": "Intel(R) Graphics [0x56a0]"},
        {"memory_bytes": int(7.6 * GIB)},  # the A770 with 8 GB has the other's name and id
    ],
)
def test_a_card_is_known_without_its_address(machine, told):
    assert verdict(machine, CARD | told).level is Level.OK


def test_an_address_alone_is_not_enough(machine):
    """A runtime that reports the card's address for its integrated GPU, or none at all."""
    finding = verdict(machine, GRAPHICS | {"integrated": True, "pci_address": "0000:03:00.0"})
    assert finding.level is Level.BAD


def test_what_nothing_tells_is_warned_of(machine):
    finding = verdict(machine, {"kind": "xpu", "name": "Intel(R) Graphics", "memory_bytes": None})
    assert finding.level is Level.WARN
    assert "nothing tells" in finding.what


def test_a_card_whose_bus_is_hidden_is_known_by_its_id(made):
    made.integrated()
    named = GRAPHICS | {"pci_device_id": 0xE211}
    assert verdict(look(made.root, {}), named).what.endswith("Intel(R) Graphics")


def test_graphics_alone_are_what_is_meant(made):
    made.integrated()
    finding = verdict(look(made.root, {}), GRAPHICS | {"integrated": True})
    assert (finding.level, "the processor's graphics" in finding.what) == (Level.OK, True)


def test_opencl_on_the_processor_is_no_graphics(machine):
    cpu = {"kind": "opencl", "name": "A Processor", "target": "cpu", "integrated": False}
    assert verdict(machine, cpu).level is Level.OK


def of_cards(made, identity=None):
    return [f for f in judge_cards(look(made.root, {}), identity) if f.about in ("cards", "PCIe")]


def test_wsl_is_named_and_judged_by_the_device(made):
    made.wsl()
    assert verdict(look(made.root, {}), CARD).level is Level.OK
    (finding,) = of_cards(made, CARD)
    assert finding.level is Level.WARN
    assert "WSL2" in finding.what and "/dev/dxg" in finding.what
    assert "no discrete GPU" not in finding.what


def test_wsl_without_its_device(made):
    made.wsl(dxg=False)
    (finding,) = of_cards(made)
    assert finding.level is Level.WARN and "--device /dev/dxg" in finding.do


def test_a_card_that_the_bus_does_not_show(made):
    (finding,) = of_cards(made, CARD)
    assert finding.level is Level.WARN and "/sys" in finding.do
    (fine,) = of_cards(made, {"kind": "cpu", "name": "A Processor"})
    assert fine.level is Level.OK


@pytest.mark.parametrize("port", [True, False])
@pytest.mark.parametrize(("driver", "device_id"), [("i915", 0x56A0), ("xe", 0xE20B)])
def test_the_link_of_a_card_in_a_virtual_machine_is_unknown(made, driver, device_id, port):
    made.passed_through(device_id, driver, port)
    (card,) = look(made.root, {}).cards
    assert (card.discrete, card.link, card.narrowest) == (True, None, None)
    (finding,) = of_cards(made)
    assert finding.level is Level.WARN
    assert "its link is unknown" in finding.what and "GB/s" not in finding.what


def test_a_switch_that_has_no_link_of_its_own_to_tell(made):
    placeholder = ("2.5 GT/s PCIe", 1, "2.5 GT/s PCIe", 1)
    made.card(1, 0x56A0, placeholder)
    assert look(made.root, {}).cards[0].link is None


def test_an_emulated_port_is_no_bottleneck(made):
    thin = ("2.5 GT/s PCIe", 1, "2.5 GT/s PCIe", 1)
    root = made.pci(None, "0000:00:02.0", 0x1B36, 0x000C, 0x060400, thin)
    made.pci(root, "0000:01:00.0", 0x10DE, 0x2335, 0x030200, made.X16)
    (card,) = look(made.root, {}).cards
    assert card.narrowest == card.link and card.link.width == 16
