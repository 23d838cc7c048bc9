"""Configurations compiled and not run: ``python -m truetpot.tune.compiling FD``.

A pipe says what to compile, for one search after another. The result stays in the caches on disk:
of OpenCL programs truetpot's own, of Triton kernels Triton's. Nothing is timed, and nothing is
decided: what fails here, the trial of that configuration will see for itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from truetpot.measure.check import prepare
from truetpot.measure.prepared import PreparedCase
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config, Kernel
from truetpot.runtime.device import Device
from truetpot.runtime.running import die_with_parent
from truetpot.tune.subject import Subject

COMPILED, FAILED = b"compiled", b"failed"
CONTEXT_BYTES = 512 << 20
"""Of a card's memory, assumed for a process that has no array yet; not measured on an Arc card."""


def processes(kernel: type[Kernel], case: Case, device: Device, most: int) -> int:
    """How many may compile for a search; 0 where other processes gain nothing.

    Not for numba's functions on a CPU: their first call compiles them, once for most
    configurations. Together the processes take a quarter of the free memory at most.
    """
    if kernel.compile is Kernel.compile and device.kind not in ("cuda", "xpu"):
        return 0
    free = device.free_bytes()
    each = CONTEXT_BYTES + (kernel.op.bytes(case) if kernel.compile is Kernel.compile else 0)
    return most if free is None else min(most, free // 4 // each)


def compile_only(kernel: Kernel, prepared: PreparedCase) -> None:
    """Compile what a call needs; on inputs where only a call tells, and then nothing is launched.

    What is no Triton kernel in such a call runs.
    """
    if kernel.compile():
        return
    with _triton_launches_nothing():
        kernel(**prepare(kernel, prepared.inputs))
        kernel.device.synchronize()


@contextmanager
def _triton_launches_nothing() -> Iterator[None]:
    module = sys.modules.get("triton.runtime.jit")
    if module is None:
        yield
        return
    function: Any = module.JITFunction
    run = function.run

    def compiled(self: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> Any:
        return run(self, *args, grid=grid, warmup=True, **options)

    function.run = compiled
    try:
        yield
    finally:
        function.run = run


def _compiler(subject: Subject) -> Callable[[Config], None]:
    selection, device = subject.find()
    kernel = selection.required
    device.use()
    prepared = PreparedCase(kernel.op, subject.case, device)

    def compile_one(config: Config) -> None:
        made = kernel(subject.case, device, **config)
        made.given = config
        compile_only(made, prepared)

    return compile_one


def main(connection: Connection) -> None:
    """A subject and a configuration come, and are answered: whether it was compiled."""
    subject: Subject | None = None
    compile_one: Callable[[Config], None] | None = None
    while True:
        asked, config = connection.recv()
        try:
            if asked != subject or compile_one is None:
                compile_one = None  # its inputs go before the next ones are made
                subject, compile_one = asked, _compiler(asked)
            compile_one(config)
        except Exception:  # noqa: BLE001
            connection.send_bytes(FAILED)  # a compiler may raise anything
        else:
            connection.send_bytes(COMPILED)


if __name__ == "__main__":
    die_with_parent()
    try:
        main(Connection(int(sys.argv[1])))
    except EOFError:  # the search is over
        sys.exit(0)
