"""Two configurations timed in a new process: ``python -m truetpot.tune.fresh FOLDER``.

The folder has ``order``, and gets ``gain``: a kernel may be anyone's, so what it prints is not
read, and a process that ends without a figure is told apart from one that found a fault.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from truetpot.errors import KernelError, UserError
from truetpot.ops.registry import Config
from truetpot.stats import Ratio
from truetpot.tune.subject import Subject

ORDER, GAIN = "order", "gain"


@dataclass(frozen=True)
class Order:
    """What a process is to time. ``swapped``: the configuration's memory is taken first."""

    subject: Subject
    default: Config
    config: Config
    seconds: float
    swapped: bool


class Answer(msgspec.Struct, frozen=True):
    """A gain with its interval within the process, or why there is none."""

    gain: tuple[float, float, float, int] | None = None
    reason: str = ""


def in_new_process(order: Order, limit_s: float) -> Ratio:
    """The gain, from a new process. Raises KernelError where it gives none within the limit."""
    with tempfile.TemporaryDirectory(prefix="truetpot-") as folder:
        place = Path(folder)
        (place / ORDER).write_bytes(pickle.dumps(order))
        command = [sys.executable, "-m", "truetpot.tune.fresh", folder]
        try:
            done = subprocess.run(
                command, timeout=limit_s, check=False, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, env=os.environ,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise KernelError(f"a new process had no figure after {limit_s:g} s") from None
        try:
            answer = msgspec.json.decode((place / GAIN).read_bytes(), type=Answer)
        except (OSError, msgspec.DecodeError):
            raise KernelError(f"a new process ended without a figure ({done.returncode})") from None
    if answer.gain is None:
        raise KernelError(answer.reason)
    return Ratio(*answer.gain)


def _answer(order: Order) -> Answer:
    """In the new process."""
    from truetpot.tune.bench import Bench
    from truetpot.tune.trials import pair

    kernel, device = order.subject.find()
    try:
        if isinstance(kernel, str):
            return Answer(reason=str(kernel))
        first, second = order.default, order.config
        if order.swapped:
            first, second = second, first
        gain = pair(Bench(kernel, order.subject.case, device, first), second, order.seconds)
        gain = gain.inverse() if order.swapped else gain
    except (KernelError, UserError) as fault:
        return Answer(reason=str(fault))
    return Answer(gain=(gain.median, gain.low, gain.high, gain.count))


def main(folder: str) -> None:
    """Read the order, write the answer; whole or not at all."""
    place = Path(folder)
    answer = _answer(pickle.loads((place / ORDER).read_bytes()))
    new = place / f"{GAIN}.new"
    new.write_bytes(msgspec.json.encode(answer))
    new.replace(place / GAIN)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:  # the one that waits for it says so
        sys.exit(130)
