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


def run(
    request: Request,
    config: str,
    calls: int,
    watch: Watch = NOBODY,
    words: tuple[str, ...] | None = None,
) -> LaunchRecord:
    """Launch the kernel ``calls`` times, with launch parameters as ``--config`` names them.

    ``words`` are of the case's label, where the request has several. Raises UserError where one
    case is not what is left, or nothing can run it.
    """
    setting, one = request.setting, _only(request, words or ())
    if request.chosen and len(setting.providers) > 1:
        named = ", ".join(setting.providers)
        raise UserError(f"One kernel is launched; name one --provider, not {named}.")
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


def _only(request: Request, words: tuple[str, ...]) -> StepCase:
    """The case. Raises UserError where none or several are left, with what tells them apart."""
    cases = request.cases()
    left = [one for one in cases if {*words} <= {*one.case.label().split()}]
    if len(left) == 1:
        return left[0]
    name = (left or cases)[0].op.name
    if not left:
        known = "; ".join(one.case.label() for one in cases)
        raise UserError(f"No case of {name} has the words {' '.join(words)!r}; there are {known}.")
    if not all(one.roles for one in left):
        known = "; ".join(one.case.label() for one in left)
        raise UserError(f"There are {len(left)} cases of {name}; name one by --case: {known}.")
    roles = ", ".join("+".join(one.roles) for one in left)
    raise UserError(
        f"{request.model.name} has {len(left)} cases of {name}; name one --format and one --role: "
        f"{roles}."
    )
