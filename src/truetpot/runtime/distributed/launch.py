"""Start the ranks on this machine by torch's elastic launcher, and say how it went.

Each rank is this very command again, with the environment that ``torchrun`` gives a worker.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from truetpot.errors import ReportedError, UserError
from truetpot.exits import ExitCode
from truetpot.runtime.ask import ask
from truetpot.runtime.host import cores

SIGNALS = "SIGTERM,SIGINT,SIGQUIT"
SHUTDOWN_S = 6
"""How long ranks have to end once one has failed; then they are killed."""


def device_count(kind: str) -> int:
    """``xpu`` or ``cuda`` devices that torch sees on this machine."""
    import torch

    api = getattr(torch, kind)
    return ask(lambda: int(api.device_count()) if api.is_available() else 0) or 0


def check_devices(kind: str, ranks: int) -> None:
    """Raise UserError if there are fewer devices than ranks; a CPU is shared by any number."""
    if kind != "cpu" and ranks > (there := device_count(kind)):
        devices = f"{there} {kind} device{'' if there == 1 else 's'}"
        raise UserError(
            f"{ranks} ranks need {ranks} {kind} devices on this machine and it has {devices}; "
            "give fewer ranks, or start them on several machines with torchrun."
        )


def launch(ranks: int, arguments: Sequence[str]) -> int:
    """Run ``python -m truetpot <arguments>`` as so many ranks; the exit code of all of them.

    Raises UserError with the sentence of the first rank that failed.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = str(SHUTDOWN_S)
    os.environ["TRUETPOT_LAUNCHED"] = "1"
    threads = str(max(1, (cores() or 1) // ranks))
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, threads)
    for name in logging.root.manager.loggerDict:  # what they have to say is said in one sentence
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="truetpot-") as logs:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=ranks,
            run_id=str(os.getpid()),
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
            **_signals(),
        )
        try:
            elastic_launch(config, sys.executable)("-m", "truetpot", *arguments)
        except ChildFailedError as error:
            return _failed(error)
        except SignalException as caught:
            return 128 + int(caught.sigval)
    return 0


def _signals() -> dict[str, Any]:
    """Which signals end all ranks: not SIGHUP under ``nohup``, which torch does not look at."""
    from torch.distributed.launcher.api import LaunchConfig

    known = any(field.name == "signals_to_handle" for field in fields(LaunchConfig))
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return {"signals_to_handle": SIGNALS} if known and ignored else {}


def _failed(error: Any) -> int:
    """The code that the ranks ended with on purpose. Raises UserError where one failed.

    ReportedError where it did by a fault of our own.
    """
    failures = error.failures
    told = [f.message for f in failures.values() if isinstance(f.message, dict)]
    if known := [one for one in told if not one.get("signalled")]:
        first_told = min(known, key=_time)
        kind = ReportedError if first_told.get("code") == ExitCode.CRASH else UserError
        raise kind(str(first_told["message"]))
    rank, first = min(failures.items(), key=lambda item: item[1].exitcode)
    if first.exitcode < 0:
        raise UserError(
            f"rank {rank} (process {first.pid}) was killed by {first.signal_name()}; the other "
            "ranks were ended."
        )
    if told:
        raise UserError(str(told[0]["message"]))
    return int(first.exitcode)


def _time(message: dict[str, Any]) -> int:
    return int(message["extraInfo"]["timestamp"])
