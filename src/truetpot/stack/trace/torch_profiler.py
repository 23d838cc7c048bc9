"""torch.profiler (Kineto), on CUDA, ROCm and XPU.

CUDA's events are those of real traces. XPU's arguments are those that pytorch/kineto's
libkineto/src/plugin/xpupti/XpuptiActivityHandlers.cpp@014433b writes: ``device``, ``sycl queue``,
``l0 queue`` and ``correlation`` where CUDA has ``stream`` and ``grid``. Its ``xccl::`` ranges are
the host's and no kernels.
"""

from __future__ import annotations

import re
from typing import Any

from truetpot.stack.trace.chrome import Handler, Walk, arguments, as_grid
from truetpot.stack.trace.matmul import gemm_of
from truetpot.stack.trace.model import NONE, Work
from truetpot.stack.trace.values import identity, text, whole

_LEVEL_ZERO = re.compile(r"(ze|zes|ur|cl)[A-Z]")


def _work(kind: Work) -> Handler:
    def add(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
        args = arguments(event)
        queue = args.get("stream", args.get("sycl queue", args.get("l0 queue", event.get("tid"))))
        if "sycl queue" in args or "l0 queue" in args or "appended" in args:
            walk.sources.add("XPU")
        walk.builder.add(
            text(event.get("name")) or "(no name)",
            duration,
            start,
            work=kind,
            device=max(0, whole(args.get("device"), 0)),
            stream=identity(queue),
            launch=whole(args.get("correlation")),
            external=whole(args.get("External id")),
            grid=as_grid(args.get("grid")),
        )

    return add


def _call(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
    walk.call(text(event.get("name")), whole(arguments(event).get("correlation")), start)


def _xpu_call(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
    walk.sources.add("XPU")
    _call(walk, event, start, duration)


def _cuda_call(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
    walk.sources.add("HIP" if text(event.get("name")).startswith("hip") else "CUDA")
    _call(walk, event, start, duration)


def _operator(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
    args, name = arguments(event), text(event.get("name"))
    if _LEVEL_ZERO.match(name):  # unitrace has the same category for the host's calls
        walk.call(name, NONE, start)  # which kernel a call launches is an arrow of its own
        return
    walk.host_ops += 1
    walk.builder.operator(whole(args.get("External id")), name, gemm_of(name, args))


def _mark(on_device: bool) -> Handler:
    def add(walk: Walk, event: dict[str, Any], start: float, duration: float) -> None:
        walk.mark(text(event.get("name")), start, duration, on_device)

    return add


HANDLERS: dict[str, Handler] = {
    "kernel": _work(Work.KERNEL),
    "Kernel": _work(Work.KERNEL),
    "gpu_memcpy": _work(Work.COPY),
    "Memcpy": _work(Work.COPY),
    "gpu_memset": _work(Work.FILL),
    "Memset": _work(Work.FILL),
    "cuda_runtime": _cuda_call,
    "cuda_driver": _cuda_call,
    "Runtime": _cuda_call,
    "xpu_runtime": _xpu_call,
    "xpu_driver": _xpu_call,
    "cpu_op": _operator,
    "Operator": _operator,
    "user_annotation": _mark(False),
    "gpu_user_annotation": _mark(True),
}


def properties(walk: Walk, value: Any) -> None:
    """``deviceProperties``: the names of the devices."""
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and (name := text(one.get("name"))):
            walk.devices[max(0, whole(one.get("id"), len(walk.devices)))] = name


def distributed(walk: Walk, value: Any) -> None:
    """``distributedInfo``: which rank of how many this is."""
    if isinstance(value, dict):
        rank, ranks = whole(value.get("rank")), whole(value.get("world_size"))
        if 0 <= rank < ranks:
            walk.rank, walk.ranks = rank, ranks


BESIDE = {"deviceProperties": properties, "distributedInfo": distributed}


def title(walk: Walk) -> str:
    """The format in words: ``torch.profiler, XPU``."""
    return ", ".join(["torch.profiler", *sorted(walk.sources)])
