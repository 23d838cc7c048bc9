"""Join the other ranks: one ``torch.distributed`` group for devices and for what hosts agree on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore, TCPStore

from truetpot.errors import KernelError, UserError
from truetpot.facts.kinds import rank_kinds
from truetpot.runtime.distributed.launch import device_count
from truetpot.runtime.distributed.placement import Placement
from truetpot.runtime.distributed.watch import Watch, limit_s
from truetpot.runtime.group import Group


class TorchGroup(Group):
    """Ranks that ``torch.distributed`` connects. Hosts agree over gloo, devices by ``backend``."""

    def __init__(
        self, placement: Placement, backend: str, device: torch.device, watch: Watch
    ) -> None:
        self.rank, self.size, self.local_size = placement.rank, placement.size, placement.local_size
        self.backend, self.device, self.handle = backend, device, dist.group.WORLD
        self._watch = watch
        # Hosts may have to wait for long, while a rank reads its weights: the watch knows better.
        self._hosts = dist.new_group(backend="gloo", timeout=timedelta(days=1))

    def agree(self, value: float) -> float:
        """A broadcast of one number."""
        number = torch.tensor([value], dtype=torch.float64)
        with self._watch.meeting():
            dist.broadcast(number, src=0, group=self._hosts)
        return float(number)

    def least(self, value: float) -> float:
        """An all-reduce of one number."""
        return self._reduced(value, dist.ReduceOp.MIN)

    def most(self, value: float) -> float:
        """An all-reduce of one number."""
        return self._reduced(value, dist.ReduceOp.MAX)

    def _reduced(self, value: float, how: Any) -> float:
        number = torch.tensor([value], dtype=torch.float64)
        with self._watch.meeting():
            dist.all_reduce(number, how, group=self._hosts)
        return float(number)

    def gather(self, what: Any) -> list[Any]:
        """Every rank's object, by pickle over gloo."""
        found: list[Any] = [None] * self.size
        with self._watch.meeting():
            dist.all_gather_object(found, what, group=self._hosts)
        return found

    def barrier(self) -> None:
        """Of hosts: what devices still have to do is not waited for."""
        self.least(0.0)

    def progress(self) -> None:
        """Counted; the watch of every rank sees the count."""
        self._watch.progress()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The watch takes as long as this for waiting."""
        with self._watch.waiting():
            yield

    def on_loss(self, save: Callable[[], None]) -> None:
        """Have the watch call it when a rank is lost."""
        self._watch.save = save


@contextmanager
def join(placement: Placement, kind: str, watch: Watch) -> Iterator[TorchGroup]:
    """Meet the others and be one of them, with the device of this local rank.

    Raises UserError where that fails, within seconds.
    """
    backend = rank_kinds()[kind]
    # Symmetric memory would set up NVLink multicast, which nothing here uses.
    os.environ.setdefault("TORCH_SYMM_MEM_DISABLE_MULTICAST", "1")
    if not dist.is_available() or not dist.is_backend_available(backend):
        raise UserError(
            f"This torch {torch.__version__} has no {backend}, which {kind} ranks talk by; install "
            f"the torch build for {kind}."
        )
    store = meet(placement, timedelta(seconds=limit_s()))
    watch.start(meet(placement, timedelta(seconds=limit_s()), client=True))
    _check_kind(store, placement, kind)
    device = torch.device("cpu")
    if kind != "cpu":
        if placement.local_rank >= (there := device_count(kind)):
            raise UserError(
                f"there is no {kind} device for local rank {placement.local_rank}: this machine "
                f"has {there}; start so many ranks on it at most."
            )
        device = torch.device(kind, placement.local_rank)
        getattr(torch, kind).set_device(device)
    dist.init_process_group(
        backend,
        store=PrefixStore("truetpot", store),
        rank=placement.rank,
        world_size=placement.size,
        timeout=timedelta(seconds=1.25 * limit_s()),
        device_id=None if kind == "cpu" else device,
    )
    group = TorchGroup(placement, backend, device, watch)
    yield group
    watch.stop()
    dist.destroy_process_group()


def _check_kind(store: TCPStore, placement: Placement, kind: str) -> None:
    """Raise UserError where ``auto`` found another kind of device here than on rank 0.

    Their libraries would wait for each other.
    """
    store.set(f"kind/{placement.rank}", kind)
    first = store.get("kind/0").decode()
    if kind != first:
        raise UserError(
            f"the device here is {kind} and rank 0's is {first}; name one by --device, or start "
            "ranks on machines of one kind."
        )


def meet(placement: Placement, timeout: timedelta, client: bool = False) -> TCPStore:
    """The store of this run, kept by rank 0 or its launcher.

    Raises UserError where a port is taken, or nobody answers.
    """
    # torchrun's agent has a store already, and says so
    hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    where = f"{placement.address}:{placement.port}"
    start = time.monotonic()
    try:
        return TCPStore(
            placement.address,
            placement.port,
            placement.size,
            is_master=placement.rank == 0 and not hosted and not client,
            timeout=timeout,
            wait_for_workers=False,
        )
    except (RuntimeError, ValueError, OSError) as error:
        text = str(error)
        if "EADDRINUSE" in text or "address already in use" in text.lower():
            raise UserError(
                f"Port {placement.port} is taken on {placement.address}, where the ranks would "
                "meet; set MASTER_PORT to a free one."
            ) from None
        waited = time.monotonic() - start
        raise UserError(
            f"No rank 0 of this run answers at {where} ({waited:.0f} s); is it running, and are "
            "MASTER_ADDR and MASTER_PORT right?"
        ) from None


def lost_connection(error: BaseException) -> bool:
    """Whether a collective failed because of another rank, as far as the error tells.

    Of a kernel that has a collective in it the error that it raised is looked at.
    """
    if isinstance(error, KernelError) and error.__cause__ is not None:
        return lost_connection(error.__cause__)
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in text for sign in ("gloo", "nccl", "ccl", "connection", "peer", "store")
    )
