"""The record of ``truetpot isa``: the machine code of the OpenCL kernels, counted."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from truetpot.records.numbers import AtLeastOne, Bytes, Count, NotNegative, Ratio, Words
from truetpot.records.opening import Named, Part


class IssueVerdict(StrEnum):
    """What issue over memory says."""

    UNKNOWN = "-"
    """There is no ratio: the card's rates are not known."""
    MARGIN = "memory-bound with margin"
    """Issue is hidden behind memory, and takes less than 0.8 of its time."""
    NO_MARGIN = "memory-bound, no margin"
    """Issue takes 0.8 of the time of memory, or more."""
    ISSUE = "issue-bound"
    """Issue takes longer than memory."""


class Counts(Part, frozen=True, kw_only=True):
    """Instructions by class; sends by what they move."""

    float: Count
    integer: Count
    math: Count
    dpas: Count
    branch: Count
    sync: Count
    send: dict[str, Count]


class Loads(Part, frozen=True, kw_only=True):
    """What a stretch of code loads from one argument, of one width."""

    arg: str
    """`?` where the address could not be followed to an argument."""
    label: str
    count: Count
    run_bytes: Bytes
    """Length of the contiguous run that these are part of."""


class Inspection(Part, frozen=True, kw_only=True):
    """One compilation. Bytes and clocks are of one sub-group, once round `where`."""

    op: str
    provider: str
    name: str
    """The entry point."""
    variant: str
    target: str
    """By ocloc's name."""
    case: str
    """That the estimates are of."""
    roles: list[str]
    batch: AtLeastOne
    simd: Count
    grf: Count
    """Registers of a thread."""
    spill_bytes: Bytes
    private_bytes: Bytes
    slm_bytes: Bytes
    barriers: Count
    has_dpas: bool
    has_calls: bool
    instructions: Counts
    where: str
    """`inner loop`, or `kernel` where no loop loads from memory."""
    hot: Counts
    """The instructions there."""
    loads: list[Loads]
    weight_load_bytes: Bytes | None
    """Nine tenths of the bytes of the largest input come in loads of at least this."""
    weight_run_bytes: Bytes | None
    """And in contiguous runs, over lanes and loads, of at least this."""
    streamed_bytes: Bytes
    lane_ops_per_weight: NotNegative | None
    vector_clocks: NotNegative
    matrix_clocks: NotNegative
    issue_over_memory: NotNegative | None
    memory_us: NotNegative | None
    """Of the case, at the card's datasheet bandwidth."""
    verdict: IssueVerdict


class Failure(Part, frozen=True, kw_only=True):
    """A compilation that failed, and why."""

    op: str
    provider: str
    name: str
    variant: str
    target: str
    case: str
    reason: str


class OclocRow(Part, frozen=True, kw_only=True):
    """The offline compiler."""

    command: str
    version: str


class RatesRow(Part, frozen=True, kw_only=True):
    """How fast a target issues instructions, and where that is from."""

    target: str
    engines_per_core: AtLeastOne
    clock_ghz: Ratio
    register_bytes: AtLeastOne
    math_passes: AtLeastOne
    mach_passes: AtLeastOne
    dpas_passes: AtLeastOne
    bank_registers: AtLeastOne
    bundle_registers: AtLeastOne
    bundles: AtLeastOne
    sources: Words
    card: str | None
    """Of the tables, that times are estimated for."""
    clpeak: dict[str, list[NotNegative]]
    """Measurements that the rates were held against."""


class IsaRecord(Named, frozen=True, kw_only=True):
    """`truetpot isa --json`: no device is asked."""

    kind: Literal["isa"] = "isa"
    started: str
    """UTC."""
    command: str
    """The command that repeats it."""
    truetpot: str
    """Version."""
    ocloc: OclocRow
    model: str
    """Whose decode step has the cases."""
    rates: dict[str, RatesRow]
    """By target."""
    kernels: list[Inspection]
    failed: list[Failure]
    no_kernel: Words
    """Cases that no kernel takes, and why."""
    targets_left_out: Words
    """And why."""


class Listing(Part, frozen=True, kw_only=True):
    """One compiled kernel, as it is kept in the cache folder."""

    assembly: str
    """Its machine code in words."""
    info: str
    """What the compiler says of it, in YAML."""
