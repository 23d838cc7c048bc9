"""Which launch parameters a kernel is compiled with: its default, the tuned, all, or named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from truetpot.facts.hardware import recognise
from truetpot.facts.issue_rates import all_issue_rates
from truetpot.files import user_folder
from truetpot.isa.launch import Offline
from truetpot.ops import Case, tuned
from truetpot.ops.named import DEFAULT, TUNED, pairs
from truetpot.ops.registry import Config
from truetpot.text import escaped

ALL = "all"
_SHIPPED = Path(tuned.__file__).parents[1] / "tuned"


def read_config(text: str | None) -> str | Config | None:
    """Of ``--config``: None for the default, ``all``, ``tuned``, or the parameters that are named.

    Raises UserError for any other form.
    """
    if text in (None, DEFAULT):
        return None
    if text in (ALL, TUNED):
        return text
    return dict(pairs(text, (ALL, DEFAULT, TUNED)))


def named_config(asked: str | Config | None) -> str:
    """A configuration in words, as it was typed."""
    if isinstance(asked, dict):
        return escaped(",".join(f"{name}={value}" for name, value in asked.items()))
    return str(asked)


def chosen(kernel: Any, case: Case, device: Offline, asked: str | Config | None) -> list[Config]:
    """The configurations to compile; none where the kernel has none of these values."""
    legal = _legal(kernel, case, device)
    if asked is None:
        return legal[:1]
    if asked == ALL:
        return [one for i, one in enumerate(legal) if one not in legal[:i]]
    if asked == TUNED:
        entry = entry_of(kernel, case, device)
        return [legal[0] if entry is None else entry]
    assert isinstance(asked, dict)
    whole = {**legal[0], **asked}
    return [one for one in legal if _texts(one) in (_texts(whole), _texts(asked))][:1]


def _texts(config: Config) -> dict[str, str]:
    return {name: str(value) for name, value in config.items()}


def entry_of(kernel: Any, case: Case, device: Offline) -> Config | None:
    """What is kept for the target's card, whatever its driver calls it; None where nothing is."""
    legal = _legal(kernel, case, device)
    card = all_issue_rates()[device.target.name].card
    label = case.label()
    for file in _files():
        known = recognise(file.stem.replace("-", " "))
        if known is None or known.key != card:
            continue
        entry = tuned.read(file).get(kernel.op.name, {}).get(kernel.provider, {}).get(label)
        config = entry.get("config") if isinstance(entry, dict) else None
        if isinstance(config, dict):
            whole = {**legal[0], **config}
            if found := [one for one in legal if _texts(one) == _texts(whole)]:
                return found[0]
    return None


def _legal(kernel: Any, case: Case, device: Offline) -> list[Config]:
    """The default first; one without parameters where the kernel has none."""
    return [dict(one) for one in kernel.configs(case, device)] or [{}]


def _files() -> Iterable[Path]:
    """The user's own come before the package's."""
    own = user_folder("XDG_DATA_HOME", ".local/share") / "truetpot" / "tuned"
    for folder in (own, _SHIPPED):
        yield from sorted(folder.glob("*.toml"))
