"""``truetpot tune --list``: what there is to tune, and why there is nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from truetpot.decode.cases import StepCase
from truetpot.errors import KernelError
from truetpot.ops.guard import guarded, who
from truetpot.ops.registry import REGISTRY, Config
from truetpot.runs.kernels import Request
from truetpot.tune.tunable import Tunable

NONE = "it has no launch parameters"


def tunable(request: Request) -> list[Tunable]:
    """One for each operator and provider of the request's cases."""
    cases: dict[str, list[StepCase]] = {}
    for one in request.cases():
        cases.setdefault(one.op.name, []).append(one)
    return [
        _tunable(op, provider, some, request)
        for op, some in cases.items()
        for provider in request.setting.providers
        if provider in REGISTRY.offering(op)
    ]


def _tunable(op: str, provider: str, cases: Iterable[StepCase], request: Request) -> Tunable:
    """Over the cases; a reason where none of them has anything to tune."""
    device, whole = request.setting.device, Tunable(op, provider)
    for one in cases:
        found = REGISTRY.choose(op, one.case, device, provider)
        if (kernel := found.kernel) is None:
            whole.reasons.append(found.reason)
            continue
        try:
            with guarded("configs", who(kernel, one.case)):
                configs = list(kernel.configs(one.case, device))
                withheld = list(kernel.withheld(one.case, device))
        except KernelError as fault:
            whole.reasons.append(str(fault))
            continue
        if len(configs) > 1:
            whole.counts.append(len(configs))
            _add_values(whole, configs)
        else:
            whole.reasons.append(NONE)
        for config, reason in withheld:
            named = ", ".join(f"{name} = {value}" for name, value in config.items())
            whole.withheld[named] = reason
    return whole


def _add_values(whole: Tunable, configs: Iterable[Config]) -> None:
    for config in configs:
        for name, value in config.items():
            values = whole.values.setdefault(name, [])
            if value not in values:
                values.append(value)
