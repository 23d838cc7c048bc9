"""Which rank of how many this process is, as its launcher says it in environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from truetpot.errors import UserError

PORT = 29500
"""Where the ranks meet unless MASTER_PORT says otherwise: torch's own default."""


@dataclass(frozen=True)
class Placement:
    """One rank. ``address`` and ``port`` are where rank 0, or the launcher, can be met."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    launcher: str
    address: str
    port: int


@dataclass(frozen=True)
class _Launcher:
    """The variables by which a launcher tells a process its placement."""

    name: str
    rank: str
    size: str
    local_rank: str
    local_size: str


_LAUNCHERS = (
    _Launcher("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
    _Launcher(
        "Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    _Launcher("Intel MPI or MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    # A batch script has SLURM_PROCID too; only what srun starts has the step's variables.
    _Launcher(
        "srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID",
        "SLURM_STEP_TASKS_PER_NODE",
    ),
)  # fmt: skip


def find_placement(environment: Mapping[str, str] | None = None) -> Placement | None:
    """This process's placement; None if no launcher started it, or it started this process alone.

    Raises UserError where several machines take part and nothing says where rank 0 is.
    """
    given = os.environ if environment is None else environment
    for launcher in _LAUNCHERS:
        size = _number(given, launcher.size)
        if size is None or size < 2 or launcher.rank not in given:
            continue
        rank = _number(given, launcher.rank)
        if rank is None or rank >= size:
            raise UserError(
                f"{launcher.rank}={given[launcher.rank]!r} is no rank of {launcher.size}={size}; "
                "start the ranks anew."
            )
        # one machine, where the launcher says nothing of machines
        local_rank = _number(given, launcher.local_rank)
        local_size = _number(given, launcher.local_size) or size
        return Placement(
            rank,
            size,
            rank if local_rank is None else local_rank,
            local_size,
            launcher.name,
            _address(given, launcher.name, several=local_size < size),
            _port(given),
        )
    return None


def _address(given: Mapping[str, str], launcher: str, several: bool) -> str:
    if address := given.get("MASTER_ADDR"):
        return address
    if not several:
        return "127.0.0.1"
    if nodes := given.get("SLURM_STEP_NODELIST") or given.get("SLURM_JOB_NODELIST"):
        return _first_node(nodes)
    raise UserError(
        f"{launcher} started ranks on several machines: set MASTER_ADDR to the name of the one "
        "that has rank 0."
    )


def _first_node(nodes: str) -> str:
    """``arc[03-05,7],b`` begins with arc03."""
    match = re.match(r"([^,\[]+)(?:\[(\w+)[^\]]*\]([^,]*))?", nodes)
    if match is None:
        raise UserError(f"The node list {nodes!r} of Slurm is not understood: set MASTER_ADDR.")
    return match[1] + (match[2] or "") + (match[3] or "")


def _port(given: Mapping[str, str]) -> int:
    port = _number(given, "MASTER_PORT")
    if port is None:
        return PORT
    if not 0 < port < 1 << 16:
        raise UserError(f"MASTER_PORT={port} is no port; set it to a free one from 1 to 65535.")
    return port


def _number(given: Mapping[str, str], name: str) -> int | None:
    """A variable's leading number (Slurm writes ``4(x2)`` for four tasks on each of two nodes)."""
    text = given.get(name, "")
    if not text:
        return None
    match = re.match(r"\d{1,9}(?!\d)", text)
    if match is None:
        raise UserError(f"{name}={text!r} is not a number; start the ranks anew.")
    return int(match[0])
