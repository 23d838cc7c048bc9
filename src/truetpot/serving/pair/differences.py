"""What two runs of a pair say otherwise, beside speculation, and whether that decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from truetpot.facts.hardware import recognise_cards
from truetpot.facts.names import recognise_format, recognise_model
from truetpot.records.speculation import DifferenceRow
from truetpot.serving.chosen import LONGEST
from truetpot.serving.judged import RunOfFile
from truetpot.serving.records import Setting

LENGTH = 0.02
"""Of lengths, relative: tokenizers and templates shift them by less."""


def differences(pairs: Sequence[tuple[RunOfFile, RunOfFile]]) -> list[DifferenceRow]:
    """Each once, of all pairs of a run with speculation and one without.

    What one of the two files does not say is no difference. Names of models may differ for a model
    that has a drafter in it; two known models, cards or weight formats that differ decide.
    """
    found: dict[tuple[str, str, str], DifferenceRow] = {}
    for one, other in pairs:
        for row in _of(one, other):
            found.setdefault((row.what, row.with_it, row.without), row)
    return sorted(found.values(), key=lambda row: not row.decides)


def _of(one: RunOfFile, other: RunOfFile) -> list[DifferenceRow]:
    first, second = one.checked.run, other.checked.run
    rows = [_row("tool", first.tool, second.tool)]
    for what, read, known in _SETTINGS:
        rows.append(_row(what, read(first.setting), read(second.setting), known))
    rows.append(_lengths("tokens generated", one.evidence.length, other.evidence.length))
    return [row for row in rows if row is not None]


def _row(
    what: str, one: Any, other: Any, known: Callable[[Any], Any] | None = None
) -> DifferenceRow | None:
    """None where they are the same, or one is not there; ``known`` is what decides."""
    if one is None or other is None or one == other:
        return None
    decides = False
    if known is not None:
        meant = known(one), known(other)
        decides = None not in meant and meant[0] != meant[1]
        if not decides and None not in meant and what != "model":
            return None  # two names of one thing
    return DifferenceRow(what=what, with_it=str(one), without=str(other), decides=decides)


def _lengths(what: str, one: Any, other: Any) -> DifferenceRow | None:
    if one is None or other is None or abs(one.value - other.value) <= LENGTH * other.value:
        return None
    return DifferenceRow(
        what=what, with_it=f"{one.value:,.4g}", without=f"{other.value:,.4g}", decides=False
    )


def _model(text: str) -> str | None:
    found = recognise_model(text[:LONGEST])
    return found.name if found else None


def _card(text: str) -> str | None:
    found = recognise_cards(text[:LONGEST])
    return found[0].key if found else None


def _format(text: str) -> str | None:
    return recognise_format(text[:LONGEST])


def _itself(value: Any) -> Any:
    return value


_SETTINGS: tuple[tuple[str, Callable[[Setting], Any], Callable[[Any], Any] | None], ...] = (
    ("model", lambda setting: setting.model, _model),
    ("weights", lambda setting: setting.weight_format, _format),
    ("card", lambda setting: setting.device, _card),
    ("number of cards", lambda setting: setting.devices, _itself),
    ("cache", lambda setting: setting.kv_format, None),
    ("version", lambda setting: setting.tool_version, None),
    ("request rate", lambda setting: setting.request_rate, None),
    ("ignore_eos", lambda setting: setting.ignore_eos, None),
)
"""What, where it stands, and by what two values are the same thing, if that decides."""
