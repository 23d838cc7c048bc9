"""A card whose queries can be made to raise: its arrays and kernels are torch's on the CPU."""

import time
from contextlib import nullcontext
from types import SimpleNamespace

import torch

from truetpot.runtime.accelerator import AcceleratorDevice

GIB = 1 << 30
PROPERTIES = {
    "name": "Intel(R) Arc(TM) A770 Graphics",
    "total_memory": 3 * GIB,
    "uuid": "8680a056-0800-0000-0300-000000000000",
    "driver_version": "1.6.33578",
    "device_id": 0x56A0,
    "is_integrated_gpu": False,
    "last_level_cache_size": 16 << 20,
    "local_mem_size": 64 << 10,
    "gpu_eu_count": 512,
    "pci_domain_id": 0,
    "pci_bus_id": 3,
    "pci_device_id": 0,
}
FUNCTIONS = (
    "get_device_properties", "get_device_name", "mem_get_info", "memory_reserved",
    "memory_allocated", "Stream", "graph", "XPUGraph", "Event", "record", "elapsed_time",
)  # fmt: skip
QUERIES = (*FUNCTIONS, *PROPERTIES)


class RefusingCard(AcceleratorDevice):
    """``xpu:0`` whose ``refused`` queries raise ``error``, or give ``empty`` where that is None."""

    def __init__(self, refused, error=None, empty=None):
        self.refused, self.error, self.empty = refused, error, empty
        super().__init__("xpu", 0)
        self.torch = torch.device("cpu")
        self._api = self
        self._graph_type = lambda: self.answer("XPUGraph")
        self.graphs = True
        self.reserved, self.allocated, self.free = GIB // 2, GIB // 4, 2 * GIB

    def answer(self, query, value=None):
        if query in self.refused and self.error is None:
            return self.empty
        if query in self.refused:
            raise self.error(f"{query} is not supported by this device")
        return value

    def get_device_properties(self, _):
        return self.answer("get_device_properties", Properties(self))

    def get_device_name(self, _):
        return self.answer("get_device_name", PROPERTIES["name"])

    def mem_get_info(self, _):
        return self.answer("mem_get_info", (self.free, PROPERTIES["total_memory"]))

    def memory_reserved(self, _):
        return self.answer("memory_reserved", self.reserved)

    def memory_allocated(self, _):
        return self.answer("memory_allocated", self.allocated)

    def Stream(self, device):  # noqa: N802
        return self.answer("Stream", device)

    def _profiled(self, calls):
        raise RuntimeError("this build of torch has no profiler for the device")

    def graph(self, graph, stream):
        self.answer("graph")
        raise RuntimeError("a CPU captures no graph")

    def device(self, _):
        return nullcontext()

    def set_device(self, _):
        """There is one."""

    def use(self):
        """There is one."""

    def synchronize(self, _=None):
        """A CPU is never behind."""

    def event(self, *_, **__):
        """Instead of torch.Event: the host's clock."""
        self.answer("Event")
        stamp = SimpleNamespace(at=None)

        def record():
            self.answer("record")
            stamp.at = time.perf_counter()

        stamp.record = record
        stamp.elapsed_time = lambda last: self.answer("elapsed_time", (last.at - stamp.at) * 1e3)
        return stamp


class Properties:
    """What ``get_device_properties`` gives; reading one may raise."""

    def __init__(self, card):
        self.card = card

    def __getattr__(self, name):
        if name not in PROPERTIES:
            raise AttributeError(name)
        return self.card.answer(name, PROPERTIES[name])
