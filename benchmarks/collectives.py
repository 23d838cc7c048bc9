"""Collectives between ranks of this machine, eager: what a step's communication is made of.

The ranks run ``truetpot kernels --op ...`` as anyone can, and this reads their record.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from truetpot.errors import UserError
from truetpot.ops import ALL_GATHER, ALL_REDUCE, ALL_REDUCE_RMS_NORM, BEST_OF_RANKS, LOCAL_BEST
from truetpot.ops.registry import REGISTRY
from truetpot.records.collectives import CollectiveRow, CollectivesRecord
from truetpot.records.store import read_record
from truetpot.records.words import KernelStatus
from truetpot.runtime.distributed.launch import check_devices
from truetpot.stats import Submitted

from . import common

KIB = 1 << 10
SIZES = {
    "default": ("0 B", "10 KiB", "64 KiB", "1 MiB", "64 MiB"),
    "small": ("1792 B",),
}
ROW = {"default": "10 KiB", "small": "1792 B"}
"""A row of the model's hidden size: what is summed after o and down."""
SMALL = common.SIZE.name == "small"
RANKS = [2] if SMALL else [2, 4]


class _Collective:
    version = "2"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "ranks", "payload")

    def track_device_time(self, device, provider, ranks, payload):
        """Seconds of one call on the slowest rank."""
        kind = device.partition(":")[0]
        kernels = REGISTRY.kernels(self.op.name, provider)
        if not any(common.runs_on(kind, kernel.devices) for kernel in kernels):
            common.skip(f"{provider} has no {self.op.name} kernel for {kind}")
        try:
            check_devices(kind, ranks)
        except UserError as error:
            common.skip(str(error))
        found = [
            result
            for result in _measured(self.op.name, kind, ranks, SMALL)
            if result.provider == provider
            and result.payload_bytes == _nbytes(payload)
            and result.submitted is Submitted.EAGER
        ]
        if not found:
            common.skip(f"{provider} {self.op.name} has no case of {payload}")
        result = found[-1]
        if result.status is KernelStatus.SKIPPED:
            common.skip(result.reason)
        if result.status is not KernelStatus.OK:
            what = f"{provider} {self.op.name}"
            raise RuntimeError(f"{what} is {result.status}: {result.reason}")
        slowest = max(result.samples_s, key=np.median)
        return common.samples(slowest)

    track_device_time.rounds = common.ROUNDS


@common.offered
class AllReduce(_Collective):
    """The sum of every rank's part, which may be used up, as after o and down."""

    op = ALL_REDUCE
    params = (
        [common.DEVICE],
        common.providers("all_reduce"),
        RANKS,
        list(SIZES["small" if SMALL else "default"]),
    )


@common.offered
class AllGather(_Collective):
    """Every rank's part, as of the head's best logits."""

    op = ALL_GATHER
    params = (
        [common.DEVICE],
        common.providers("all_gather"),
        RANKS,
        ["64 KiB"] if SMALL else ["64 KiB", "1 MiB"],
    )


@common.offered
class AllReduceRmsNorm(_Collective):
    """The sum, the residual's add and the norm in one kernel, as after o and down."""

    op = ALL_REDUCE_RMS_NORM
    params = (
        [common.DEVICE],
        common.providers("all_reduce_rms_norm"),
        RANKS,
        [ROW["small" if SMALL else "default"]],
    )


class _OfOneRank:
    version = "2"
    unit = "seconds"
    timeout = 600
    param_names = ("device", "provider")

    def track_device_time(self, device, provider):
        """Seconds of one call."""
        case = next(case for case in self.op.grid() if case.m == 1)
        return common.kernel_time(self.op, case, provider, device)

    track_device_time.rounds = common.ROUNDS


@common.offered
class LocalBest(_OfOneRank):
    """A rank's best logit, for the others."""

    op = LOCAL_BEST
    params = ([common.DEVICE], common.providers("local_best"))


@common.offered
class BestOfRanks(_OfOneRank):
    """The best of all ranks' best."""

    op = BEST_OF_RANKS
    params = ([common.DEVICE], common.providers("best_of_ranks"))


@cache
def _measured(op: str, kind: str, ranks: int, small: bool) -> list[CollectiveRow]:
    """The results of one run of all sizes, which one process of ASV's makes once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "collectives.json"
        command = ["kernels", "--op", op, "--tp", ranks, "--device", kind, "--samples"]
        command += ["--seconds", common.SECONDS, "--json", file, *(["--small"] if small else [])]
        done = subprocess.run(
            [sys.executable, "-m", "truetpot", *map(str, command)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            common.skip(done.stderr.strip().splitlines()[-1])
        return read_record(file, CollectivesRecord, "a record of truetpot kernels --json").results


def _nbytes(payload: str) -> int:
    """``10 KiB`` in bytes."""
    count, unit = payload.split()
    return int(count) * {"B": 1, "KiB": KIB, "MiB": KIB * KIB}[unit]
