"""Clock, heat and driver are of the card that is measured, whichever cards a variable hides."""

import json
import os
import subprocess
import sys

import pytest
import torch

from tests.runtime.refusing import PROPERTIES, RefusingCard
from truetpot.runtime import sysfs
from truetpot.runtime.opencl import identity

SMI = """#!{python}
import sys

CARDS = [  # in the order of the bus, which is not the order of any other program
    {{"uuid": "GPU-aaaaaaaa-0000-0000-0000-000000000000", "pci": "0000:01:00.0", "heat": "30"}},
    {{"uuid": "GPU-bbbbbbbb-0000-0000-0000-000000000000", "pci": "0000:02:00.0", "heat": "40"}},
    {{"uuid": "GPU-cccccccc-0000-0000-0000-000000000000", "pci": "0000:03:00.0", "heat": "50"}},
]
given = dict(arg.partition("=")[::2] for arg in sys.argv[1:])
which, fields = given["--id"], given["--query-gpu"].split(",")
cards = [c for i, c in enumerate(CARDS) if which in (str(i), c["uuid"], c["pci"])]
lacks = {lacks!r}
if not cards or lacks in fields:
    sys.exit("No devices were found, or a field is not a valid field to query.")
(card,) = cards
known = {{"uuid": card["uuid"], "temperature.gpu": card["heat"]}}
known["driver_version"] = "580." + card["heat"]
print(", ".join(known.get(field, "[N/A]") for field in fields))
"""


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """An nvidia-smi of three cards; ``lacks`` is a field that its driver does not have."""

    def install(lacks=""):
        program = tmp_path / "nvidia-smi"
        program.write_text(SMI.format(python=sys.executable, lacks=lacks))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    install()
    return install


@pytest.fixture
def card(monkeypatch):
    """torch's only device, ``cuda:0``; what it says of itself can be given."""
    monkeypatch.delitem(PROPERTIES, "driver_version")

    def make(*refused, **says):
        for name, value in says.items():
            monkeypatch.setitem(PROPERTIES, name, value)
        made = RefusingCard(refused, AttributeError)
        made.kind = "cuda"
        return made

    return make


THIRD = {"uuid": "cccccccc-0000-0000-0000-000000000000", "pci_bus_id": 3}


@pytest.mark.parametrize("refused", [(), ("uuid",), ("pci_bus_id",)])
def test_nvidia_smi_is_asked_by_what_names_the_card(smi, card, refused):
    third = card(*refused, **THIRD)
    assert third.state()["temperature_c"] == "50"
    assert third.identity()["driver"] == "580.50"


def test_a_slice_is_found_by_its_cards_address(smi, card):
    mig = card(**THIRD | {"uuid": "12345678-0000-0000-0000-000000000000"})
    assert mig.state()["temperature_c"] == "50"


def test_a_card_without_a_name_is_not_asked_for_by_index(smi, card):
    nameless = card("uuid", "pci_bus_id")
    assert set(nameless.state().values()) == {None}
    assert nameless.identity()["driver"] is None


def test_a_field_that_a_driver_lacks_costs_only_itself(smi, card):
    smi(lacks="clocks_throttle_reasons.active")
    state = card(**THIRD).state()
    assert state["temperature_c"] == "50"
    assert state["throttle"] is None
    assert state["clock_mhz"] is None, "[N/A] is no clock"


def test_without_nvidia_smi_nothing_is_told(card, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert set(card(**THIRD).state().values()) == {None}


@pytest.fixture
def two_cards(tmp_path, monkeypatch):
    """An A770 by i915 and a B580 by xe, as sysfs has them."""
    monkeypatch.setattr(sysfs, "PCI_DEVICES", tmp_path)
    for address, clock, mhz, heat in (
        ("0000:03:00.0", "drm/card1/gt_act_freq_mhz", 2400, 61000),
        ("0000:07:00.0", "tile0/gt0/freq0/act_freq", 2850, 48000),
    ):
        for name, value in ((clock, mhz), ("hwmon/hwmon4/temp1_input", heat)):
            file = tmp_path / address / name
            file.parent.mkdir(parents=True)
            file.write_text(f"{value}\n")
    (tmp_path / "0000:07:00.0" / "hwmon" / "hwmon4" / "temp2_input").mkdir()  # listed, not readable


@pytest.mark.parametrize(
    ("bus", "mhz", "celsius"), [(3, 2400, 61.0), (7, 2850, 48.0), (9, None, None)]
)
def test_an_intel_card_is_looked_up_by_its_address(two_cards, monkeypatch, bus, mhz, celsius):
    """Whatever ZE_AFFINITY_MASK or ONEAPI_DEVICE_SELECTOR made of its index."""
    monkeypatch.setitem(PROPERTIES, "pci_bus_id", bus)
    state = RefusingCard((), RuntimeError).state()
    assert (state["clock_mhz"], state["temperature_c"]) == (mhz, celsius)
    monkeypatch.setattr(identity, "pci_address", lambda device: f"0000:{bus:02x}:00.0")
    assert identity.state(None) == {"clock_mhz": mhz, "temperature_c": celsius}
    nameless = RefusingCard(("pci_bus_id",), RuntimeError)
    assert nameless.state()["clock_mhz"] is None


WHO = """
import json
from truetpot.runtime.choose import choose_device
device = choose_device("cuda:0")
print(json.dumps([device.identity(), device.state()]))
"""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card")
def test_the_last_card_alone_is_itself():
    """Where there are several, CUDA_VISIBLE_DEVICES makes the last one cuda:0."""
    query = ["nvidia-smi", "--query-gpu=uuid,pci.bus_id", "--format=csv,noheader"]
    cards = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    last = len(cards) - 1
    done = subprocess.run(
        [sys.executable, "-c", WHO],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": str(last), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        capture_output=True,
        text=True,
        check=True,
    )
    mine, state = json.loads(done.stdout)
    want_uuid, want_address = cards[last].split(", ")
    assert want_uuid == f"GPU-{mine['uuid']}"
    assert want_address.lower().endswith(mine["pci_address"])
    assert float(state["temperature_c"]) > 0
    assert float(state["clock_mhz"]) > 0
