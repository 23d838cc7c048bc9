"""Two configurations timed in a new process: ``python -m truetpot.tune.fresh FOLDER``.

The folder has ``order``, and gets ``ready`` when all is prepared, and ``gain``; the timing begins
when there is something on standard input. A kernel may be anyone's, so what it prints is not read,
and a process that ends without a figure is told apart from one that found a fault.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from truetpot.errors import KernelError, UserError
from truetpot.measure.rotation import copies_needed
from truetpot.ops.operator import Case, Operator
from truetpot.ops.registry import Config
from truetpot.runtime.device import Device
from truetpot.runtime.memory import free_bytes
from truetpot.stats import Ratio
from truetpot.tune.subject import Subject

HOST_SHARE = 40
"""Bytes of host memory for each of a case's canonical ones: int4 weights as float32, some times."""
ORDER, READY, GAIN = "order", "ready", "gain"


@dataclass(frozen=True)
class Order:
    """What a process is to time. ``swapped``: the configuration's memory is taken first."""

    subject: Subject
    default: Config
    config: Config
    seconds: float
    swapped: bool
    values: Path
    """What :meth:`truetpot.measure.prepared.PreparedCase.hand_over` wrote of the case."""


class Answer(msgspec.Struct, frozen=True):
    """A gain with its interval within the process, or why there is none."""

    gain: tuple[float, float, float, int] | None = None
    reason: str = ""


def side_by_side(op: Operator, case: Case, device: Device) -> int:
    """How many processes may prepare a case at the same time: as many as a quarter of memory holds.

    One at a time on a CPU, where they would prepare on the cores that another one times.
    """
    if device.kind in ("cpu", "opencl"):
        return 1
    size = max(1, op.bytes(case))
    _, copies = copies_needed(op, case, device)
    of_device, of_host = device.free_bytes() or 0, free_bytes() or 0
    return int(max(1, min(of_device / (4 * copies * size), of_host / (4 * HOST_SHARE * size))))


class _Begun:
    """A process that prepares what it is to time, and waits to be told."""

    def __init__(self, order: Order) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="truetpot-")
        self._path = Path(self._folder.name)
        (self._path / ORDER).write_bytes(pickle.dumps(order))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "truetpot.tune.fresh", self._folder.name],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=os.environ,
        )  # fmt: skip

    def until_ready(self, ends: float) -> None:
        """Until it has prepared, or has ended, or the clock is at ``ends``."""
        ready = self._path / READY
        while self._process.poll() is None and not ready.exists() and time.monotonic() < ends:
            time.sleep(0.02)

    def gain(self, limit_s: float) -> Ratio:
        """Let it time. Raises KernelError where it gives no figure within the limit."""
        try:
            self._process.communicate(b"now", timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise KernelError(f"a new process had no figure after {limit_s:g} s") from None
        try:
            answer = msgspec.json.decode((self._path / GAIN).read_bytes(), type=Answer)
        except (OSError, msgspec.DecodeError):
            code = self._process.returncode
            raise KernelError(f"a new process ended without a figure ({code})") from None
        if answer.gain is None:
            raise KernelError(answer.reason)
        return Ratio(*answer.gain)

    def close(self) -> None:
        """Kill the process, if it still runs, and remove its folder."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


def in_new_processes(orders: Sequence[Order], limit_s: float, at_once: int = 1) -> Iterator[Ratio]:
    """The gain of each order, each from a new process; while one times, all others wait.

    So many ``at_once`` prepare side by side: most of a process's time is that. Raises KernelError
    where one gives no figure within the limit.
    """
    for first in range(0, len(orders), at_once):
        begun: list[_Begun] = []
        try:
            begun.extend(map(_Begun, orders[first : first + at_once]))
            if at_once > 1:
                ends = time.monotonic() + limit_s
                for one in begun:
                    one.until_ready(ends)
            for one in begun:
                yield one.gain(limit_s)
        finally:
            for one in begun:
                one.close()


def _answer(order: Order, on_ready: Callable[[], None] = lambda: None) -> Answer:
    """In the new process; ``on_ready`` is called when all that is left is to time."""
    from truetpot.measure.prepared import PreparedCase
    from truetpot.tune.bench import Bench
    from truetpot.tune.trials import pair

    selection, device = order.subject.find()
    if (kernel := selection.kernel) is None:
        return Answer(reason=selection.reason)
    try:
        first, second = order.default, order.config
        if order.swapped:
            first, second = second, first
        prepared = PreparedCase(kernel.op, order.subject.case, device)
        prepared.take_over(order.values)
        bench = Bench(prepared, kernel, first)
        gain = pair(bench, second, order.seconds, on_ready)
        gain = gain.inverse() if order.swapped else gain
    except (KernelError, UserError) as fault:
        return Answer(reason=str(fault))
    return Answer(gain=(gain.median, gain.low, gain.high, gain.count))


def main(folder: str) -> None:
    """Read the order, write the answer; whole or not at all."""
    path = Path(folder)

    def wait() -> None:
        (path / READY).touch()
        if not sys.stdin.buffer.read(1):  # the one that waits for the figure is no more
            sys.exit(1)

    answer = _answer(pickle.loads((path / ORDER).read_bytes()), wait)
    new = path / f"{GAIN}.new"
    new.write_bytes(msgspec.json.encode(answer))
    new.replace(path / GAIN)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:  # the one that waits for it says so
        sys.exit(130)
