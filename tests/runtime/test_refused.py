"""Every query of a device may raise: what it would have told is unknown, and a record says so."""

import os

import psutil
import pytest

from tests.runtime.refusing import FUNCTIONS, GIB, PROPERTIES, QUERIES, RefusingCard
from truetpot.runtime import accelerator, host, memory
from truetpot.runtime.cpu import GUESSED_CACHE, CpuDevice
from truetpot.runtime.device import Timing

ERRORS = [RuntimeError, NotImplementedError, AttributeError, OSError]
FIELD = {
    "uuid": "uuid", "driver_version": "driver", "device_id": "pci_device_id",
    "last_level_cache_size": "cache_bytes", "local_mem_size": "local_memory_bytes",
    "gpu_eu_count": "units", "pci_domain_id": "pci_address", "pci_bus_id": "pci_address",
    "pci_device_id": "pci_address", "is_integrated_gpu": "integrated",
}  # fmt: skip
"""What a property becomes in the identity."""


@pytest.fixture
def card(monkeypatch):
    def make(*refused, error=RuntimeError):
        made = RefusingCard(refused, error)
        monkeypatch.setattr(accelerator.torch, "Event", made.event)
        return made

    return make


def test_a_card_that_tells_all(card):
    told = card()
    assert told.notes() == []
    assert None not in told.identity().values()
    assert told.identity()["pci_address"] == "0000:03:00.0"
    assert told.free_bytes() == 2 * GIB + GIB // 4
    assert "torch events" in told.clock().source


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("query", QUERIES)
def test_one_that_is_refused_is_unknown_and_the_others_are_not(card, query, error):
    whole, told = card().identity(), card(query, error=error)
    lost = {FIELD.get(query)} if query != "get_device_properties" else {*FIELD.values()}
    for field, value in told.identity().items():
        assert value == (None if field in lost else whole[field]), field
    assert told.free_bytes() > 0
    assert told.cache_bytes() > 0
    assert set(told.state()) >= {"clock_mhz", "temperature_c"}
    assert told.clock().empty_pair_s >= 0
    assert told.capture([lambda: None]) is None
    calls = []
    timing = told.time_calls([lambda: calls.append(1)] * 3, elapsed=True)
    assert len(calls) == 3
    assert 0 < timing.device_s <= timing.wall_s
    assert isinstance(told.time_replays(lambda: calls.append(1), 2), Timing)


@pytest.mark.parametrize("empty", [None, 0])
@pytest.mark.parametrize("query", [*QUERIES, QUERIES])
def test_an_empty_answer_is_no_answer(monkeypatch, query, empty):
    """A driver may also say nothing, or zero, where another one raises."""
    told = RefusingCard((query,) if isinstance(query, str) else query, empty=empty)
    monkeypatch.setattr(accelerator.torch, "Event", told.event)
    identity = told.identity()
    for field in ("name", "uuid", "driver", "memory_bytes", "cache_bytes"):
        assert identity[field] is None or identity[field], field
    assert str(identity["name"])
    free = told.free_bytes()
    assert free is None or free > 0
    assert told.cache_bytes() > 0
    assert told.notes() is not None and set(told.state()) >= {"clock_mhz"}
    assert told.clock().empty_pair_s >= 0
    assert told.capture([lambda: None]) is None
    timing = told.time_calls([lambda: sum(range(1000))] * 3, elapsed=True)
    assert timing.wall_s > 0 and timing.device_s >= 0


@pytest.mark.parametrize("error", ERRORS)
def test_all_that_are_refused(card, error):
    mute = card(*QUERIES, error=error)
    known = {name: value for name, value in mute.identity().items() if value is not None}
    assert known == {"kind": "xpu", "name": "unknown xpu device"}
    assert mute.free_bytes() is None
    assert set(mute.state().values()) == {None}
    memory_note, cache_note, clock_note = mute.notes()
    assert "how much of its memory is free" in memory_note
    assert "cache" in cache_note
    assert "the host's" in clock_note


def test_free_memory_without_the_drivers_word_is_the_rest_and_said_to_be(card):
    told = card("mem_get_info")
    assert told.free_bytes() == 3 * GIB - GIB // 2 + GIB // 4
    (note,) = told.notes()
    assert note.startswith("torch.xpu.mem_get_info is refused for xpu:0")


def test_free_memory_is_never_what_this_process_holds(card):
    """As a driver has it that does not notice allocations."""
    told = card()
    told.free = PROPERTIES["total_memory"]
    assert told.free_bytes() == 3 * GIB - GIB // 2 + GIB // 4


def test_an_integrated_gpu_has_no_more_than_the_host(card, monkeypatch):
    monkeypatch.setitem(PROPERTIES, "is_integrated_gpu", True)
    monkeypatch.setattr(memory, "free_bytes", lambda: GIB)
    assert card("mem_get_info").free_bytes() == GIB + GIB // 4


@pytest.mark.parametrize("part", ["domain", "bus", "device"])
def test_an_address_is_whole_or_not_at_all(card, part):
    assert card(f"pci_{part}_id").identity()["pci_address"] is None


@pytest.mark.parametrize("query", ["Event", "record", "elapsed_time"])
def test_without_events_times_are_the_hosts_and_said_to_be(card, query):
    told = card(query)
    timing = told.time_calls([lambda: sum(range(10_000))] * 3, elapsed=True)
    assert timing.device_s == timing.wall_s
    assert told.clock().source.startswith("host monotonic clock")
    assert told.notes() == [
        "xpu:0 refuses to time events: its times are the host's, launches included"
    ]


def test_every_query_of_the_card_is_in_the_list():
    """A query that the list lacks is a query that no test refuses."""
    asked = set()

    class Watched(RefusingCard):
        def answer(self, query, value=None):
            asked.add(query)
            return super().answer(query, value)

    watched = Watched((), RuntimeError)
    watched.identity(), watched.free_bytes(), watched.notes(), watched.capture([])
    assert asked <= {*QUERIES}
    assert {*PROPERTIES} | {*FUNCTIONS[:5]} - {"get_device_name"} <= asked | {"Stream"}


def refuse(error):
    def query(*_, **__):
        raise error("not permitted here")

    return query


HOST = [
    (os, "sched_getaffinity"),
    (os, "getloadavg"),
    (psutil, "virtual_memory"),
    (psutil, "sensors_temperatures"),
    (psutil, "cpu_percent"),
]


@pytest.mark.parametrize("error", [OSError, AttributeError, NotImplementedError, ValueError])
@pytest.mark.parametrize(("module", "name"), HOST, ids=[name for _, name in HOST])
def test_the_host_may_refuse_too(monkeypatch, module, name, error):
    from truetpot.runs.setting import doubts

    monkeypatch.setattr(module, name, refuse(error), raising=False)
    device = CpuDevice()
    assert device.identity()["cores"] > 0
    assert "temperature_c" in device.state()
    assert device.free_bytes() > 1 << 20
    assert isinstance(doubts(device), list)


def test_a_host_that_shows_nothing(monkeypatch, tmp_path):
    """As in a container without /proc and /sys."""
    monkeypatch.setattr(host, "CPU0", tmp_path / "sys" / "cpu0")
    monkeypatch.setattr(os, "sysconf", refuse(ValueError))
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    for module, name in HOST:
        monkeypatch.setattr(module, name, refuse(OSError))
    monkeypatch.setattr(memory, "read_memory_limit", lambda: None)
    device = CpuDevice()
    assert device.identity()["cores"] is None
    assert device.identity()["cache_bytes"] is None
    assert device.cache_bytes() == GUESSED_CACHE
    assert device.free_bytes() is None
    assert set(device.state().values()) == {None}
    assert len(device.notes()) == 2


def test_files_that_are_listed_and_cannot_be_read(monkeypatch, tmp_path):
    cpu = tmp_path / "cpu0"
    (cpu / "cpufreq").mkdir(parents=True)
    (cpu / "cpufreq" / "scaling_cur_freq").write_text("<unknown>\n")
    (cpu / "cpufreq" / "scaling_governor").mkdir()
    (cpu / "cache" / "index0").mkdir(parents=True)
    (cpu / "cache" / "index0" / "size").mkdir()
    monkeypatch.setattr(host, "CPU0", cpu)
    assert host.cache_bytes() is None
    assert host.state()["clock_mhz"] is None
    assert host.state()["governor"] is None
