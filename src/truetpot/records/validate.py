"""The record of ``truetpot validate``: figures of cards and host, and what they are held to."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import field

from truetpot.records.numbers import AtLeastOne, Bytes, Count, Finite, NotNegative
from truetpot.records.opening import Identity, Named, Part
from truetpot.records.words import StepOutcome

Better = Literal["higher", "lower"]


class Health(StrEnum):
    """What a figure or a test says of the card or the host."""

    PASS = "pass"
    NOT_JUDGED = "not-judged"
    """Measured, and nothing is known that it could be held against."""
    WARN = "warn"
    """To be looked at; with `--strict` the exit code is 3."""
    FAIL = "fail"
    """Below a limit three times, wrong, hung, crashed, or the card is gone: exit code 1."""
    COULD_NOT_RUN = "could-not-run"
    """It was tried and refused in a sentence, as for want of memory, or its own measurement cannot
    be true: exit code 2."""
    NOT_RUN = "not-run"
    """It does not apply here, or its time was over: `said` has the reason. Never a pass."""


class HeldTo(StrEnum):
    """What a figure is held against."""

    EXACT = "exact"
    """One right value: bits, sums, a count of errors. One miss is a failure and is not repeated."""
    PHYSICS = "physics"
    """What no card can exceed. Beyond it the test has failed, not the card."""
    LIMIT = "limit"
    """The entry of this card, or of any, in the table of limits."""
    SISTERS = "sisters"
    """The median of equal cards of this host."""
    BASELINE = "baseline"
    """The file of a machine that is trusted."""


class Judgement(Part, frozen=True, kw_only=True):
    """One figure against one yardstick."""

    against: HeldTo
    expected: Finite | None
    """What a healthy card gives; null where the yardstick has a limit alone."""
    limit: Finite
    """The worst that passes, in the figure's unit."""
    verdict: Health
    source: str
    """Whose number it is: a link, a datasheet, a file."""


class Figure(Part, frozen=True, kw_only=True):
    """One number that was measured."""

    name: str
    """`read`, `bf16 matrix`; unique in its test."""
    value: Finite
    """The median of `attempts`."""
    unit: str
    """`GB/s`, `TFLOPS`, `us`, `ms`, `errors`, `share`; a rate of bytes is in 1e9 a second."""
    better: Better
    """Which way a good card differs."""
    attempts: list[Finite]
    """What each run of the test gave: one, or three where the first was below a limit."""
    judged: list[Judgement]
    """Empty where nothing is known that it could be held against."""
    verdict: Health
    note: str = ""
    """What has to be told beside the number."""
    compared: bool = True
    """Whether equal cards have equal ones: sisters, a baseline and a fleet are compared by it."""


class BadRegion(Part, frozen=True, kw_only=True):
    """Neighbouring words of memory that were read back wrong."""

    first: Bytes
    """Byte offset in what was tested, of the first bad word."""
    last: Bytes
    words: AtLeastOne


class BadMemory(Part, frozen=True, kw_only=True):
    """Where memory gave back other bits than were written, and which."""

    words: Count
    """32-bit words that were wrong, each as often as a pattern found it."""
    bits: list[Count]
    """How often each of the 32 bits was wrong, the lowest first."""
    lanes: list[Count]
    """The same by byte lane: bytes 0 to 7 of each 64 bits."""
    to_one: Count
    """Bits that were 1 instead of 0."""
    to_zero: Count
    patterns: dict[str, Count]
    """Bad words by pattern."""
    regions: list[BadRegion]
    """In order; at most 64."""
    offsets: list[Bytes]
    """Of the first bad words, at most 64."""


class Second(Part, frozen=True, kw_only=True):
    """One look at a card under load; null is what the platform does not tell."""

    at_s: NotNegative
    """Since the load began."""
    rate: NotNegative
    """Of the load, in the unit of the test's figure `rate`."""
    clock_mhz: NotNegative | None
    memory_clock_mhz: NotNegative | None
    power_w: NotNegative | None
    temperature_c: Finite | None
    throttled_by: list[str]


class ValidatedTest(Part, frozen=True, kw_only=True):
    """One test on one card, or on the host, run in a process of its own."""

    name: str
    """`bandwidth`, `patterns`, `compute`, `host-memory`, `link`, `collectives`, `step`,
    `sustained`."""
    about: str
    device: str
    """`xpu:0`; `host`; `all` for a test of several cards together."""
    verdict: Health
    outcome: StepOutcome
    """How its last process ended."""
    figures: list[Figure]
    said: str
    """Why it failed or did not run, in a sentence; empty after a pass."""
    do: str
    """What to do next; empty after a pass."""
    limit_s: NotNegative
    seconds: NotNegative
    """Of all its processes."""
    code: int | None
    """Exit code of the last; minus the number of the signal that ended it."""
    traceback: str
    bad_memory: BadMemory | None = None
    series: list[Second] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    """What else it looked at, by name."""


class ValidatedDevice(Part, frozen=True, kw_only=True):
    """One card that was tested."""

    device: str
    """`xpu:0`."""
    identity: Identity
    hardware: str | None
    """Its key in the tables of cards; null where they do not know it."""
    kind_of_card: str
    """What it has in common with its sisters: cards of one name, memory and driver's device id."""


class ValidateRecord(Named, frozen=True, kw_only=True):
    """`--json`. Written after each test, so that what is finished survives whatever comes next."""

    kind: Literal["validate"] = "validate"
    started: str
    """UTC."""
    command: str
    truetpot: str
    """Version."""
    python: str
    os: str
    host: str
    """The machine's name."""
    machine_id: str | None
    """Of the machine: a digest of /etc/machine-id, which itself should not be published."""
    level: str
    """`quick`, `medium`, `long`."""
    small: bool
    """With `--small`: tried at small sizes, which say nothing of a card."""
    seconds: NotNegative | None = None
    """Of `--seconds`: for each measurement at most; null where the level's own were taken."""
    partial: bool
    """True after an interrupt, and as long as tests are left to run."""
    verdict: Health
    """The worst of all tests; `not-run` where none has ended."""
    baseline: str | None
    """The file of `--baseline`."""
    devices: list[ValidatedDevice]
    tests: list[ValidatedTest]


class BaselineFigure(Part, frozen=True, kw_only=True):
    """What one figure is on cards that are trusted."""

    test: str
    figure: str
    card: str
    """`kind_of_card` of the cards; `host` for a figure of the machine."""
    cards: AtLeastOne
    """How many gave a value."""
    value: Finite
    """The median of them."""
    unit: str
    better: Better


class BaselineRecord(Named, frozen=True, kw_only=True):
    """`truetpot validate --make-baseline`: figures of a machine that is trusted."""

    kind: Literal["baseline"] = "baseline"
    started: str
    """UTC, of the run that it is made of."""
    command: str
    truetpot: str
    level: str
    host: str
    figures: list[BaselineFigure]
