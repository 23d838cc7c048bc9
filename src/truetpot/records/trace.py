"""The record of ``truetpot trace``: the rung ``stack``, and each role of the step."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from truetpot.records.numbers import AtLeastOne, Count, Finite, NotNegative, Rate, Share
from truetpot.records.opening import SCHEMA_VERSION, Part, Version
from truetpot.records.stack import PlacedBy, Role, StepPhase
from truetpot.records.verdicts import Severity


class TracedKernel(Part, frozen=True, kw_only=True):
    """One name among the kernels of a role."""

    name: str
    """As the trace has it, its first 300 letters."""
    calls: NotNegative
    """A step's, or of the file where it has no steps."""
    ms: NotNegative
    """As `ms` of the role."""
    by: PlacedBy
    floor_us: NotNegative | None = None
    """Of a call of which the shape is known, at the format given: its weights over datasheet
    bandwidth, or its operations over the datasheet's rate."""
    read_bytes: Count | None = None
    """That the device's counters saw read from memory in all calls, where the trace has them. What
    a cache served is not in it."""


class TracedRole(Part, frozen=True, kw_only=True):
    """One role's kernels. `ms` are of exclusive time: what two kernels share is counted once."""

    role: Role
    ms: NotNegative
    """Of a token, a step or the whole file, as `per` of the run says."""
    share: Share
    """Of all roles."""
    calls: NotNegative
    """A step's, however many tokens it yields, or of the file."""
    by: PlacedBy
    """How the role was found for most of that time."""
    floor_ms: NotNegative | None
    """The role's weights or cache over datasheet bandwidth, or its operations over the datasheet's
    rate if longer, of the layers in the trace, and per token as `ms`; null without a model, and
    for a role that has none of its own."""
    ceiling_ms: NotNegative | None
    """The same over the best read bandwidth, and rate of a GEMM, that `--ladder`'s record found."""
    ours_ms: NotNegative | None
    """The kernels of truetpot in that record, of as many layers, and per token as `ms`."""
    ours: str
    """Their roles there: a fused one covers several of the trace's."""
    kernels: list[TracedKernel]
    """The longest first, at most twelve; of `unknown` at most fifty."""


class TracedStep(Part, frozen=True, kw_only=True):
    """One step of the run."""

    phase: StepPhase
    start_ms: Finite
    """After the first kernel of the trace."""
    period_ms: NotNegative | None
    """To the next step's first kernel; of the last step to its last kernel's end. Null without
    times of day."""
    busy_ms: NotNegative
    """In which the device did something."""
    gap_ms: NotNegative | None
    kernels: Count
    launches: Count | None
    """Calls of the host; a graph is one."""
    used: bool
    """Whether the rung is made of it."""
    disturbed: bool
    """The same kernels as others take longer, by the pauses between them."""


class StackRung(Part, frozen=True, kw_only=True):
    """Where a token's time went: the parts add up to `ms_per_token`."""

    ms_per_token: NotNegative
    """The mean period of the steps used, over the tokens that one yields to a sequence."""
    kernels_ms: NotNegative
    """Exclusive time of kernels, without collectives."""
    collectives_ms: NotNegative
    """While no other kernel runs, waiting for other ranks included."""
    copies_ms: NotNegative
    gap_host_ms: NotNegative
    """The device had nothing to do: the next launch came after the last kernel's end."""
    gap_queued_ms: NotNegative
    """Between kernels that had been submitted before."""
    unexplained_ms: Finite
    """Pauses whose cause the trace does not tell, and what is left over."""
    waiting_ms: NotNegative | None
    """Of `collectives_ms`, at least: each one's time beyond the fastest of its kind. Null where
    there are none."""
    launches: NotNegative | None
    """Calls of the host per token."""


class TraceLoss(Part, frozen=True, kw_only=True):
    """Time that a better stack would not take."""

    what: str
    """A role, or `host`, `queued`, `collectives`, `copies`, `unexplained`."""
    ms: NotNegative
    """As `ms` of the roles."""
    sentence: str


class TraceFinding(Part, frozen=True, kw_only=True):
    """What a reader of the trace has to know before believing it."""

    id: str
    severity: Severity
    title: str
    evidence: str
    fix: str


class TracedRun(Part, frozen=True, kw_only=True):
    """One device of one file."""

    file: str
    format: str
    """Which profiler wrote it."""
    device: str
    """As the trace names it; its number where it has no name."""
    rank: Count | None
    """Of several, where the trace says so."""
    kernels: Count
    """Pieces of work of the device, copies among them."""
    steps_by: str
    """`annotation`, `period`, `anchor`, `repeat`, `block`; empty where no steps were found."""
    steps: list[TracedStep]
    """The first 64."""
    decode_steps: Count
    prefill_steps: Count
    other_steps: Count
    """Far longer or shorter than those that repeat: what came before the first, for one."""
    used_steps: Count
    layers: Count
    """Runs of attention in a step."""
    layers_total: AtLeastOne | None
    """Of the model."""
    tokens: NotNegative
    """That a step yields to each sequence: what a step's times are divided by."""
    tokens_from: str
    """Where that is from, in words."""
    batch: AtLeastOne | None
    """Sequences of a step, where the trace or an option says."""
    per: Literal["token", "step", "file"]
    """What the times of the rung and of the roles are of, with all that stands beside them. A
    `step` has several query tokens, and nothing says how many are accepted; `file` where no step
    was used."""
    stack: StackRung | None
    """Null where the trace has no times of day or no steps."""
    step_ms: NotNegative | None
    """Rung `step` of the record given by `--ladder`, over `tokens`; null where the trace has not
    all layers of its model."""
    busy_ms: NotNegative
    """The sum of the roles."""
    floor_ms: NotNegative | None
    """Rung `spec` of the layers in the trace, over `tokens`."""
    roles: list[TracedRole]
    """The longest first."""
    losses: list[TraceLoss]
    """The three largest."""
    findings: list[TraceFinding]
    valid: bool
    """False: a finding says that its times cannot be true."""


class TraceRecord(Part, frozen=True, kw_only=True):
    """`truetpot trace --json`: of somebody's own run, so no environment of ours."""

    kind: Literal["trace"] = "trace"
    command: str
    """The command that repeats it."""
    schema_version: Version = SCHEMA_VERSION
    rung: Literal["stack"] = "stack"
    yardstick: str
    """What the roles are held against, in words; empty without."""
    bandwidth_gb_s: Rate | UnsetType = UNSET
    """Datasheet bandwidth of the card."""
    ceiling_gb_s: Rate | UnsetType = UNSET
    """Of the record given by `--ladder`."""
    runs: list[TracedRun]
