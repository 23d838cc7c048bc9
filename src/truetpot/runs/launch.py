"""The run behind ``truetpot launch``: one kernel and nothing else."""

from __future__ import annotations

from truetpot.decode.cases import StepCase
from truetpot.errors import UserError
from truetpot.measure import record
from truetpot.measure.launch import launch
from truetpot.ops.named import chosen
from truetpot.ops.registry import REGISTRY
from truetpot.records.launch import LaunchRecord
from truetpot.runs.contenders import one_provider
from truetpot.runs.kernels import Request
from truetpot.runs.watch import NOBODY, Watch


def run(request: Request, config: str, calls: int, watch: Watch = NOBODY) -> LaunchRecord:
    """Launch the kernel ``calls`` times, with launch parameters as ``--config`` names them.

    Raises UserError where the request is not of one case, or nothing can run it.
    """
    setting, one = request.setting, _only(request)
    provider = one_provider(setting.providers, [one], setting.device, request.chosen)
    kernel = REGISTRY.choose(one.op.name, one.case, setting.device, provider).required
    choice = chosen(kernel, one.case, setting.device, config)
    opening = record.opening(setting.device)
    watch.begins(setting.device.name, opening.environment, ())
    found = launch(kernel, one.case, setting.device, choice, calls)
    return LaunchRecord(
        started=opening.started,
        command=opening.command,
        environment=opening.environment,
        partial=False,
        model=request.model.name if request.linear is None else None,
        device=setting.device.name,
        op=one.op.name,
        case=one.case.label(),
        roles=list(one.roles),
        provider=provider,
        config=found.kernel.parameters,
        origin=choice.origin,
        origin_case=choice.of_case,
        calls=found.calls,
        copies=found.copies,
        cache=found.cache,
        launches=found.launches,
        state_after=setting.device.state(),
    )


def _only(request: Request) -> StepCase:
    """The case. Raises UserError where several are left, with what tells them apart."""
    cases = request.cases()
    if len(cases) > 1:
        roles = ", ".join("+".join(one.roles) or one.case.label() for one in cases)
        raise UserError(
            f"{request.model.name} has {len(cases)} cases of {cases[0].op.name}; name one --format "
            f"and one --role: {roles}."
        )
    return cases[0]
