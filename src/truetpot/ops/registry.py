"""Which kernels there are, and why the others are not there.

A kernel is a class registered for one operator and one provider::

    @register(LINEAR, provider="numba", devices=("cpu",))
    class NumbaLinear(Kernel):
        def pack(self, weight): ...
        def __call__(self, *, x, weight, bias): ...

The object that ``build`` returns is the one that tests check, ASV times and the decode step
launches. Where kernels come from, :mod:`.loading` says. A built-in file is known by its name and
imported when its operator or its provider is asked for: OpenCL needs no torch. A file that cannot
be imported, and a class that is not what a kernel has to be (:mod:`.contract`), is recorded with
its reason, never raised.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from truetpot.errors import KernelError, UserError
from truetpot.ops import contract, loading
from truetpot.ops.answers import hold
from truetpot.ops.contract import ContractError
from truetpot.ops.foreign import describe, shown
from truetpot.ops.guard import guarded, who
from truetpot.ops.kernel import Config, Kernel, devices_in_words
from truetpot.ops.loading import Source
from truetpot.ops.location import Location
from truetpot.ops.operator import Case, Operator
from truetpot.ops.selection import Refusal, Selection
from truetpot.runtime.device import Device

__all__ = ["REGISTRY", "Config", "Kernel", "Missing", "Registry", "register"]

K = TypeVar("K", bound=type[Kernel])


@dataclass(frozen=True)
class Missing:
    """A provider's file, or a class in one, that could not be loaded, and why."""

    op: str
    provider: str
    reason: str
    what: str = ""
    """The file with the line, the class, or the entry point."""


class Registry:
    """Kernels by operator and provider, in the order in which they were found."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[str, str], list[type[Kernel]]] = {}
        self._missing: dict[tuple[str, str, str], Missing] = {}
        self._installed: list[type[Kernel]] = []
        self._pending: dict[tuple[str, str], Source] = {}
        self._builtin: set[tuple[str, str]] = set()
        self._seen: set[str] = set()
        self._lossy: set[Path] = set()

    def add(self, kernel: type[Kernel]) -> None:
        """Register a class; a later one of the same name from the same file replaces it."""
        found = self._kernels.setdefault((kernel.op.name, kernel.provider), [])
        same = (kernel.source, kernel.__qualname__)
        found[:] = [k for k in found if (k.source, k.__qualname__) != same]
        found.append(kernel)

    def lose(self, missing: Missing) -> None:
        """Keep the reason why something is not here."""
        self._missing[missing.op, missing.provider, missing.what] = missing

    def kernels(self, op: str | None = None, provider: str | None = None) -> list[type[Kernel]]:
        """Every kernel of an operator and provider (None: of any); their files are imported."""
        self._load(op, provider)
        return [
            kernel
            for (op_name, provider_name), found in self._kernels.items()
            if op in (None, op_name) and provider in (None, provider_name)
            for kernel in found
        ]

    def imported(self) -> list[type[Kernel]]:
        """The kernels of every file that has been imported, a user's own among them."""
        return [kernel for found in self._kernels.values() for kernel in found]

    def installed(self) -> list[type[Kernel]]:
        """The kernels that installed packages brought by their entry points."""
        return list(self._installed)

    def builtin_providers(self) -> list[str]:
        """Names of the providers that have a file in ``truetpot.kernels``, sorted."""
        return sorted({name for _, name in self._builtin})

    def is_builtin(self, provider: str) -> bool:
        """Whether a file of ``truetpot.kernels`` is named after the provider."""
        return any(provider == name for _, name in self._builtin)

    def shadows(self, kernel: type[Kernel]) -> bool:
        """Whether a built-in kernel of the same operator and provider comes before it."""
        return (kernel.op.name, kernel.provider) in self._builtin

    def providers(self) -> list[str]:
        """Names of all providers, loaded or not."""
        return list(dict.fromkeys(provider for _, provider in self._known()))

    def offering(self, op: str) -> list[str]:
        """Names of the providers that have a kernel for an operator, on whatever device."""
        return list(dict.fromkeys(provider for name, provider in self._known() if name == op))

    def _known(self) -> list[tuple[str, str]]:
        """Operators and providers, but for lost files whose name could not be a provider's."""
        lost = [(op, provider) for op, provider, _ in self._missing if contract.is_name(provider)]
        return [*self._kernels, *self._pending, *lost]

    def offers(self, op: str, providers: Iterable[str]) -> bool:
        """Whether any of the providers has a kernel for an operator, on whatever device."""
        return not {*providers}.isdisjoint(self.offering(op))

    def missing(self) -> list[Missing]:
        """Files that cannot be imported; all are tried."""
        self._load(None, None)
        return list(self._missing.values())

    def choose(self, op: str, case: Case, device: Device, *providers: str) -> Selection:
        """The first of the providers that has a kernel for the case; those after it are not asked.

        Nothing is raised for what a kernel does when it is asked: that is its refusal.
        """
        refusals: dict[str, Refusal] = {}
        for provider in providers:
            found = self._answer(op, provider, case, device)
            if not isinstance(found, Refusal):
                return Selection(op, case, found, refusals)
            refusals[provider] = found
        return Selection(op, case, None, refusals)

    def _answer(self, op: str, provider: str, case: Case, device: Device) -> type[Kernel] | Refusal:
        found = self.kernels(op, provider)
        missing = self._missing.values()
        lost = [one.reason for one in missing if (one.op, one.provider) == (op, provider)]
        if not found:
            return Refusal("; ".join(lost) or f"{provider} has no {op} kernel")
        fitting = [k for k in found if k.runs_on(device.kind)]
        if not fitting:
            runs_on = devices_in_words({d for k in found for d in k.devices})
            here = f"the {provider} {op} kernel runs on {runs_on}, not on {device.kind}"
            return Refusal("; ".join([here, *lost]))
        refusals: list[Refusal] = []
        for kernel in fitting:
            refusal = _refusal(kernel, case, device)
            if refusal is None:
                return kernel
            refusals.append(refusal)
        said = "; ".join(dict.fromkeys([*(one.reason for one in refusals), *lost]))
        return Refusal(said, any(one.fault for one in refusals))

    def build(self, op: str, provider: str, case: Case, device: Device, **config: Any) -> Kernel:
        """The kernel object of one provider, as :meth:`Selection.make`."""
        return self.choose(op, case, device, provider).make(device, **config)

    def load_builtin(self) -> list[Missing]:
        """Find every ``truetpot.kernels.<op>.<provider>``, and import the entry points, once.

        What of those was lost.
        """
        if "builtin" in self._seen:
            return []
        self._seen.add("builtin")
        self._pending = {(one.op, one.provider): one for one in loading.builtin()}
        self._builtin = {*self._pending}
        before, points = {*self._missing}, list[Source]()

        def find() -> None:
            points.extend(loading.installed())

        self._import(Source("(entry point)", "(any)", "what is installed", find))
        for point in points:
            there = {*self.imported()}
            self._import(point)
            self._installed += [one for one in self.imported() if one not in there]
        return self._lost_since(before)

    def load_folder(self, folder: str | Path) -> list[Missing]:
        """Import a user's kernels from ``folder/*.py`` and ``folder/*/*.py``; what was lost."""
        root = Path(folder)
        if not root.is_dir():
            raise UserError(f"There is no kernel folder {root}; give --kernels an existing folder.")
        before = {*self._missing}
        for file in loading.in_folder(root):
            path = str(Path(file.what).resolve())
            if path not in self._seen:
                self._seen.add(path)
                self._import(file)
        lost = self._lost_since(before)
        self._lossy |= {root.resolve()} if lost else set()
        return lost

    def has_lost(self, folder: Path) -> bool:
        """Whether a file of a user's folder could not be loaded, or a class in one."""
        return folder.resolve() in self._lossy

    def _lost_since(self, before: set[tuple[str, str, str]]) -> list[Missing]:
        return [missing for key, missing in self._missing.items() if key not in before]

    def _load(self, op: str | None, provider: str | None) -> None:
        """Import the built-in files of an operator and provider that are not imported yet."""
        for key in list(self._pending):
            if op in (None, key[0]) and provider in (None, key[1]):
                others = self._kernels.pop(key, [])  # a user's, of the same name: they come after
                self._import(self._pending.pop(key))
                if others:
                    self._kernels.setdefault(key, []).extend(others)

    def _import(self, source: Source) -> None:
        """A kernel file is foreign code: whatever it raises is a reason."""
        name = "" if (source.op, source.provider) in self._builtin else source.what
        try:
            with guarded(who=name, passing=(ImportError,)):
                source.load()
            return
        except ImportError as error:  # says by itself what is not there
            reason = describe(error)
        except (KernelError, UserError) as error:
            reason = str(error)
        self.lose(Missing(source.op, source.provider, reason, source.what))


def _refusal(kernel: type[Kernel], case: Case, device: Device) -> Refusal | None:
    try:
        with guarded("refuses", who(kernel)):
            reason = kernel.refuses(case, device)
    except (KernelError, UserError) as error:
        return Refusal(str(error), fault=True)
    return None if reason is None else Refusal(reason)


REGISTRY = Registry()


def register(
    op: Operator, *, provider: str = "", devices: tuple[str, ...] = ()
) -> Callable[[K], K]:
    """Class decorator: make a kernel known to tests, benchmarks, tuning and the decode step.

    Nothing is raised for a class that is not what a kernel has to be: that would take along what
    its file has after it. It is recorded with the reason, as a file that cannot be imported is.
    """
    frame = sys._getframe(1)
    at = Location(frame.f_code.co_filename, frame.f_lineno)

    def lose(error: ContractError, name: str) -> None:
        whose = op.name if contract.is_name(getattr(op, "name", None)) else "(unknown)"
        who = provider if contract.is_name(provider) else "(unnamed)"
        REGISTRY.lose(Missing(whose, who, str(error), name))

    def decorate(kernel: K) -> K:
        try:
            contract.check(kernel, op, provider, devices, at)
            contract.check_beside(kernel, op, provider, REGISTRY.imported(), at)
            kernel.op, kernel.provider, kernel.devices = op, provider, devices
            kernel.source = str(getattr(sys.modules.get(kernel.__module__), "__file__", "?"))
            REGISTRY.add(kernel)
            hold(kernel)
        except ContractError as error:
            lose(error, f"the class {shown(kernel)}")
        return kernel

    try:
        contract.check_operator(op, at)
    except ContractError as error:  # now: where op is a class, nobody calls what is returned
        lose(error, "a class")
        return lambda kernel: kernel
    return decorate
