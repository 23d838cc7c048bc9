"""One kernel, called so many times and nothing else, and what is known of its launches.

Nothing is timed and nothing checked: a profiler would see that too. What is launched is told by who
launches it. OpenCL kernels know their entry points; Triton's launches are looked at on their way;
numba's functions have names. Of a library's kernels nothing is known here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.measure.check import prepare
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import Case
from truetpot.ops.guard import guarded, who
from truetpot.ops.registry import Kernel
from truetpot.ops.tuned import Choice
from truetpot.records.launch import LaunchRow
from truetpot.records.words import Cache
from truetpot.runtime.device import Device


@dataclass(frozen=True)
class Launched:
    """What was called, and how."""

    kernel: Kernel
    launches: list[LaunchRow]
    """Of the first call."""
    calls: int
    copies: int
    cache: Cache


def launch(
    kernel: type[Kernel], case: Case, device: Device, choice: Choice, calls: int
) -> Launched:
    """Make the kernel, call it ``calls`` times, each time on the next copy of its inputs, and wait.

    Copies are as many as keep the inputs out of the caches, or one a call if that is fewer. Raises
    UserError where they do not fit, KernelError where the kernel raises.
    """
    prepared = PreparedCase(kernel.op, case, device)
    rotation = prepared.rotation()
    copies = min(rotation.copies, calls)
    if rotation.reason and calls > rotation.copies:
        raise UserError(f"{rotation.reason[0].upper()}{rotation.reason[1:]}, or a --repeat of 1.")
    with guarded(who=who(kernel, case, choice.config)):
        made = kernel.with_choice(case, device, choice)
    args = [prepare(made, prepared.inputs) for _ in range(copies)]
    with guarded(who=who(made)):
        with _triton_launches() as seen:
            made(**args[0])
        for i in range(1, calls):
            made(**args[i % copies])
        device.synchronize()
        rows = [*made.launches()] or seen or _numba_launches(made)
    return Launched(made, rows, calls, copies, rotation.cache)


@contextmanager
def _triton_launches() -> Iterator[list[LaunchRow]]:
    """What Triton launches within it."""
    found: list[LaunchRow] = []
    module = sys.modules.get("triton.runtime.jit")
    if module is None:
        yield found
        return
    function: Any = module.JITFunction
    run: Callable[..., Any] = function.run

    def noted(self: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> Any:
        compiled = run(self, *args, grid=grid, warmup=warmup, **options)
        if compiled is not None:
            found.append(_of_triton(compiled, grid))
        return compiled

    function.run = noted
    try:
        yield found
    finally:
        function.run = run


def _of_triton(compiled: Any, grid: Any) -> LaunchRow:
    """``grid`` may be a function of the parameters, whose value is not known here."""
    told = compiled.metadata
    warp = getattr(told, "threads_per_warp", None) or told.target.warp_size
    threads = told.num_warps * warp
    programs = None if callable(grid) else [*grid, 1, 1][:3]
    options = [f"num_warps={told.num_warps}", f"num_stages={told.num_stages}"]
    if flags := getattr(told, "build_flags", ""):
        options += str(flags).split()
    files = [Path(path) for path in compiled.metadata_group.values()]
    binary = next((path for path in files if path.suffix in (".cubin", ".hsaco", ".zebin")), None)
    binary = binary or next((path for path in files if path.suffix == ".spv"), None)
    return LaunchRow(
        entry_point=told.name,
        global_size=None if programs is None else [programs[0] * threads, *programs[1:]],
        local_size=[threads, 1, 1],
        options=options,
        binary=None if binary is None else str(binary),
        note=f"{told.shared} bytes of shared memory",
    )


def _numba_launches(kernel: Kernel) -> list[LaunchRow]:
    """Of a kernel whose ``run`` numba compiled."""
    overloads = getattr(getattr(kernel, "run", None), "overloads", None)
    if not overloads:
        return []
    from numba import get_num_threads

    compiled = next(iter(overloads.values()))
    options = [f"{name}={value}" for name, value in kernel.run.targetoptions.items()]  # type: ignore[attr-defined]
    return [
        LaunchRow(
            entry_point=compiled.fndesc.llvm_func_name,
            global_size=[get_num_threads()],
            options=options,
            note="threads of the CPU; compiled in this process and kept nowhere: set "
            "NUMBA_ENABLE_PROFILING=1 for a profiler to know its name",
        )
    ]
