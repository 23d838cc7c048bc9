"""What a run costs a server on this machine: processor time and energy, where they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from truetpot.drive.server import Server
from truetpot.runtime.sysfs import PCI_DEVICES, number

POWERCAP = Path("/sys/class/powercap")
"""Of processors: root alone may read it since Linux 5.10."""


@dataclass(frozen=True)
class Reading:
    """Counters of processor time and energy, read at one time."""

    cpu_s: float | None = None
    """Processor time of the server and its children so far."""
    joules: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By name: the counter, and where it starts again from zero (0: nowhere)."""


@dataclass(frozen=True)
class Cost:
    """Differences of the counters between two readings."""

    cpu_s: float | None
    joules: dict[str, float]


def read(server: Server) -> Reading:
    """Now. Nothing where the server is on another machine; the card's energy is that of all that
    runs on it, and the processor's that of the whole machine."""
    port = _port_here(server.url)
    return Reading() if port is None else Reading(_cpu_s(port), dict(_counters()))


def between(before: Reading, after: Reading) -> Cost:
    """What was spent. A server that was restarted in between has no processor time."""
    cpu = None
    if before.cpu_s is not None and after.cpu_s is not None and after.cpu_s >= before.cpu_s:
        cpu = after.cpu_s - before.cpu_s
    joules = {}
    for name, (end, wraps) in after.joules.items():
        start = before.joules.get(name, (end, 0.0))[0]
        spent = end - start + (wraps if end < start else 0.0)
        if spent > 0:
            joules[name] = spent
    return Cost(cpu, joules)


def _port_here(url: str) -> int | None:
    """The port of a server on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        here = False
    return (parts.port or (443 if parts.scheme == "https" else 80)) if here else None


def _cpu_s(port: int) -> float | None:
    """Of the processes that listen on a port, and of their children."""
    try:
        listening = {
            one.pid
            for one in psutil.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid
        }
        family = {
            each
            for pid in listening
            for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
        }
        times = [each.cpu_times() for each in family]
    except psutil.Error:
        return None
    return sum(one.user + one.system for one in times) if times else None


def _counters() -> Iterator[tuple[str, tuple[float, float]]]:
    """Cards by i915's and xe's hwmon, processors by powercap; microjoules in both.

    Linux Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon, sysfs-driver-intel-xe-hwmon,
    sysfs-class-powercap.
    """
    for file in sorted(PCI_DEVICES.glob("*/hwmon/hwmon*/energy1_input")):
        if (value := number(file)) is not None:
            yield f"card {file.parents[2].name}", (value * 1e-6, 0.0)
    for zone in sorted(POWERCAP.glob("intel-rapl:?")):
        if (value := number(zone / "energy_uj")) is not None:
            wraps = number(zone / "max_energy_range_uj") or 0
            yield f"processor {zone.name.rpartition(':')[2]}", (value * 1e-6, wraps * 1e-6)
