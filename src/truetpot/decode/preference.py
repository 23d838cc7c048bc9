"""Which provider serves an operator: the first, in the user's order, that has a kernel for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from truetpot.errors import UserError
from truetpot.ops import Case, Composite, Operator
from truetpot.ops.registry import REGISTRY
from truetpot.ops.selection import Refusal, Selection
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.text import meant

_NOT_EVERYWHERE = Refusal("not on every rank")


def composites_of(providers: Iterable[str]) -> list[Composite]:
    """Fused operators that any of the providers has a kernel for, a user's own among them."""
    kernels = (kernel for name in providers for kernel in REGISTRY.kernels(provider=name))
    return list({k.op.name: k.op for k in kernels if isinstance(k.op, Composite)}.values())


class Preference:
    """Providers in order, for one device. Raises UserError for a name that nobody registered.

    ``chosen`` names operators that one provider serves, wherever it stands in the order;
    ``without`` composites that are not to be used. Ranks of one group do the same step: what not
    all of them can run serves none. So they ask together, each for the same.
    """

    def __init__(
        self,
        providers: Sequence[str],
        device: Device,
        chosen: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        REGISTRY.load_builtin()
        if unknown := [name for name in providers if name not in REGISTRY.providers()]:
            known = ", ".join(REGISTRY.providers()) or "none"
            near = meant(unknown[0], REGISTRY.providers())
            raise UserError(f"There is no provider {unknown[0]!r}{near}; known are {known}.")
        self.chosen, self.without = dict(chosen or {}), frozenset(without)
        self.providers = tuple(dict.fromkeys((*providers, *self.chosen.values())))
        self.device = device
        self._known: dict[tuple[str, Case], Selection] = {}
        self.faults: dict[str, str] = {}
        """Kernels that raised when they were asked for, and what; they have served nothing."""

    def choose(self, op: Operator, case: Case) -> Selection:
        """Who serves the case, asked once."""
        key = op.name, case
        if key not in self._known:
            self._known[key] = found = self._choose(op, case)
            for provider, refusal in found.refusals.items():
                if refusal.fault:
                    self.faults[f"{provider} {op.name} ({case.label()})"] = refusal.reason
        return self._known[key]

    def _choose(self, op: Operator, case: Case) -> Selection:
        asked = [one for one in self.providers if self.chosen.get(op.name, one) == one]
        if self.device.group.size == 1:  # who comes after the first need not be imported
            return REGISTRY.choose(op.name, case, self.device, *asked)
        each = {one: REGISTRY.choose(op.name, case, self.device, one) for one in asked}
        mine = [one for one, found in each.items() if found.kernel is not None]
        able = agreed.common(self.device.group, mine)
        refusals = {one: _NOT_EVERYWHERE for one in asked if one not in able}
        for found in each.values():
            refusals |= found.refusals
        return Selection(op.name, case, each[able[0]].kernel if able else None, refusals)

    def rank(self, op: Operator, case: Case) -> int | None:
        """Position of the provider that serves the case; None if none does."""
        kernel = self.choose(op, case).kernel
        return None if kernel is None else self.providers.index(kernel.provider)

    def required(self, op: Operator, case: Case) -> Selection:
        """As :meth:`choose`. Raises UserError with every provider's reason where none serves."""
        found = self.choose(op, case)
        if found.kernel is None:
            raise UserError(
                f"No given provider runs {op.name} ({case.label()}) on {self.device.name}: "
                f"{found.reason}. {self._advice(op, case)}"
            )
        return found

    def composites(self) -> list[Composite]:
        """Fused operators that the providers have kernels for, a user's own among them."""
        found = {op.name: op for op in composites_of(self.providers)}
        names = agreed.common(self.device.group, found)
        return [found[name] for name in names if name not in self.without]

    def _advice(self, op: Operator, case: Case) -> str:
        """Who runs it on this device; where nobody does, that no provider will help."""
        able = [
            name
            for name in REGISTRY.offering(op.name)
            if name not in self.providers
            and REGISTRY.choose(op.name, case, self.device, name).kernel is not None
        ]
        if able:
            return f"Add one that does with --provider: {', '.join(able)}."
        return "No other provider runs it here either: choose a case that one of them takes."
