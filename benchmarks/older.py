"""Packages of before, with other names: ASV runs these files with every commit it installs.

To be dropped with the last commit that anybody compares with.
"""

from __future__ import annotations

import importlib
from dataclasses import fields, replace
from typing import Any

from truetpot.facts import floor as floors
from truetpot.facts import traffic as traffics
from truetpot.facts.hardware import Hardware
from truetpot.facts.models import Model

try:
    from truetpot.facts.workload import Workload
except ImportError:
    _OLD: Any = importlib.import_module("truetpot.decode.program").StepShape
else:
    _OLD = None
VERIFIES = _OLD is None or "query_tokens" in {field.name for field in fields(_OLD)}
"""Whether a step can have several query tokens."""
try:
    from truetpot.report.config import with_origin
    from truetpot.report.kernels import parameters
except ImportError:  # launch parameters were not told

    def with_origin(*told: Any) -> str:  # type: ignore[misc]
        """Nothing."""
        return ""

    def parameters(*told: Any) -> str:  # type: ignore[misc]
        """Nothing."""
        return ""


try:
    from truetpot.runs.checks import wrong_kernels
    from truetpot.runs.setting import busy
except ImportError:  # what commands do stood in another place
    wrong_kernels = importlib.import_module("truetpot.cli.checks").wrong_kernels
    busy = importlib.import_module("truetpot.cli.setting").busy

__all__ = [
    "VERIFIES",
    "bound_bytes",
    "busy",
    "launched",
    "least_s",
    "parameters",
    "spec_ms",
    "workload",
    "wrong_kernels",
]


def launched(kernel: Any) -> str:
    """A kernel's launch parameters and where they come from; empty where that is not told."""
    choice = getattr(kernel, "choice", None)
    return with_origin(kernel.parameters, choice.origin, choice.of_case) if choice else ""


def workload(**given: Any) -> Any:
    """The point in the package's own words."""
    if _OLD is None:
        return Workload(**given)
    if not VERIFIES:
        given.pop("query_tokens")
    return _OLD(weight_format=given.pop("format"), **given)


def spec_ms(model: Model, hardware: Hardware, *, tp: int, format: str, context: int) -> float:
    """Rung ``spec`` of a token, ms."""
    given = {"tp": tp, "format": format, "context": context}
    floor: Any = floors.floor
    if _OLD is None:
        return float(floor(model, hardware, Workload(**given)).ms_per_token)  # type: ignore[arg-type]
    return float(floor(model, hardware, **given).ms_per_token)


def bound_bytes(model: Model, shape: Any, layers: int) -> Any:
    """What a step of so many layers must move."""
    if _OLD is None:
        return traffics.traffic(model, replace(shape, layers=layers))
    return importlib.import_module("truetpot.decode.traffic").step_traffic(model, shape, layers)


def least_s(work: Any, shape: Any, hardware: Hardware, cache_bytes: int) -> float:
    """Seconds below which no such step can be."""
    if _OLD is None:
        return floors.least_s(work, shape.dtype, hardware, cache_bytes)
    old = getattr(importlib.import_module("truetpot.decode.traffic"), "step_least_s", None)
    if old is None:  # a step was bound by its bytes alone
        return float(hardware.read_ms(max(0, work.bound - cache_bytes))) * 1e-3
    return float(old(work, shape, hardware, cache_bytes))
