"""Many configurations of a kernel as one line: how many are clean, and how their ratios lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from truetpot.records.isa import Failure, Inspection


@dataclass
class Swept:
    """All configurations of one build's variant for one target."""

    op: str
    name: str
    """The entry point."""
    variant: str
    target: str
    rows: list[Inspection] = field(default_factory=list)
    failed: int = 0
    """That did not compile."""

    @property
    def faulty(self) -> int:
        """Configurations with any fault, those below included."""
        return sum(bool(one.faults) for one in self.rows)

    @property
    def spill(self) -> int:
        """Configurations that save registers to scratch memory."""
        return sum(bool(one.spill_bytes or one.scratch_messages) for one in self.rows)

    @property
    def private(self) -> int:
        """Configurations that have private memory in their binary."""
        return sum(one.private_bytes > 0 for one in self.rows)

    @property
    def not_followed(self) -> int:
        """Configurations whose launch could not be followed."""
        return sum(one.not_followed is not None for one in self.rows)

    def issue(self) -> tuple[float, float] | None:
        """The least and the most of issue over memory."""
        return _range(one.issue_over_memory for one in self.rows)

    def latency(self) -> tuple[float, float] | None:
        """The least and the most of latency over memory."""
        return _range(one.latency_over_memory for one in self.rows)


def sweep(kernels: Sequence[Inspection], failed: Sequence[Failure]) -> list[Swept]:
    """One for each kernel, variant and target, in the order of the record."""
    found: dict[tuple[str, ...], Swept] = {}

    def of(one: Inspection | Failure) -> Swept:
        key = (one.op, one.name, one.variant, one.target)
        return found.setdefault(key, Swept(*key))

    for row in kernels:
        of(row).rows.append(row)
    for failure in failed:
        of(failure).failed += 1
    return list(found.values())


def _range(values: Iterable[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None
