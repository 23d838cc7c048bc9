"""The record of ``truetpot isa``: the machine code of the OpenCL kernels, counted."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import field

from truetpot.records.numbers import AtLeastOne, Bytes, Count, NotNegative, Ratio, Words
from truetpot.records.opening import Named, Part


class IssueVerdict(StrEnum):
    """The tightest of the limits that are estimated."""

    UNKNOWN = "-"
    """There is no ratio: the card's rates are not known."""
    MEMORY = "memory-bound"
    """Memory takes longest."""
    ISSUE = "issue-bound"
    """Issuing the instructions takes longest."""
    LATENCY = "latency-bound"
    """The threads wait: too few bytes are under way, or too few threads."""
    LOCAL = "local-memory-bound"
    """Local memory takes longest."""
    MARGIN = "memory-bound with margin"
    """Of records up to November 2026, which knew of issue alone: less than 0.8 of memory's time."""
    NO_MARGIN = "memory-bound, no margin"
    """Of these too: 0.8 of memory's time, or more."""


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
    """Of a thread: scratch that holds what found no register."""
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
    """Of memory: each byte once, however many lanes ask for it."""
    lane_ops_per_weight: NotNegative | None
    vector_clocks: NotNegative
    matrix_clocks: NotNegative
    issue_over_memory: NotNegative | None
    memory_us: NotNegative | None
    """Of the case, at the card's datasheet bandwidth."""
    verdict: IssueVerdict
    config: dict[str, str] = field(default_factory=dict)
    """Launch parameters, all of them."""
    macros: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    """The compiler's."""
    source_digest: str | None = None
    """SHA-256 of the source with its includes."""
    opcodes: dict[str, Count] = field(default_factory=dict)
    """Instructions there, by their name."""
    scratch_messages: Count | None = None
    """Sends of the kernel that save registers and bring them back."""
    work_groups: AtLeastOne | None = None
    """Of the launch; None where the kernel's call could not be followed, as of what follows."""
    sub_groups: AtLeastOne | None = None
    """Of a work-group."""
    turns: NotNegative | None = None
    """Iterations of the loop, of all sub-groups of the launch together."""
    passes: NotNegative | None = None
    """How often the largest input is read: 1 is once."""
    kernel_bytes: Bytes | None = None
    """That the launch has to move, each byte of an argument once."""
    outside_loop: NotNegative | None = None
    """Share of the launch's clocks that is not of the inner loop."""
    requested_bytes: Bytes | None = None
    """As `streamed_bytes`, by message: what several lanes or messages ask for counts each time."""
    threads: Count | None = None
    """Hardware threads of the card that it keeps busy."""
    threads_by: str | None = None
    """What bounds them: `registers`, `local memory` or `launch`."""
    in_flight_bytes: Bytes | None = None
    """That a thread has asked memory for before it waits for the first of them."""
    needed_bytes: Bytes | None = None
    """In flight on the card so that memory is never idle: its bandwidth times its latency."""
    alone_clocks: NotNegative | None = None
    """Of an iteration, for a thread that has its engine for itself."""
    local_clocks: NotNegative | None = None
    """Of a Xe core's local memory, for an iteration."""
    bank_conflicts: NotNegative | None = None
    """Clocks of local memory over those without a conflict; None where it is not used."""
    products_per_weight: NotNegative | None = None
    """Lanes that multiply 32-bit integers."""
    latency_over_memory: NotNegative | None = None
    local_over_memory: NotNegative | None = None
    faults: list[str] = field(default_factory=list)
    """What a kernel should not do, a sentence each."""
    not_followed: str | None = None
    """Why the launch or its sub-groups could not be followed; passes are then taken to be one."""

    @property
    def named_case(self) -> str:
        """As `without_entry` of the record has it."""
        return case_of(self.op, self.provider, self.target, self.case)


def case_of(op: str, provider: str, target: str, case: str) -> str:
    """A kernel's case for a target in words, as `without_entry` of the record has it."""
    return f"{op} of {provider} for {target}, {case}"


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
    """Intel's offline compiler that compiled the kernels."""

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
    partial: bool | None = None
    """True after an interrupt: `kernels` and `failed` are of some of the configurations."""
    configurations: Count | None = None
    """Of kernels, that were asked for."""
    compilations: Count | None = None
    """That these need: configurations that differ in sizes of the launch alone share one."""
    without_entry: list[str] = field(default_factory=list)
    """With `--config tuned`: cases of which no entry is kept; they have the default."""


class Listing(Part, frozen=True, kw_only=True):
    """One compiled kernel, as it is kept in the cache folder."""

    assembly: str
    """Its machine code in words."""
    info: str
    """What the compiler says of it, in YAML."""
