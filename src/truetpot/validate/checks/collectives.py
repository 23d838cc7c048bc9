"""All-reduce by ``torch.distributed`` over all cards, and what happens when a rank is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from truetpot.errors import UserError
from truetpot.records.store import as_line
from truetpot.runtime.host import cores
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting

RANK = "truetpot.validate.rank"
CPU_RANKS = 2
START_S = 120.0
"""Until all ranks have met: a driver and a library are loaded meanwhile."""
END_S = 90.0
"""How long the others have once a rank was killed; then this test ends them, and says so."""
POLL_S = 0.05
OURS = "truetpot: "
"""How a sentence of a rank begins."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """The ranks' readings, and ``seconds until the others end``.

    Raises UserError where ranks cannot work together here, RuntimeError where one fails.
    """
    with tempfile.TemporaryDirectory(prefix="truetpot-") as folder:
        with Ranks(setting, Path(folder), "time") as ranks:
            ranks.wait(START_S + 10 * setting.seconds)
            done = ranks.result()
        tell(done)
        with Ranks(setting, Path(folder), "lose") as ranks:
            ranks.wait_for_start()
            lost = ranks.kill_one()
    readings = [*done.readings, lost]
    return msgspec.structs.replace(done, readings=readings)


class Ranks:
    """A process a card; on a CPU two. All are ended when the block is left."""

    def __init__(self, setting: Setting, folder: Path, what: str) -> None:
        kind = setting.devices[0].partition(":")[0]
        self.size = CPU_RANKS if kind == "cpu" else len(setting.devices)
        self.folder, self.record = folder, folder / f"{what}.json"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._processes = [
            self._start(rank, what, setting, port) for rank in range(self.size)
        ]

    def _start(
        self, rank: int, what: str, setting: Setting, port: int
    ) -> subprocess.Popen[bytes]:
        device = setting.devices[rank] if rank < len(setting.devices) else setting.devices[0]
        words = [what, device, as_line(setting), str(self.record)]
        given = _rank_variables(rank, device, self.size, port)
        err = self._said(rank)
        with err.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", RANK, *words],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env={**os.environ, **given},
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *what: object) -> None:
        for one in self._processes:
            with suppress(ProcessLookupError):
                one.kill()
            one.wait()

    def wait(self, seconds: float) -> None:
        """Wait until all ranks have ended; RuntimeError where one has not after ``seconds``."""
        until = time.monotonic() + seconds
        for rank, one in enumerate(self._processes):
            try:
                code = one.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise RuntimeError(f"rank {rank} is not done after {seconds:.0f} s") from None
            if code:
                self._fail(rank, code)

    def wait_for_start(self) -> None:
        """For a file of each rank, which it makes once it is at work."""
        until = time.monotonic() + START_S
        while not all(self.begun(rank).exists() for rank in range(self.size)):
            for rank, one in enumerate(self._processes):
                if (code := one.poll()) is not None:
                    self._fail(rank, code)
            if time.monotonic() > until:
                raise RuntimeError(f"the ranks have not met after {START_S:.0f} s")
            time.sleep(POLL_S)

    def begun(self, rank: int) -> Path:
        """The file that a rank makes once it has begun."""
        return self.record.with_suffix(f".{rank}")

    def kill_one(self) -> Reading:
        """Kill the last rank; how long the others take to end."""
        self._processes[-1].send_signal(signal.SIGKILL)
        begun = time.monotonic()
        rest = self._processes[:-1]
        while any(one.poll() is None for one in rest) and time.monotonic() - begun < END_S:
            time.sleep(POLL_S)
        hung = [rank for rank, one in enumerate(rest) if one.poll() is None]
        used = time.monotonic() - begun
        note = f"rank {', '.join(map(str, hung))} went on for {END_S:.0f} s" if hung else ""
        return Reading(
            name="seconds until the others end", value=used, unit="s", better="lower", note=note,
            compared=False,
        )  # fmt: skip

    def result(self) -> Measured:
        """The readings that rank 0 left in its file."""
        return msgspec.json.decode(self.record.read_bytes(), type=Measured)

    def _said(self, rank: int) -> Path:
        return self.record.with_suffix(f".{rank}.txt")

    def _fail(self, rank: int, code: int) -> None:
        files = [self._said(one) for one in range(self.size)]
        said = [line for path in files for line in path.read_text(errors="replace").splitlines()]
        ours = [line.removeprefix(OURS) for line in said if line.startswith(OURS)]
        sentence = ours[0] if ours else (said or ["it said nothing"])[-1]
        if code == 2:
            raise UserError(sentence)
        raise RuntimeError(f"rank {rank} ended with {code}: {sentence}")


def _rank_variables(rank: int, device: str, size: int, port: int) -> dict[str, str]:
    """What torchrun tells a worker; its local rank is the index of its card."""
    index = device.partition(":")[2] or str(rank)
    threads = str(max(1, (cores() or 1) // size))
    return {
        "RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": index,
        "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads,
    }  # fmt: skip
