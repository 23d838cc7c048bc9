"""Packages before a step's kernels were selected once: what ``older.py`` is for a point.

To be dropped with the last commit that anybody compares with.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from truetpot.decode.engine import DecodeStep
from truetpot.decode.preference import Preference
from truetpot.facts.models import Model
from truetpot.ops import Case, Operator
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.device import Device

from . import older

try:
    from truetpot.decode.selected import select_step
except ImportError:
    _SELECTS = False
else:
    _SELECTS = True


def refusal(op: Operator, provider: str, case: Case, device: Device) -> str:
    """Why a provider has no kernel for a case; empty where it has one."""
    if _SELECTS:
        return REGISTRY.choose(op.name, case, device, provider).reason
    found = REGISTRY.find(op.name, provider, case, device)  # type: ignore[attr-defined]
    return found if isinstance(found, str) else ""


@dataclass(frozen=True)
class _Fused:
    """A step whose kernels are found again wherever they are needed."""

    preference: Preference
    program: Any


def selected(model: Model, shape: Any, preference: Preference) -> Any:
    """The step's program with its kernels."""
    if _SELECTS:
        return select_step(model, shape, preference)
    fused = importlib.import_module("truetpot.decode.fuse").fused_program
    return _Fused(preference, fused(model, shape, preference.rank, preference.composites()))


def wrong_kernels(step: Any, foreign_only: bool = False) -> list[str]:
    """What is wrong with the kernels of a step, a line each."""
    check: Any = older.wrong_kernels
    if _SELECTS:
        found: list[str] = check(step, _nobody, foreign_only)
        return found
    program = step.program
    return list(check(program.model, program.shape, step.preference, _nobody, foreign_only))


def decode_step(step: Any, weights: Any) -> DecodeStep:
    """The step that is timed."""
    make: Any = DecodeStep
    if _SELECTS:
        return make(step, weights)  # type: ignore[no-any-return]
    preference, program = step.preference, step.program
    device = preference.device
    return make(program.model, program.shape, device, preference.providers, weights)  # type: ignore[no-any-return]


def _nobody(done: float, total: float) -> None:
    """Is told how far a check is."""
