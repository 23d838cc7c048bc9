"""Which kernels there are, and why the others are not there.

A kernel is a class registered for one operator and one provider::

    @register(LINEAR, provider="numba", devices=("cpu",))
    class NumbaLinear(Kernel):
        def pack(self, weight): ...
        def __call__(self, *, x, weight, bias): ...

The object that ``build`` returns is the one that tests check, ASV times and the decode step
launches. Kernels come from ``truetpot.kernels.<op>.<provider>``, from ``.py`` files in folders a
user names (``<dir>/<op>/<provider>.py`` or ``<dir>/*.py``), and from the entry-point group
``truetpot.kernels``. A built-in file is known by its name and imported when its operator or its
provider is asked for: OpenCL needs no torch. A file that cannot be imported is recorded with its
reason, never raised.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from truetpot.errors import KernelError, UserError
from truetpot.formats import Weight
from truetpot.ops.guard import guarded, who
from truetpot.ops.operator import Case, Inputs, Operator
from truetpot.ops.tuned import tuned_config
from truetpot.runtime.device import Device
from truetpot.text import one_line

Config = dict[str, Any]
K = TypeVar("K", bound="type[Kernel]")


class Kernel:
    """One operator by one provider, built for a case on a device.

    ``__init__`` may compile, choose launch parameters from ``config`` and keep scratch memory.
    """

    op: ClassVar[Operator]
    provider: ClassVar[str]
    devices: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    coarse: ClassVar[str] = ""
    """What the kernel's arithmetic rounds further than the operator's, by design, in one line."""

    def __init__(self, case: Any, device: Device, **config: Any) -> None:
        self.case, self.device, self.config = case, device, config
        self.given = config

    @classmethod
    def make(cls, case: Any, device: Device, **config: Any) -> Self:
        """The kernel with the launch parameters given, else the tuned ones, else the default."""
        chosen = config or cls.usual(case, device)
        kernel = cls(case, device, **chosen)
        kernel.given = chosen
        return kernel

    @classmethod
    def usual(cls, case: Any, device: Device) -> Config:
        """The tuned launch parameters for a case, else the default's."""
        op, provider = cls.op.name, cls.provider
        tuned = tuned_config(op, provider, case, device, lambda: cls.configs(case, device))
        return tuned or dict(next(iter(cls.configs(case, device)), {}))

    @property
    def parameters(self) -> Config:
        """For the record: what the kernel was made with, and what it says it chose itself."""
        plain = (str, int, float, type(None))
        return {
            name: value if isinstance(value, plain) else str(value)
            for name, value in (self.given | self.config).items()
        }

    @classmethod
    def refuses(cls, case: Any, device: Device) -> str | None:
        """Why this kernel cannot run the case here, in one line; None when it can."""
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """What ``truetpot providers`` should say beside it, such as the code path in use."""
        return ""

    @classmethod
    def configs(cls, case: Any, device: Device) -> Iterable[Config]:
        """Launch parameters worth trying, the default first."""
        return ({},)

    def rounded(self, inputs: Inputs) -> Inputs:
        """The host inputs as a ``coarse`` kernel rounds them: on these it has to be right."""
        return inputs

    def pack(self, weight: Weight) -> Any:
        """The canonical weight in this kernel's own layout, on its device."""
        raise NotImplementedError(f"{type(self).__name__} takes no weight")

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """Run; inputs and results are arrays of the device, weights what ``pack`` returned."""
        raise NotImplementedError


@dataclass(frozen=True)
class Missing:
    """A provider's file that could not be loaded, and why."""

    op: str
    provider: str
    reason: str


class Fault(str):
    """A reason why a kernel is not there that is the kernel's own fault: no refusal, an error."""

    __slots__ = ()


class Registry:
    """Kernels by operator and provider, in the order in which they were found."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[str, str], list[type[Kernel]]] = {}
        self._missing: dict[tuple[str, str], Missing] = {}
        self._pending: dict[tuple[str, str], Callable[[], Any]] = {}
        self._seen: set[str] = set()

    def add(self, kernel: type[Kernel]) -> None:
        """Register a class; a later one of the same name from the same file replaces it."""
        found = self._kernels.setdefault((kernel.op.name, kernel.provider), [])
        same = (kernel.source, kernel.__qualname__)
        found[:] = [k for k in found if (k.source, k.__qualname__) != same]
        found.append(kernel)

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

    def providers(self) -> list[str]:
        """Names of all providers, loaded or not."""
        known = [*self._kernels, *self._pending, *self._missing]
        return list(dict.fromkeys(provider for _, provider in known))

    def offering(self, op: str) -> list[str]:
        """Names of the providers that have a kernel for an operator, on whatever device."""
        known = [*self._kernels, *self._pending, *self._missing]
        return list(dict.fromkeys(provider for name, provider in known if name == op))

    def offers(self, op: str, providers: Iterable[str]) -> bool:
        """Whether any of the providers has a kernel for an operator, on whatever device."""
        return not {*providers}.isdisjoint(self.offering(op))

    def missing(self) -> list[Missing]:
        """Files that cannot be imported; all are tried."""
        self._load(None, None)
        return list(self._missing.values())

    def find(self, op: str, provider: str, case: Case, device: Device) -> type[Kernel] | str:
        """The kernel class for a case, or the reason why there is none, in one line.

        The reason is a :class:`Fault` where a kernel raised instead of answering.
        """
        found = self.kernels(op, provider)
        if absent := self._missing.get((op, provider)):
            return absent.reason
        if not found:
            return f"{provider} has no {op} kernel"
        fitting = [k for k in found if device.kind in k.devices]
        if not fitting:
            runs_on = ", ".join(sorted({d for k in found for d in k.devices}))
            return f"the {provider} {op} kernel runs on {runs_on}, not on {device.kind}"
        reasons = [_refusal(kernel, case, device) for kernel in fitting]
        for kernel, reason in zip(fitting, reasons, strict=True):
            if reason is None:
                return kernel
        said = "; ".join(dict.fromkeys(str(r) for r in reasons))
        return Fault(said) if any(isinstance(r, Fault) for r in reasons) else said

    def build(self, op: str, provider: str, case: Case, device: Device, **config: Any) -> Kernel:
        """As :meth:`Kernel.make`. Raises UserError with the reason where there is no kernel.

        Raises KernelError where there is one and it cannot be made.
        """
        kernel = self.find(op, provider, case, device)
        name = f"{provider} {op} ({case.label()})"
        if isinstance(kernel, Fault):
            raise KernelError(f"{name}: {kernel}")
        if isinstance(kernel, str):
            raise UserError(f"No {op} kernel of {provider} for {case.label()}: {kernel}.")
        with guarded(name, who(kernel, case), device.memory_errors):
            return kernel.make(case, device, **config)

    def load_builtin(self) -> None:
        """Find every ``truetpot.kernels.<op>.<provider>``, and import the entry points, once."""
        if "builtin" in self._seen:
            return
        self._seen.add("builtin")
        package = importlib.import_module("truetpot.kernels")

        for folder in pkgutil.iter_modules(package.__path__):
            if not folder.ispkg or folder.name.startswith("_"):
                continue
            name = f"{package.__name__}.{folder.name}"
            for file in pkgutil.iter_modules(importlib.import_module(name).__path__):
                if not file.name.startswith("_"):
                    load = _importer(f"{name}.{file.name}")
                    self._pending[folder.name, file.name] = load
        for point in importlib.metadata.entry_points(group="truetpot.kernels"):
            self._import("(entry point)", point.name, point.load, f"the entry point {point.name}")

    def load_folder(self, folder: str | Path) -> list[Missing]:
        """Import a user's kernels from ``folder/*.py`` and ``folder/*/*.py``; what was lost."""
        root = Path(folder)
        if not root.is_dir():
            raise UserError(f"There is no kernel folder {root}; give --kernels an existing folder.")
        files = sorted([*root.glob("*.py"), *root.glob("*/*.py")])
        lost = []
        for path in (p for p in files if not p.name.startswith("_")):
            op = path.parent.name if path.parent != root else "(file)"
            name = "truetpot_user_" + "_".join(path.resolve().with_suffix("").parts[1:])
            if name not in self._seen:
                self._seen.add(name)
                load = _file_importer(name, path)
                if missing := self._import(op, path.stem, load, str(path)):
                    lost.append(missing)
        return lost

    def _load(self, op: str | None, provider: str | None) -> None:
        """Import the built-in files of an operator and provider that are not imported yet."""
        for key in list(self._pending):
            if op in (None, key[0]) and provider in (None, key[1]):
                others = self._kernels.pop(key, [])  # a user's, of the same name: they come after
                self._import(*key, self._pending.pop(key))
                if others:
                    self._kernels.setdefault(key, []).extend(others)

    def _import(
        self, op: str, provider: str, load: Callable[[], Any], name: str = ""
    ) -> Missing | None:
        """``name`` is for what is not of the package."""
        try:
            with guarded(who=name, passing=(ImportError,)):
                load()
            return None
        except ImportError as error:  # says by itself what is not there
            reason = one_line(str(error)) or type(error).__name__
        except (KernelError, UserError) as error:
            reason = str(error)
        self._missing[(op, provider)] = Missing(op, provider, reason)
        return self._missing[(op, provider)]


def _refusal(kernel: type[Kernel], case: Case, device: Device) -> str | None:
    try:
        with guarded("refuses", who(kernel)):
            return kernel.refuses(case, device)
    except (KernelError, UserError) as error:
        return Fault(error)


def _importer(name: str) -> Callable[[], Any]:
    return lambda: importlib.import_module(name)


def _file_importer(name: str, path: Path) -> Callable[[], Any]:
    def load() -> None:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # numba and pickle look modules up by name
        spec.loader.exec_module(module)

    return load


REGISTRY = Registry()


def register(op: Operator, *, provider: str, devices: tuple[str, ...]) -> Callable[[K], K]:
    """Class decorator: make a kernel known to tests, benchmarks, tuning and the decode step."""

    def decorate(kernel: K) -> K:
        kernel.op, kernel.provider, kernel.devices = op, provider, devices
        kernel.source = str(getattr(sys.modules.get(kernel.__module__), "__file__", "?"))
        REGISTRY.add(kernel)
        return kernel

    return decorate
