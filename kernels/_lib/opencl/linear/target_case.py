"""A linear and the target it is compiled for: what both engines' products begin with."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.ops import LinearCase
from truetpot.runtime.opencl.target import Target


@dataclass(frozen=True)
class TargetCase:
    """A case of ``linear``, or of one whose halves G and U make an output together."""

    case: LinearCase
    target: Target
    paired: bool
    """Whether rows of G and U that make one output go together."""

    @property
    def outputs(self) -> int:
        """Outputs of each row of x: n, or n / 2 if paired."""
        return self.case.n // 2 if self.paired else self.case.n
