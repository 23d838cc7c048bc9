"""What a kernel class has to be, held against it when it registers.

Most mistakes in a kernel are made before it first runs: a ``refuses`` without ``@classmethod``, an
argument of ``__call__`` by another name. Each is one sentence that names the file and the line and
says what to do, and costs no more than the class that has it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from truetpot import ops
from truetpot.errors import KernelError
from truetpot.facts.kinds import all_kinds
from truetpot.ops.composite import Composite
from truetpot.ops.foreign import describe, shown
from truetpot.ops.inputs import Input
from truetpot.ops.kernel import TORCH, Kernel
from truetpot.ops.location import Location
from truetpot.ops.operator import Operator
from truetpot.text import escaped, meant

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
RESERVED = ("all",)
"""What ``--provider`` takes for something else than a provider."""

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class ContractError(KernelError):
    """A kernel is not what a kernel has to be: where, what, and what to do."""


def is_name(provider: object) -> bool:
    """Whether options, tables and people can name a provider so."""
    named = isinstance(provider, str) and _NAME.fullmatch(provider) is not None
    return named and provider not in RESERVED


@cache
def check_inputs(op: Operator) -> None:
    """Raise ContractError where an operator, which may be anyone's, does not say what it takes."""
    if isinstance(op, Composite):
        for part in op.parts:
            check_inputs(part)
        for part, wire in zip(op.parts[1:], op.wires, strict=True):
            if wire not in (names := [one.name for one in part.takes]):
                raise ContractError(
                    f"the composite {op.name} wires {part.name} by {wire!r}, which is none of its "
                    f"inputs; choose one of {', '.join(names)}"
                )
        return
    name, takes = escaped(op.name), op.takes
    if not isinstance(takes, tuple) or not takes or not all(isinstance(x, Input) for x in takes):
        raise ContractError(
            f"the operator {name} takes {shown(takes)}; write takes = (Input(...), ...), an Input "
            "of truetpot.ops.inputs for each of its inputs"
        )
    try:
        op.inputs(next(iter(op.grid())), np.random.default_rng(0))
    except Exception as error:
        raise ContractError(
            f"the operator {name} gives no inputs for the first case of its grid "
            f"({describe(error)}); mend its grid or what it takes"
        ) from error


def check(
    kernel: object, op: Operator, provider: object, devices: object, at: Location
) -> None:
    """Raise ContractError for the first thing that is wrong with a class to be registered.

    The operator has passed :func:`check_operator`.
    """
    _check_names(provider, devices, at)
    _check_kernel(kernel, op, at)


def check_operator(op: object, at: Location) -> None:
    """Raise ContractError for what is no operator, and for another one of a name that is taken."""
    if not isinstance(op, Operator) or not is_name(getattr(op, "name", None)):
        raise ContractError(
            f"{at}: register takes an operator with a name, not {shown(op)}; import one from "
            "truetpot.ops, such as LINEAR, and write @register(LINEAR, provider=..., devices=...)"
        )
    known = ops.OPERATORS.get(op.name)
    if known is not None and known is not op:
        raise ContractError(
            f"{at}: there is an operator {op.name} already; give this one another name"
        )
    try:
        check_inputs(op)
    except ContractError as error:
        raise ContractError(f"{at}: {error}") from None


def check_beside(
    kernel: type, op: Operator, provider: str, known: Iterable[type[Kernel]], at: Location
) -> None:
    """Raise ContractError for a class, a name or an operator that is known as another one."""
    module = sys.modules.get(kernel.__module__)
    above = getattr(module, kernel.__qualname__, None)  # not this one: it has no name yet
    for other in known:
        if other is kernel:
            raise ContractError(
                f"{at}: the class {kernel.__name__} is registered twice; derive a second class "
                "from it and register that"
            )
        if other is above and (other.op.name, other.provider) == (op.name, provider):
            raise ContractError(
                f"{at}: a class {kernel.__name__} is registered above it; give this one another "
                "name"
            )
        if other.op.name == op.name and not _same(other.op, op):
            raise ContractError(
                f"{at}: there is another operator {op.name}, which has kernels; give this one "
                "another name"
            )


def _same(a: Operator, b: Operator) -> bool:
    """A composite that is declared again, of the same parts, is the same one."""
    if isinstance(a, Composite) and isinstance(b, Composite):
        return (a.parts, a.wires) == (b.parts, b.wires)
    return a is b


def _check_names(provider: object, devices: object, at: Location) -> None:
    """Raise ContractError for a provider or for devices that nobody could ask for."""
    if not is_name(provider):
        raise ContractError(
            f"{at}: the provider is {shown(provider)}; give it a name of letters, digits, "
            f"'_', '-' and '.' that is not {' or '.join(RESERVED)}"
        )
    wanted = "give a tuple of kinds such as ('cpu',), ('cuda', 'xpu') or ('opencl',)"
    if not isinstance(devices, tuple) or not devices:
        raise ContractError(f"{at}: the devices are {shown(devices)}; {wanted}")
    for device in devices:
        if not isinstance(device, str) or not re.fullmatch(r"[a-z]+", device):
            raise ContractError(f"{at}: a device is {shown(device)}; {wanted}")
        if device not in (known := (*all_kinds(), TORCH)):
            raise ContractError(
                f"{at}: there is no kind of device {device!r}{meant(device, known)}; choose "
                f"from {', '.join(all_kinds())}, or {TORCH} for all that torch has"
            )


def _check_kernel(kernel: object, op: Operator, at: Location) -> None:
    """Raise ContractError for the first thing that a kernel class of the operator has wrong."""
    if not isinstance(kernel, type) or not issubclass(kernel, Kernel):
        raise ContractError(
            f"{at}: {shown(kernel)} is no class that derives from Kernel; write "
            "class Mine(Kernel)"
        )
    for name, (own, model) in _overridden(kernel).items():
        _check_override(kernel, name, own, model, at)
    _check_call(kernel, op, at)
    if op.weights and kernel.pack is Kernel.pack:
        raise ContractError(
            f"{at}: the class {kernel.__name__} has no pack, and {op.name} has weights; write "
            "def pack(self, weight), which returns the weight in the kernel's own layout"
        )
    _check_coarse(kernel, at)
    most = kernel.most_query_tokens
    if type(most) is not int or most < 1:
        raise ContractError(
            f"{at}: most_query_tokens of {kernel.__name__} is {shown(most)}; give the most "
            "query tokens of a sequence that the kernel takes, 1 or more"
        )


def _overridden(kernel: type) -> dict[str, tuple[Any, Any]]:
    """What the class defines anew of what kernels have, by name: its own, and the original."""
    found = {}
    for name in {name for one in kernel.__mro__ if issubclass(one, Kernel) for name in vars(one)}:
        definers = [one for one in kernel.__mro__ if name in vars(one)]
        model = next(one for one in reversed(definers) if issubclass(one, Kernel))
        if definers[0] is not model and name != "__call__":
            found[name] = vars(definers[0])[name], vars(model)[name]
    return dict(sorted(found.items()))


def _check_override(kernel: type, name: str, own: Any, model: Any, at: Location) -> None:
    """Of the same kind as what it overrides, and called with the same."""
    at, method = _location(own, at), f"{kernel.__name__}.{name}"
    if isinstance(model, property) and inspect.isfunction(own):
        raise ContractError(f"{at}: {method} is read, not called; write @property above it")
    if not isinstance(model, classmethod) and not inspect.isfunction(model):
        return
    if not callable(getattr(kernel, name)):
        raise ContractError(f"{at}: {method} is {shown(own)} and no method; write def {name}")
    if isinstance(model, classmethod) and not isinstance(own, classmethod | staticmethod):
        raise ContractError(f"{at}: {method} is no classmethod; write @classmethod above it")
    wanted, taken = _parameters(model), _parameters(own)
    if wanted is None or taken is None:
        return
    names = [p.name for p in wanted if p.kind in _POSITIONAL and p.default is p.empty]
    positional = [p.name for p in taken if p.kind in _POSITIONAL][: len(names)]
    swapped = {one for one, name in zip(positional, names, strict=False) if one != name} & {*names}
    if swapped or not _binds(taken, len(names)):
        raise ContractError(
            f"{at}: {method} takes ({', '.join(p.name for p in taken)}) and is called with "
            f"({', '.join(names)}); give it these parameters"
        )


def _check_call(kernel: type, op: Operator, at: Location) -> None:
    """Every input is taken by its name, and nothing else is asked for."""
    names = [one.name for one in op.takes]
    own = next(vars(one)["__call__"] for one in kernel.__mro__ if "__call__" in vars(one))
    if own is vars(Kernel)["__call__"]:
        raise ContractError(
            f"{at}: the class {kernel.__name__} has no __call__; write "
            f"def __call__(self, *, {', '.join(names)})"
        )
    taken = _parameters(own)
    if taken is None:
        return
    at, method = _location(own, at), f"{kernel.__name__}.__call__"
    known = {p.name for p in taken if p.kind in _NAMED}
    anything = any(p.kind is p.VAR_KEYWORD for p in taken)
    if missing := [name for name in names if name not in known and not anything]:
        raise ContractError(
            f"{at}: {method} does not take {', '.join(missing)}, which {op.name} passes by "
            f"name; write def __call__(self, *, {', '.join(names)})"
        )
    needed = [p.name for p in taken if p.default is p.empty and p.kind in (*_NAMED, *_POSITIONAL)]
    if foreign := [name for name in needed if name not in names]:
        raise ContractError(
            f"{at}: {method} asks for {', '.join(foreign)}, which {op.name} does not pass; it "
            f"passes {', '.join(names)}"
        )


def _check_coarse(kernel: Any, at: Location) -> None:
    """What rounds further says how, in one line, and by ``rounded`` to what."""
    if not isinstance(kernel.coarse, str) or "\n" in kernel.coarse:
        raise ContractError(
            f"{at}: coarse of {kernel.__name__} is {shown(kernel.coarse)}; say in one line "
            "what the kernel rounds further than the operator does"
        )
    rounds = kernel.rounded is not Kernel.rounded
    if kernel.coarse and not rounds:
        raise ContractError(
            f"{at}: {kernel.__name__} is coarse and has no rounded; write def rounded(self, "
            "inputs), which returns the inputs as the kernel rounds them"
        )
    if rounds and not kernel.coarse:
        raise ContractError(
            f"{at}: {kernel.__name__} has rounded and is not coarse, so that it is never "
            "called; say in coarse, in one line, what the kernel rounds"
        )


def _parameters(method: Any) -> list[inspect.Parameter] | None:
    """What a method is given, but for its class or object; None where it does not say."""
    try:
        found = list(inspect.signature(_function(method)).parameters.values())
    except (TypeError, ValueError):  # a compiled one
        return None
    takes_self = not isinstance(method, staticmethod) and found and found[0].kind in _POSITIONAL
    return found[1:] if takes_self else found


def _binds(taken: list[inspect.Parameter], count: int) -> bool:
    try:
        inspect.Signature(taken).bind(*[None] * count)
    except TypeError:
        return False
    return True


def _function(method: Any) -> Callable[..., Any]:
    inner = getattr(method, "__func__", None) or getattr(method, "fget", None) or method
    return inspect.unwrap(inner)


def _location(method: Any, otherwise: Location) -> Location:
    """Where a method is written; of what has no line, where its class is registered."""
    code = getattr(_function(method), "__code__", None)
    return otherwise if code is None else Location(code.co_filename, code.co_firstlineno)
