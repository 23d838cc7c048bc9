"""What every reader makes of a trace: the work of the devices, or totals of it by name."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

NONE = -1
"""An id that a trace does not have."""


class Work(IntEnum):
    """What a device did: ran a kernel, copied, or filled memory."""

    KERNEL = 0
    COPY = 1
    FILL = 2


@dataclass(frozen=True)
class Gemm:
    """The shape of y[m, n] = x[m, k] w[k, n]."""

    m: int
    n: int
    k: int


@dataclass(frozen=True)
class Kernels:
    """The work of one or more devices, by start: n entries in each column.

    ``start_s`` counts from the first; it is in the trace's order, and NaN, where the trace has
    no times of day. ``submitted_s`` is when the host began the call that launched it, by the same
    clock; NaN where unknown. ``launch`` is equal for what one call launched, as of a graph.
    """

    names: tuple[str, ...]
    ops: tuple[str, ...]
    """Framework operators, such as ``aten::addmm``."""
    gemms: tuple[Gemm, ...]
    grids: tuple[str, ...]
    """Launch grids as the trace writes them."""
    name: np.ndarray
    """int32, into ``names``."""
    work: np.ndarray
    """int8, a Work."""
    device: np.ndarray
    """int32."""
    stream: np.ndarray
    """int64."""
    start_s: np.ndarray
    duration_s: np.ndarray
    submitted_s: np.ndarray
    launch: np.ndarray
    """int64, -1 where unknown."""
    op: np.ndarray
    """int32, into ``ops``; -1."""
    gemm: np.ndarray
    """int32, into ``gemms``; -1."""
    grid: np.ndarray
    """int32, into ``grids``; -1."""

    def __len__(self) -> int:
        return len(self.name)

    @property
    def end_s(self) -> np.ndarray:
        """End of each kernel [n], in seconds: its start and duration."""
        return self.start_s + self.duration_s

    @property
    def timed(self) -> bool:
        """Whether there are times of day, not durations alone."""
        return bool(len(self)) and bool(np.isfinite(self.start_s).all())

    def take(self, which: np.ndarray) -> Kernels:
        """Those of a mask or of indices, in their order."""
        columns = {name: getattr(self, name)[which] for name in COLUMNS}
        return replace(self, **columns)


COLUMNS = (
    "name", "work", "device", "stream", "start_s", "duration_s", "submitted_s", "launch", "op",
    "gemm", "grid",
)  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A range that the program named: ``ProfilerStep#3``."""

    name: str
    start_s: float
    duration_s: float
    on_device: bool
    """Over the work itself and not over the host's calls."""


@dataclass(frozen=True)
class SummaryRow:
    """All calls of one kernel; a summary has no order, so it has roles and no steps."""

    name: str
    calls: int
    total_s: float
    grid: str = ""
    gemm: Gemm | None = None
    work: Work = Work.KERNEL
    read_bytes: int | None = None
    """That the device's counters saw from memory, in all calls."""


@dataclass(frozen=True)
class Trace:
    """One file: kernels in their order, or a summary."""

    format: str
    """For people: ``torch.profiler, CUDA``."""
    devices: tuple[str, ...] = ()
    """Names, by number, where the trace tells them."""
    kernels: Kernels | None = None
    summary: tuple[SummaryRow, ...] = ()
    blocks: int | None = None
    """Steps that a summary is the sum of, where it says."""
    marks: tuple[Mark, ...] = ()
    launches: int = 0
    """Calls of the host that launch work."""
    host_ops: int = 0
    """Operators of the framework that were recorded on the host."""
    said: tuple[str, ...] = ()
    """What the profiler itself says is missing or wrong."""
    rank: int | None = None
    ranks: int | None = None
    dependent_launches: bool = False
    """Kernels of one stream may overlap by right: CUDA's programmatic dependent launch."""


@dataclass
class Interned:
    """Texts or shapes by number, each kept once."""

    known: dict[object, int] = field(default_factory=dict)

    def number(self, value: object) -> int:
        """The number of a value, the same for the same value."""
        return self.known.setdefault(value, len(self.known))


class Builder:
    """Columns that grow by a kernel at a time: about 70 bytes each, whatever the trace's events.

    Times are given in the trace's own unit; ``unit_s`` is its length. They are kept relative to the
    first, as seconds since 1970 have no room for nanoseconds in a float64.
    """

    def __init__(self, unit_s: float) -> None:
        self.unit_s = unit_s
        self._origin: float | None = None
        self.names, self.grids = Interned(), Interned()
        self.ops, self.gemms = Interned(), Interned()
        self.name, self.grid = array("i"), array("i")
        self.work, self.device, self.stream = array("b"), array("q"), array("q")
        self.start, self.duration = array("d"), array("d")
        self.launch, self.external = array("q"), array("q")
        self.gemm = array("i")
        self._calls = array("q"), array("d")
        self._ops = array("q"), array("i"), array("i")

    def add(
        self,
        name: str,
        duration: float,
        start: float | None = None,
        *,
        work: Work = Work.KERNEL,
        device: int = 0,
        stream: int = 0,
        launch: int = NONE,
        external: int = NONE,
        grid: str = "",
        gemm: Gemm | None = None,
    ) -> None:
        """One piece of a device's work; ``external`` is the id of the operator it belongs to."""
        self.name.append(self.names.number(name))
        self.duration.append(duration * self.unit_s)
        self.start.append(np.nan if start is None else self.time_s(start))
        self.work.append(work)
        self.device.append(device)
        self.stream.append(stream)
        self.launch.append(launch)
        self.external.append(external)
        self.grid.append(self.grids.number(grid) if grid else NONE)
        self.gemm.append(NONE if gemm is None else self.gemms.number(gemm))

    def time_s(self, ticks: float) -> float:
        """Seconds since the first time that was asked for."""
        if self._origin is None:
            self._origin = ticks
        return (ticks - self._origin) * self.unit_s

    def call(self, launch: int, start: float) -> None:
        """The host's call that launches what has this number."""
        self._calls[0].append(launch)
        self._calls[1].append(self.time_s(start))

    def operator(self, external: int, name: str, gemm: Gemm | None) -> None:
        """An operator of the framework, by the id that its kernels have."""
        self._ops[0].append(external)
        self._ops[1].append(self.ops.number(name))
        self._ops[2].append(NONE if gemm is None else self.gemms.number(gemm))

    @property
    def calls(self) -> int:
        """Number of calls of the host that launch kernels."""
        return len(self._calls[0])

    def build(self) -> tuple[Kernels, float]:
        """The columns by start, and the time that they count from; stable where starts are equal.

        Whatever has no start keeps its place in the trace.
        """
        start = _column(self.start, np.float64)
        order = (
            np.argsort(start, kind="stable") if np.isfinite(start).all() else np.arange(len(start))
        )
        zero = float(start[order[0]]) if len(start) and np.isfinite(start[order[0]]) else 0.0
        launch = _column(self.launch, np.int64)
        submitted = _looked_up(launch, self._calls[0], _column(self._calls[1], np.float64), np.nan)
        external = _column(self.external, np.int64)
        op = _looked_up(external, self._ops[0], _column(self._ops[1], np.int32), NONE)
        shape = _looked_up(external, self._ops[0], _column(self._ops[2], np.int32), NONE)
        own = _column(self.gemm, np.int32)
        kernels = Kernels(
            names=tuple(map(str, self.names.known)),
            ops=tuple(map(str, self.ops.known)),
            gemms=tuple(one for one in self.gemms.known if isinstance(one, Gemm)),
            grids=tuple(map(str, self.grids.known)),
            name=_column(self.name, np.int32),
            work=_column(self.work, np.int8),
            device=_column(self.device, np.int64),
            stream=_column(self.stream, np.int64),
            start_s=start - zero,
            duration_s=_column(self.duration, np.float64),
            submitted_s=submitted - zero,
            launch=launch,
            op=op.astype(np.int32),
            gemm=np.where(own == NONE, shape, own).astype(np.int32),
            grid=_column(self.grid, np.int32),
        )
        return kernels.take(order), zero


def _column(values: Sequence[float], kind: type) -> np.ndarray:
    return np.array(values, dtype=kind)


def _looked_up(
    keys: np.ndarray, known: Sequence[int], values: np.ndarray, missing: float
) -> np.ndarray:
    """The value of each key; of one that came twice the first, of an unknown one ``missing``."""
    if not len(known):
        return np.full(len(keys), missing, dtype=values.dtype if missing == NONE else np.float64)
    have = np.array(known, dtype=np.int64)
    order = np.argsort(have, kind="stable")
    have, values = have[order], values[order]
    at = np.minimum(np.searchsorted(have, keys), len(have) - 1)
    return np.where((have[at] == keys) & (keys != NONE), values[at], missing)
