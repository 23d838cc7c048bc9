"""Verdicts on what a container withholds: processor time, shared memory, others' files."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.doctor.container import Container
from truetpot.doctor.files import threshold
from truetpot.doctor.finding import Finding, warn
from truetpot.doctor.machine import Machine


def judge_container(machine: Machine, before: Machine | None = None) -> Iterator[Finding]:
    """Processor time first, which matters to one card too; then what several cards need.

    With `before`, the machine as it was before a measurement, the quota is judged by what it
    withheld during it, else by all since the container began.
    """
    yield from _quota(machine)
    yield from _withheld(machine.container, before.container if before else None)
    if len([card for card in machine.given if card.vendor == "Intel"]) > 1:
        yield from _ranks(machine)


def _quota(machine: Machine) -> Iterator[Finding]:
    inside = machine.container
    quota, allowed = inside.quota_cores, inside.allowed_cores
    if quota is not None and allowed is not None and quota < allowed:
        yield warn(
            "container",
            f"a quota of {quota:g} of the {allowed} cores that this process may run on",
            "more threads than that use the quota up and then all wait for the next period: CPU "
            "kernels and launches vary by whole periods of some 100 ms",
            "set OMP_NUM_THREADS and NUMBA_NUM_THREADS to the quota, or give whole cores: "
            "docker run --cpuset-cpus, in Kubernetes the static CPU manager",
        )


def _withheld(now: Container, before: Container | None) -> Iterator[Finding]:
    throttled, periods = now.throttled or 0, now.periods or 0
    if before is not None:
        throttled, periods = throttled - (before.throttled or 0), periods - (before.periods or 0)
    if throttled > 0:
        during = "" if before is None else ", while this check ran"
        yield warn(
            "container",
            f"the processor was withheld in {throttled:,} of {periods:,} periods of the quota"
            f"{during}",
            "what was timed in these periods holds a wait that has nothing to do with the kernel",
            "lift the quota while you measure, or use fewer threads",
        )


def _ranks(machine: Machine) -> Iterator[Finding]:
    inside = machine.container
    if inside.kind is None:
        return
    if inside.shm_bytes is not None and inside.shm_bytes < threshold("shm_bytes_warn"):
        yield warn(
            "container",
            f"/dev/shm has {inside.shm_bytes >> 20} MiB",
            "ranks of --tp hand each other data through it: oneCCL and NCCL fail or fall back",
            "--ipc=host or --shm-size 1g; in Kubernetes an emptyDir of medium Memory on /dev/shm",
        )
    exchange = machine.environment.get("CCL_ZE_IPC_EXCHANGE", "pidfd")
    if exchange == "pidfd" and inside.takes_files is False:
        yield warn(
            "container",
            "this container may not take open files of another process (no CAP_SYS_PTRACE)",
            "oneCCL's pidfd exchange of device memory, its default, fails or a slower one is taken",
            "--cap-add SYS_PTRACE, or CCL_ZE_IPC_EXCHANGE=sockets, named beside the numbers",
        )
    if exchange == "drmfd" and not inside.by_path:
        yield warn(
            "container",
            "/dev/dri/by-path is not here",
            "oneCCL's drmfd exchange of device memory finds cards by it",
            "-v /dev/dri/by-path:/dev/dri/by-path, or CCL_ZE_IPC_EXCHANGE=sockets",
        )
