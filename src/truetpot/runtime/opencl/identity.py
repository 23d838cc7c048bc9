"""Which physical device this is, and what it can do."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truetpot.files import read_attribute
from truetpot.runtime.opencl import api, platforms
from truetpot.runtime.opencl.target import Target, target_of_ip

if TYPE_CHECKING:
    from truetpot.runtime.opencl.device import OpenClDevice

EXTENSIONS = (
    "cl_khr_fp16",
    "cl_khr_command_buffer",
    "cl_intel_unified_shared_memory",
    "cl_intel_required_subgroup_size",
    "cl_intel_subgroups_short",
    "cl_intel_subgroups_char",
    "cl_intel_subgroup_local_block_io",
    "cl_intel_subgroup_matrix_multiply_accumulate",
    "cl_intel_subgroup_split_matrix_multiply_accumulate",
    "cl_intel_subgroup_2d_block_io",
    "cl_intel_subgroup_buffer_prefetch",
    "cl_intel_bfloat16_conversions",
)
"""Those that decide how a kernel is built or timed."""


def target(device: Any) -> Target:
    """What kernels are built for on this device, asked of it; the card's name where it is known."""
    sizes = api.query(device, api.SUB_GROUP_SIZES_INTEL, 128) or b""
    subgroups = tuple(sorted(struct.unpack(f"{len(sizes) // 8}Q", sizes)))
    dpas = "cl_intel_subgroup_matrix_multiply_accumulate" in device.extensions
    return Target(
        name=_target_name(device),
        subgroups=subgroups,
        dpas=min(subgroups, default=0) if dpas else 0,
        block_io_2d="cl_intel_subgroup_2d_block_io" in device.extensions,
        local_bytes=int(device.local_mem_size),
        units=_units(device),
        half="cl_khr_fp16" in device.extensions,
    )


def identity(device: OpenClDevice) -> dict[str, Any]:
    """For the record; null is what the driver does not tell."""
    cl_device, limits = device.cl_device, device.target
    return {
        "kind": "opencl",
        "name": cl_device.name.strip(),
        "uuid": _uuid(cl_device),
        "pci_address": pci_address(cl_device),
        "driver": cl_device.driver_version,
        "platform": cl_device.platform.name.strip(),
        "opencl": cl_device.version.strip(),
        "target": limits.name,
        "memory_bytes": int(cl_device.global_mem_size),
        "largest_allocation_bytes": device.memory.largest,
        "memory_kind": device.memory.kind,
        "cache_bytes": device.cache_bytes(),
        "local_memory_bytes": limits.local_bytes,
        "units": limits.units,
        "subgroups": list(limits.subgroups),
        "extensions": [name for name in EXTENSIONS if name in cl_device.extensions.split()],
    }


def state(device: Any) -> dict[str, Any]:
    """Clock in MHz of the card's first tile and its warmest sensor, by the i915 or xe driver."""
    address = pci_address(device)
    card = Path("/sys/bus/pci/devices") / address if address else Path("/nonexistent")
    clocks = (*card.glob("drm/card*/gt_act_freq_mhz"), *card.glob("tile0/gt0/freq0/act_freq"))
    celsius = [one / 1000 for one in _numbers(card.glob("hwmon/hwmon*/temp*_input"))]
    return {
        "clock_mhz": next(_numbers(clocks), None),
        "temperature_c": max(celsius, default=None),
    }


def _numbers(files: Iterable[Path]) -> Iterator[int]:
    """Those that are whole numbers; a sensor that is asleep fails when it is read."""
    for file in files:
        with suppress(ValueError):
            yield int(read_attribute(file) or "")


def pci_address(device: Any) -> str | None:
    """``0000:03:00.0`` by cl_khr_pci_bus_info."""
    answer = api.query(device, api.PCI_BUS_INFO_KHR, 16)
    if answer is None or len(answer) != 16:
        return None
    domain, bus, slot, function = struct.unpack("4I", answer)
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _uuid(device: Any) -> str | None:
    answer = api.query(device, api.UUID_KHR, 16)
    return None if answer is None or not any(answer) else answer.hex()


def _target_name(device: Any) -> str:
    answer = api.query(device, api.IP_VERSION_INTEL, 4)
    if answer is not None and (name := target_of_ip(int.from_bytes(answer, "little"))):
        return name
    return "cpu" if device.type & platforms.load().device_type.CPU else "gpu"


def _units(device: Any) -> int:
    """Xe cores of an Intel GPU, whose compute units are vector engines; compute units elsewhere."""
    slices, per_slice = (
        api.query(device, what, 4)
        for what in (api.NUM_SLICES_INTEL, api.NUM_SUB_SLICES_PER_SLICE_INTEL)
    )
    if slices and per_slice and _target_name(device) != "cpu":
        return int.from_bytes(slices, "little") * int.from_bytes(per_slice, "little")
    return int(device.max_compute_units)
