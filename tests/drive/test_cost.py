"""Processor time and energy of a server on this machine."""

import subprocess
import sys
import time

import pytest

from truetpot.drive import cost
from truetpot.drive.server import Server

BUSY = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as here:
    print(here.getsockname()[1], flush=True)
    while True:
        pass
"""


def test_the_processor_time_of_a_server_here():
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as busy:
        try:
            server = Server(f"http://127.0.0.1:{int(busy.stdout.readline())}/v1", "m")
            before = cost.read(server)
            end = time.monotonic() + 60
            while (spent := cost.between(before, cost.read(server)).cpu_s) < 0.5:
                assert time.monotonic() < end
        finally:
            busy.kill()
    assert spent >= 0.5


@pytest.mark.parametrize("url", ["http://arc01:8000/v1", "http://192.0.2.1:80/v1"])
def test_of_another_machine_nothing_is_known(url):
    assert cost.read(Server(url, "m")) == cost.Reading()


def test_energy_of_cards_and_processors(tmp_path, monkeypatch):
    """The layout of xe's hwmon and of powercap, whose counter starts again."""
    card = tmp_path / "devices" / "0000:03:00.0" / "hwmon" / "hwmon3"
    zone = tmp_path / "powercap" / "intel-rapl:0"
    for folder in (card, zone, zone / "intel-rapl:0:0"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(cost, "PCI_DEVICES", tmp_path / "devices")
    monkeypatch.setattr(cost, "POWERCAP", tmp_path / "powercap")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    readings = []
    for card_uj, zone_uj in ((5_000_000, 262_142_328_850), (65_000_000, 9_000_000)):
        (card / "energy1_input").write_text(f"{card_uj}\n")
        (zone / "energy_uj").write_text(f"{zone_uj}\n")
        readings.append(cost.read(Server("http://127.0.0.1:1/v1", "m")))
    spent = cost.between(*readings)
    assert spent.joules == pytest.approx({"card 0000:03:00.0": 60.0, "processor 0": 10.0})
    assert spent.cpu_s is None


def test_a_server_that_was_restarted_has_no_processor_time():
    assert cost.between(cost.Reading(9.0), cost.Reading(1.0)).cpu_s is None
