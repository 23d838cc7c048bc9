"""Results of a search as Kernel Tuner and others exchange them: the T4 format, version 1.0.0.

Fields and their texts are those of ``kernel_tuner/schema/T4/1.0.0`` of Kernel Tuner 1.5.0
(github.com/KernelTuner/kernel_tuner, Apache-2.0). Times are in milliseconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import field

from truetpot.records.numbers import Config
from truetpot.records.opening import Part

VERSION = "1.0.0"
TIME = "time"
"""The measurement that is the objective."""


class Invalidity(StrEnum):
    """Why a configuration has no time; ``correct`` where it has one."""

    TIMEOUT = "timeout"
    COMPILE = "compile"
    RUNTIME = "runtime"
    CORRECTNESS = "correctness"
    CONSTRAINTS = "constraints"
    CORRECT = "correct"


class T4Measurement(Part, frozen=True, kw_only=True):
    """One figure of a configuration."""

    name: str = ""
    value: Any = None
    unit: str = ""


class T4Result(Part, frozen=True, kw_only=True):
    """One configuration of a kernel, its times and whether it is valid."""

    configuration: Config
    times: dict[str, Any]
    invalidity: Invalidity
    correctness: float
    timestamp: str = ""
    objectives: list[str] = field(default_factory=list)
    measurements: list[T4Measurement] = field(default_factory=list)

    @property
    def time(self) -> float | None:
        """The objective's value; None for a configuration that failed."""
        if self.invalidity is not Invalidity.CORRECT:
            return None
        wanted = self.objectives[0] if self.objectives else TIME
        values = (one.value for one in self.measurements if one.name == wanted)
        value = next(values, None)
        if isinstance(value, int | float) and 0 < value < float("inf"):
            return float(value)
        return None


class T4Results(Part, frozen=True, kw_only=True):
    """A whole file of results in the T4 format."""

    results: list[T4Result]
    schema_version: str = VERSION
    metadata: dict[str, Any] = field(default_factory=dict)
