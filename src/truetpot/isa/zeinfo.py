"""What the compiler says about a kernel: the ``.ze_info`` section of its binary, which is YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truetpot.errors import UserError

try:
    import yaml
except ImportError as error:
    raise UserError(
        "Machine code is inspected with PyYAML: pip install 'truetpot[isa]'."
    ) from error


@dataclass(frozen=True)
class KernelInfo:
    """One kernel's entry."""

    simd: int
    grf: int
    """Registers of a thread."""
    spill_bytes: int
    """Of a hardware thread, as the compiler gives it."""
    private_bytes: int
    """Of a work-item: arrays that found no registers."""
    slm_bytes: int
    barriers: int
    has_calls: bool
    skip: int
    """Byte address of the code behind the load of what differs from thread to thread."""
    inline_bytes: int
    """Of the arguments, already in a register when a thread starts."""
    pointers: Mapping[int, str]
    """Names of the pointer arguments, by where they lie among the arguments in memory."""
    surfaces: Mapping[int, str]
    """Names of the pointer arguments, by binding table index."""


def read_info(text: str, kernel: str) -> KernelInfo:
    """The entry of a kernel. Raises UserError where the section has none."""
    info = yaml.safe_load(text)
    entry = _named(info.get("kernels"), kernel)
    if entry is None:
        raise UserError(f"The compiler's .ze_info has no kernel {kernel}; check the entry point.")
    env = entry["execution_env"]
    names = {
        arg["index"]: str(arg["name"])
        for arg in (_named(info.get("kernels_misc_info"), kernel) or {}).get("args_info", [])
    }
    buffers = entry.get("per_thread_memory_buffers") or []
    return KernelInfo(
        simd=env["simd_size"],
        grf=env["grf_count"],
        spill_bytes=env.get("spill_size", 0),
        private_bytes=sum(b["size"] for b in buffers if b.get("usage") == "private_space"),
        slm_bytes=env.get("slm_size", 0),
        barriers=env.get("barrier_count", 0),
        has_calls=bool(env.get("has_stack_calls")),
        skip=env.get("offset_to_skip_per_thread_data_load", 0),
        inline_bytes=env.get("inline_data_payload_size", 0),
        pointers={
            arg["offset"]: names.get(arg["arg_index"], f"arg{arg['arg_index']}")
            for arg in entry.get("payload_arguments") or []
            if arg["arg_type"] == "arg_bypointer" and arg["size"]
        },
        surfaces={
            one["bti_value"]: names.get(one["arg_index"], f"arg{one['arg_index']}")
            for one in entry.get("binding_table_indices") or []
        },
    )


def _named(entries: list[Any] | None, name: str) -> dict[str, Any] | None:
    return next((entry for entry in entries or [] if entry["name"] == name), None)
