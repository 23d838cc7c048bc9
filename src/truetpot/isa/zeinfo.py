"""What the compiler says about a kernel: the ``.ze_info`` section of its binary, which is YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from truetpot.errors import UserError

try:
    import yaml
    from yaml import YAMLError
except ImportError as error:
    raise UserError(
        "Machine code is inspected with PyYAML: pip install 'truetpot[isa]'."
    ) from error


__all__ = ["Argument", "KernelInfo", "YAMLError", "read_info"]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe one, in C where PyYAML has it: ten times as fast on an image with many kernels."""
_SPILLS = ("single_space", "spill_fill_space")
"""Usages of a thread's scratch that hold what found no register, by older and newer compilers."""


@dataclass(frozen=True)
class Argument:
    """Where something that a thread is started with lies among the arguments in memory."""

    kind: str
    """``arg_byvalue``, ``arg_bypointer``, ``local_size`` and the like, as the compiler names it."""
    offset: int
    size: int
    """Bytes; a pointer that is a surface alone has none."""
    index: int | None = None
    """Of the argument in the source."""
    mode: str = ""
    """Of a pointer: ``stateless`` (an address), ``stateful``, ``bindless`` (a surface), ``slm``."""


@dataclass(frozen=True)
class KernelInfo:
    """What the image's ZEInfo section says of one kernel."""

    simd: int
    grf: int
    """Registers of a thread."""
    spill_bytes: int
    """Of a hardware thread: by ``spill_size`` where the compiler gives that, else its scratch."""
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
    arguments: tuple[Argument, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    """Of the arguments, by their index."""


def read_info(text: str, kernel: str) -> KernelInfo:
    """The entry of a kernel. Raises UserError where the section has none."""
    info = yaml.load(text, Loader=_LOADER)
    entry = _named(info.get("kernels"), kernel)
    if entry is None:
        raise UserError(f"The compiler's .ze_info has no kernel {kernel}; check the entry point.")
    env = entry["execution_env"]
    names = {
        arg["index"]: str(arg["name"])
        for arg in (_named(info.get("kernels_misc_info"), kernel) or {}).get("args_info", [])
        if "name" in arg  # SYCL's have none
    }
    buffers = entry.get("per_thread_memory_buffers") or []
    return KernelInfo(
        simd=env["simd_size"],
        grf=env["grf_count"],
        spill_bytes=env.get("spill_size")
        or sum(
            b["size"] for b in buffers if b.get("type") == "scratch" and b.get("usage") in _SPILLS
        ),
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
        arguments=tuple(
            Argument(
                arg["arg_type"],
                arg["offset"],
                arg["size"],
                arg.get("arg_index"),
                arg.get("addrmode", ""),
            )
            for arg in entry.get("payload_arguments") or []
        ),
        names=names,
    )


def _named(entries: list[Any] | None, name: str) -> dict[str, Any] | None:
    return next((entry for entry in entries or [] if entry["name"] == name), None)
