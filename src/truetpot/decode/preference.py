"""Which provider serves an operator: the first, in the user's order, that has a kernel for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from truetpot.decode.program import Call
from truetpot.errors import UserError
from truetpot.ops import Case, Composite, Operator
from truetpot.ops.registry import REGISTRY, Fault, Kernel
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.text import meant


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
        self._ranks: dict[tuple[str, Case], int | None] = {}
        self.faults: dict[str, str] = {}
        """Kernels that raised when they were asked for, and what; they have served nothing."""

    def rank(self, op: Operator, case: Case) -> int | None:
        """Place of the provider that serves the case; None if none does."""
        key = op.name, case
        if key not in self._ranks:
            able: Iterable[int] = (
                place
                for place, provider in enumerate(self.providers)
                if self.chosen.get(op.name, provider) == provider and self._able(op, case, provider)
            )
            if self.device.group.size > 1:  # alone, who comes after the first need not be imported
                able = agreed.common(self.device.group, able)
            self._ranks[key] = next(iter(able), None)
        return self._ranks[key]

    def _able(self, op: Operator, case: Case, provider: str) -> bool:
        found = REGISTRY.find(op.name, provider, case, self.device)
        if isinstance(found, Fault):
            self.faults[f"{provider} {op.name} ({case.label()})"] = found
        return not isinstance(found, str)

    def composites(self) -> list[Composite]:
        """Fused operators that the providers have kernels for, a user's own among them."""
        found = {op.name: op for op in composites_of(self.providers)}
        names = agreed.common(self.device.group, found)
        return [found[name] for name in names if name not in self.without]

    def build(self, call: Call) -> Kernel:
        """The kernel object for a call. Raises UserError with every provider's reason."""
        place = self.rank(call.op, call.case)
        if place is None:
            found = (
                REGISTRY.find(call.op.name, provider, call.case, self.device)
                for provider in self.providers
            )
            reasons = (one if isinstance(one, str) else "not on every rank" for one in found)
            raise UserError(
                f"No given provider runs {call.op.name} ({call.case.label()}) on "
                f"{self.device.name}: {'; '.join(dict.fromkeys(reasons))}. {self._advice(call)}"
            )
        return REGISTRY.build(call.op.name, self.providers[place], call.case, self.device)

    def _advice(self, call: Call) -> str:
        """Who runs it on this device; where nobody does, that no provider will help."""
        able = [
            name
            for name in REGISTRY.offering(call.op.name)
            if name not in self.providers
            and not isinstance(REGISTRY.find(call.op.name, name, call.case, self.device), str)
        ]
        if able:
            return f"Add one that does with --provider: {', '.join(able)}."
        return "No other provider runs it here either: choose a case that one of them takes."
