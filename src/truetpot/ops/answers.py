"""What a kernel class answers when it is asked is held to its type, wherever it is asked.

Its answers steer what is measured. One of another type is told in one sentence that names the
kernel and its file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from truetpot.formats import Weight
from truetpot.ops.contract import ContractError
from truetpot.ops.foreign import shown
from truetpot.ops.inputs import Inputs
from truetpot.ops.kernel import Kernel
from truetpot.ops.operator import Case, query_tokens
from truetpot.runtime.device import Device
from truetpot.text import escaped

_ROUNDED, _REFUSES = "rounded", "refuses"
MOST_CONFIGS = 100_000
"""Of a case: a kernel that yields more of them never ends."""


def hold(kernel: type[Kernel]) -> None:
    """From now on the class raises ContractError for an answer that is not what it has to be.

    And it refuses more query tokens a sequence than it says to take, whatever it answers itself.
    """
    for name, held in _HELD.items():
        raw = inspect.getattr_static(kernel, name)
        if raw is not inspect.getattr_static(Kernel, name):
            setattr(kernel, name, classmethod(_asked(raw, held)))
    asked = inspect.getattr_static(kernel, _REFUSES)
    setattr(kernel, _REFUSES, classmethod(_or_for_its_query_tokens(asked)))
    if kernel.rounded is not Kernel.rounded:
        setattr(kernel, _ROUNDED, _rounded(kernel.rounded))


def _asked(raw: Any, held: Callable[[type[Kernel], Any], Any]) -> Callable[..., Any]:
    def ask(cls: type[Kernel], *about: Any) -> Any:
        return held(cls, raw.__get__(None, cls)(*about))

    return ask


def _or_for_its_query_tokens(raw: Any) -> Callable[..., str | None]:
    def refuses(cls: type[Kernel], case: Case, device: Device) -> str | None:
        reason: str | None = raw.__get__(None, cls)(case, device)
        if reason is None and (asked := query_tokens(case)) > (most := cls.most_query_tokens):
            takes = "one query token" if most == 1 else f"at most {most} query tokens"
            return f"this kernel takes {takes} a sequence, not {asked}"
        return reason

    return refuses


def _refusal(kernel: type[Kernel], reason: Any) -> str | None:
    if reason is None or (isinstance(reason, str) and reason):
        return reason
    advice = "return None, or say why in a line"
    raise ContractError(_fault(kernel, "refuses", f"returned {shown(reason)}; {advice}"))


def _note(kernel: type[Kernel], text: Any) -> str:
    if isinstance(text, str):
        return text
    raise ContractError(_fault(kernel, "note", f"returned {shown(text)}; return text"))


def _configs(kernel: type[Kernel], configs: Any) -> Iterator[dict[str, Any]]:
    advice = "yield dicts of launch parameters by name, the default first"
    if not isinstance(configs, Iterable):
        raise ContractError(_fault(kernel, "configs", f"returned {shown(configs)}; {advice}"))
    found = iter(configs)
    for config in islice(found, MOST_CONFIGS):
        if not isinstance(config, dict) or not all(isinstance(name, str) for name in config):
            raise ContractError(_fault(kernel, "configs", f"yielded {shown(config)}; {advice}"))
        yield dict(config)
    if next(found, None) is not None:
        fault = f"yielded more than {MOST_CONFIGS} of them; {advice}"
        raise ContractError(_fault(kernel, "configs", fault))


def _withheld(kernel: type[Kernel], found: Any) -> list[tuple[dict[str, Any], str]]:
    advice = "return pairs of launch parameters by name and the reason, a text"
    if not isinstance(found, Iterable):
        raise ContractError(_fault(kernel, "withheld", f"returned {shown(found)}; {advice}"))
    pairs = list(islice(found, MOST_CONFIGS))
    for pair in pairs:
        match pair:
            case (dict() as config, str()) if config and all(isinstance(n, str) for n in config):
                pass
            case _:
                raise ContractError(_fault(kernel, "withheld", f"gave {shown(pair)}; {advice}"))
    return pairs


def _rounded(method: Callable[[Any, Inputs], Inputs]) -> Callable[[Any, Inputs], Inputs]:
    def rounded(self: Kernel, inputs: Inputs) -> Inputs:
        found = method(self, inputs)
        same = isinstance(found, dict) and found.keys() == inputs.keys()
        if same and all(_alike(found[name], value) for name, value in inputs.items()):
            return found
        fault = f"returned {shown(found)}; return a dict of the same inputs, of the same shapes"
        raise ContractError(_fault(type(self), "rounded", fault))

    return rounded


def _alike(got: Any, given: Any) -> bool:
    if isinstance(given, Weight):
        return isinstance(got, Weight) and got.shape == given.shape
    return bool(getattr(got, "shape", None) == getattr(given, "shape", None))


def _fault(kernel: type[Kernel], method: str, what: str) -> str:
    where = escaped(kernel.source)
    return f"{method} of the {kernel.provider} {kernel.op.name} kernel ({where}) {what}"


_HELD: dict[str, Callable[[type[Kernel], Any], Any]] = {
    "refuses": _refusal,
    "note": _note,
    "configs": _configs,
    "withheld": _withheld,
}
