"""What OpenCL sources are compiled for: limits of GPUs, known without any OpenCL installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import read


@dataclass(frozen=True)
class Target:
    """What a source is compiled for: the limits that decide between variants."""

    name: str
    """ocloc's name of a GPU (``acm-g10``, ``bmg-g21``), or ``cpu``."""
    subgroups: tuple[int, ...]
    """Legal sub-group sizes, ascending; empty where kernels cannot ask for one."""
    dpas: int
    """N of the matrix built-ins: 8 (DG2), 16 (Xe2), 0: none, variants are emulated."""
    block_io_2d: bool
    """``cl_intel_subgroup_2d_block_io``."""
    local_bytes: int
    """Local memory a work-group may have."""
    units: int
    """Xe cores of the card, compute units of a CPU."""
    half: bool = True
    """``cl_khr_fp16``: arithmetic in half; loads and stores of it need no extension."""


@cache
def known_targets() -> dict[str, Target]:
    """The GPUs of ``facts/targets.toml``, by ocloc's name."""
    return {
        name: Target(
            name,
            tuple(entry["subgroups"]),
            entry["dpas"],
            entry["block_io_2d"],
            entry["local_bytes"],
            entry["units"],
        )
        for name, entry in read("targets.toml").items()
    }


def target_of_ip(version: int) -> str | None:
    """The name of the GPU with this ``CL_DEVICE_IP_VERSION_INTEL``; None if it is not known.

    The number holds architecture, release and revision in 10, 8 and 14 bits from the top, as
    cl_intel_device_attribute_query says; a name is of an architecture and release.
    """
    which = [version >> 22, version >> 14 & 0xFF]
    for name, entry in read("targets.toml").items():
        if entry["ip"] == which:
            return str(name)
    return None
