"""Launch parameters as a user names them: ``default``, ``tuned``, or ``rows=2,split=4``.

Values that are left out are the default's. What is named has to be a configuration that the kernel
has for the case; what is wrong with it is said with the values that are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from truetpot.errors import UserError
from truetpot.ops.guard import guarded, who
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config, Kernel
from truetpot.ops.tuned import Choice
from truetpot.records.words import Origin
from truetpot.runtime.device import Device
from truetpot.text import escaped, shortened

DEFAULT, TUNED = "default", "tuned"
_SHOWN = 12
"""Values of a parameter that a sentence lists."""


def chosen(kernel: type[Kernel], case: Case, device: Device, text: str) -> Choice:
    """What ``text`` names, of a kernel that takes the case.

    Raises UserError with one sentence for what is no configuration here, KernelError where the
    kernel fails to say what it has.
    """
    with guarded("configs", who(kernel, case)):
        if text == TUNED:
            return kernel.usual(case, device)
        known = [dict(one) for one in kernel.configs(case, device)] or [{}]
        if text == DEFAULT:
            return Choice(known[0])
        withheld = list(kernel.withheld(case, device))
    whose = f"the {kernel.provider} {kernel.op.name} kernel for {case.label()}"
    return Choice(matching(pairs(text), known, whose, withheld), Origin.GIVEN)


def pairs(text: str, words: Sequence[str] = (DEFAULT, TUNED)) -> dict[str, str]:
    """Names and values. Raises UserError for what is not of the form ``name=value,...``.

    ``words`` are what else could have been written.
    """
    parts = [part.partition("=") for part in text.split(",")]
    found = {name.strip(): value.strip() for name, _, value in parts}
    if not all(name and value for name, value in found.items()) or len(found) < len(parts):
        raise UserError(
            f"--config {escaped(shortened(text, 80))!r} is not of the form rows=2,split=4, nor "
            f"{', '.join(words[:-1])} or {words[-1]}."
        )
    return found


def matching(
    named: Mapping[str, str],
    known: Sequence[Config],
    whose: str,
    withheld: Iterable[tuple[Config, str]] = (),
) -> Config:
    """The configuration of ``known``, the default first, that has the named values.

    Raises UserError, with the legal values, where there is none, or more than one and the default's
    values do not decide.
    """
    asked = "--config " + shortened(",".join(f"{name}={value}" for name, value in named.items()))
    for config, reason in withheld:
        if all(name in named and _is(value, named[name]) for name, value in config.items()):
            raise UserError(f"{asked}: not offered here: {reason.rstrip('.')}.")
    names = list(dict.fromkeys(name for one in known for name in one))
    if not names:
        raise UserError(f"{asked}: {whose} has no launch parameters; leave --config out.")
    for name, value in named.items():
        if name not in names:
            has = ", ".join(f"{one} ({_listed(_values(known, one))})" for one in names)
            raise UserError(f"{asked}: {whose} has no parameter {shortened(name)}; it has {has}.")
        values = _values(known, name)
        if not any(_is(one, value) for one in values):
            raise UserError(f"{asked}: {whose} has {name} = {_listed(values)}; choose one of them.")
    fitting, beside = list(known), list[str]()
    for name, value in named.items():
        left = [one for one in fitting if name in one and _is(one[name], value)]
        if not left:
            legal = _listed(_values(fitting, name)) or "not there"
            raise UserError(f"{asked}: of {whose}, {name} is {legal} beside {','.join(beside)}.")
        fitting = left
        beside.append(f"{name}={value}")
    like_default = [
        one
        for one in fitting
        if all(name in named or known[0].get(name) == value for name, value in one.items())
    ]
    if like_default or len(fitting) == 1:
        return dict((like_default or fitting)[0])
    rest = [name for name in dict.fromkeys(n for one in fitting for n in one) if name not in named]
    others = ", ".join(f"{name} ({_listed(_values(fitting, name))})" for name in rest)
    raise UserError(f"{asked}: not legal with the default's other values; name {others} too.")


def _values(configs: Iterable[Config], name: str) -> list[object]:
    found: list[object] = []
    for one in configs:
        if name in one and one[name] not in found:
            found.append(one[name])
    return found


def _listed(values: Sequence[object]) -> str:
    shown = ", ".join(map(str, values[:_SHOWN]))
    return shown + (", ..." if len(values) > _SHOWN else "")


def _is(value: object, text: str) -> bool:
    """Whether a kernel's own value is what was typed."""
    if isinstance(value, bool | str) or value is None:
        return str(value).lower() == text.lower()
    try:
        return isinstance(value, int | float) and float(value) == float(text)
    except ValueError:
        return False
