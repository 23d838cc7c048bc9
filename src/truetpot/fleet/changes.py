"""Versions and settings: on which machines they differ, and when they changed on one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from truetpot.fleet.history import Machine
from truetpot.fleet.seen import MACHINE, Seen
from truetpot.records.fleet import Difference, Variant

COMMANDS = ("validate", "doctor")
Setting = tuple[str, str]
"""A group of cards, or the machine, and what is set."""


def differences(found: Sequence[Machine]) -> list[Difference]:
    """What is not the same on all machines with such a card, by their newest records.

    A package or a variable that a machine does not have is ``none`` there.
    """
    values: dict[Setting, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for command in COMMANDS:
        newest = [(m.name, one) for m in found if (one := m.newest_of(command)) is not None]
        told = sorted({setting for _, one in newest for setting in one.settings})
        for group, what in told:
            for name, one in newest:
                if group in one.groups:
                    value = one.settings.get((group, what), "none")
                    values[group, what][value].append(name)
    return [_difference(*what, kept) for what, kept in sorted(values.items()) if len(kept) > 1]


def _difference(group: str, what: str, kept: Mapping[str, Sequence[str]]) -> Difference:
    usual, *others = sorted(kept, key=lambda value: (-len(kept[value]), value))
    return Difference(
        group=group, what=what, usual=usual, count=len(kept[usual]),
        others=[Variant(value=value, machines=sorted(kept[value])) for value in others],
    )  # fmt: skip


def changed(before: Seen, now: Seen) -> list[str]:
    """What is not as it was, a line each."""
    lines = []
    for (group, what), value in now.settings.items():
        old = before.settings.get((group, what), value)
        if old != value:
            of = "" if group == MACHINE else f" of {group}"
            lines.append(f"{what}{of}: {old} to {value}")
    return lines
