"""Which physical device this is, and what it can do."""

from __future__ import annotations

import struct
from typing import Any

from truetpot.runtime import sysfs
from truetpot.runtime.ask import told
from truetpot.runtime.opencl import api, platforms
from truetpot.runtime.opencl.memory import Memory
from truetpot.runtime.opencl.target import Target, target_of_ip

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
LEAST_LOCAL_BYTES = 32 << 10
"""What OpenCL guarantees, where the driver does not tell."""


def target(device: Any) -> Target:
    """What kernels are built for on this device, asked of it; the card's name where it is known."""
    sizes = api.query(device, api.SUB_GROUP_SIZES_INTEL, 128) or b""
    count = len(sizes) // 8
    subgroups = tuple(sorted(struct.unpack(f"{count}Q", sizes[: 8 * count])))
    extensions = platforms.extensions(device)
    dpas = "cl_intel_subgroup_matrix_multiply_accumulate" in extensions
    return Target(
        name=_target_name(device),
        subgroups=subgroups,
        dpas=min(subgroups, default=0) if dpas else 0,
        block_io_2d="cl_intel_subgroup_2d_block_io" in extensions,
        local_bytes=int(told(device, "local_mem_size") or LEAST_LOCAL_BYTES),
        units=_units(device),
        half="cl_khr_fp16" in extensions,
    )


def identity(
    cl_device: Any, limits: Target, memory: Memory, cache_bytes: int | None
) -> dict[str, Any]:
    """For the record; null is what the driver does not tell."""
    return {
        "kind": "opencl",
        "name": platforms.name(cl_device),
        "uuid": _uuid(cl_device),
        "pci_address": pci_address(cl_device),
        "integrated": platforms.in_host_memory(cl_device) and platforms.is_kind(cl_device, "gpu"),
        "driver": told(cl_device, "driver_version"),
        "platform": platforms.words(told(cl_device, "platform"), "name"),
        "opencl": platforms.words(cl_device, "version"),
        "target": limits.name,
        "memory_bytes": told(cl_device, "global_mem_size"),
        "largest_allocation_bytes": memory.largest,
        "memory_kind": memory.kind,
        "cache_bytes": cache_bytes,
        "local_memory_bytes": limits.local_bytes,
        "units": limits.units,
        "subgroups": list(limits.subgroups),
        "extensions": [name for name in EXTENSIONS if name in platforms.extensions(cl_device)],
    }


def state(device: Any) -> dict[str, Any]:
    """Clock in MHz of the card's first tile and its warmest sensor, by the i915 or xe driver."""
    return sysfs.card_state(pci_address(device))


def pci_address(device: Any) -> str | None:
    """As ``0000:03:00.0``, by cl_khr_pci_bus_info; None without it."""
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
    return "cpu" if platforms.is_kind(device, "cpu") else "gpu"


def _units(device: Any) -> int:
    """Xe cores of an Intel GPU, whose compute units are vector engines; compute units elsewhere."""
    slices, per_slice = (
        api.query(device, what, 4)
        for what in (api.NUM_SLICES_INTEL, api.NUM_SUB_SLICES_PER_SLICE_INTEL)
    )
    if slices and per_slice and _target_name(device) != "cpu":
        return int.from_bytes(slices, "little") * int.from_bytes(per_slice, "little")
    return int(told(device, "max_compute_units") or 1)
