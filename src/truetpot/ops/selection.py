"""Which kernel runs a case: the first provider's that takes it, and why those before it do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from truetpot.errors import KernelError, UserError
from truetpot.ops.guard import guarded, who
from truetpot.ops.kernel import Kernel
from truetpot.ops.operator import Case
from truetpot.runtime.device import Device


@dataclass(frozen=True)
class Refusal:
    """Why a provider has no kernel for a case."""

    reason: str
    """In one line."""
    fault: bool = False
    """Whether that is an error of the kernel's own: it raised instead of answering."""


@dataclass(frozen=True)
class Selection:
    """Of the providers that were asked, in their order, the first whose kernel takes a case."""

    op: str
    case: Case
    kernel: type[Kernel] | None
    """None where no provider has one."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """By provider: of those before the kernel's, of all where there is none."""

    @property
    def reason(self) -> str:
        """Why there is no kernel, in one line; empty where there is one."""
        if self.kernel is not None:
            return ""
        return "; ".join(dict.fromkeys(one.reason for one in self.refusals.values()))

    @property
    def fault(self) -> bool:
        """Whether there is no kernel because one raised when it was asked."""
        return self.kernel is None and any(one.fault for one in self.refusals.values())

    @property
    def required(self) -> type[Kernel]:
        """The kernel. Where there is none raises UserError, KernelError for a :attr:`fault`."""
        if self.kernel is not None:
            return self.kernel
        providers = ", ".join(self.refusals)
        if self.fault:
            raise KernelError(f"{providers} {self.op} ({self.case.label()}): {self.reason}")
        raise UserError(
            f"No {self.op} kernel of {providers} for {self.case.label()}: {self.reason}."
        )

    def make(self, device: Device, **config: Any) -> Kernel:
        """The object that is checked, timed and launched, as :meth:`Kernel.make`.

        Raises what :attr:`required` raises, KernelError where the kernel cannot be made.
        """
        kernel, case = self.required, self.case
        name = f"{kernel.provider} {self.op} ({case.label()})"
        with guarded(name, who(kernel, case), device.memory_errors):
            return kernel.make(case, device, **config)
