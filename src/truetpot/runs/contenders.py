"""Who races in ``truetpot kernels``: providers, or the configurations of one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from truetpot.decode.cases import StepCase
from truetpot.errors import UserError
from truetpot.measure.kernels import Contender
from truetpot.ops.named import chosen
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.device import Device


def one_provider(
    providers: Sequence[str], cases: Iterable[StepCase], device: Device, named: bool
) -> str:
    """Whose configurations race: the one named, else the first that runs any of the cases.

    Raises UserError where several are named, and where none runs.
    """
    if named and len(providers) > 1:
        raise UserError(
            "--config races the configurations of one kernel; name one --provider, not "
            f"{', '.join(providers)}."
        )
    reasons = []
    for provider in providers:
        for one in cases:
            found = REGISTRY.choose(one.op.name, one.case, device, provider)
            if found.kernel is not None:
                return provider
            reasons.append(found.reason)
    raise UserError(
        f"No kernel can be configured: {reasons[0].rstrip('.')}; name another --device or provider."
    )


def contenders(
    configs: Sequence[str], provider: str, cases: Iterable[StepCase], device: Device
) -> tuple[Contender, ...]:
    """One a configuration. Raises UserError for one that is legal for none of the cases."""
    for config in configs:
        wrong: UserError | None = None
        for one in cases:
            kernel = REGISTRY.choose(one.op.name, one.case, device, provider).kernel
            if kernel is None:
                continue
            try:
                chosen(kernel, one.case, device, config)
            except UserError as error:
                wrong = wrong or error
            else:
                break
        else:
            if wrong is not None:
                raise wrong
    return tuple(Contender(provider, config) for config in configs)
