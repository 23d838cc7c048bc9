"""Is a device the processor's own graphics or a card? By everything that is told of it.

No single answer is enough: torch has no PCI address of some devices, and a name such as ``Intel(R)
Arc(TM) Graphics`` is an integrated GPU's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from truetpot.doctor.cards import Card, families
from truetpot.doctor.machine import Machine
from truetpot.facts.hardware import recognise

_NAMES = re.compile(
    r"\b(uhd|iris|hd) graphics\b|\biris\(r\)|\barc\(tm\) (pro )?(1\d\d[tv] )?(graphics|gpu)\b"
    r"|\bradeon\(tm\) (\d+m )?graphics\b",
    re.IGNORECASE,
)
"""Of integrated GPUs, as drivers report them: cards have a model such as A770 or B580 in theirs."""
_ID = re.compile(r"\[?0x([0-9a-f]{4})\b", re.IGNORECASE)
_SHARE = (0.75, 1.05)
"""Of a card's memory, that a driver reports."""


def is_integrated(identity: Mapping[str, Any], machine: Machine) -> tuple[bool, str] | None:
    """Whether it is, and by what that is known; None where nothing tells.

    Any sign of an integrated GPU outweighs signs of a card: what a runtime says of itself, the
    device at its PCI address, its device id, its name. Where there is none of them, a memory that
    no card of the machine has; where there is, it tells nothing: cards of one name differ in it.
    """
    signs = [sign for sign in _signs(identity, machine) if sign is not None]
    if not signs:
        return _by_memory(identity.get("memory_bytes"), machine)
    return next((sign for sign in signs if sign[0]), signs[0])


def _signs(identity: Mapping[str, Any], machine: Machine) -> list[tuple[bool, str] | None]:
    name = str(identity.get("name", ""))
    found = _ID.search(name)
    device_id = identity.get("pci_device_id") or (int(found[1], 16) if found else None)
    address = identity.get("pci_address")
    told = identity.get("integrated")
    return [
        None if told is None else (bool(told), "its runtime"),
        _alike([c for c in machine.cards if c.address == address], "its PCI address"),
        _alike([c for c in machine.cards if c.device_id == device_id], "its device id"),
        (False, "its device id") if any(device_id in f.ids for f in families()) else None,
        _by_name(name),
    ]


def _alike(cards: list[Card], by: str) -> tuple[bool, str] | None:
    kinds = {card.discrete for card in cards}
    return (not kinds.pop(), by) if len(kinds) == 1 else None


def _by_name(name: str) -> tuple[bool, str] | None:
    if _NAMES.search(name):
        return True, "its name"
    return None if recognise(name) is None else (False, "its name")


def _by_memory(told: int | None, machine: Machine) -> tuple[bool, str] | None:
    """Where every card's memory is known, and it is none of theirs."""
    cards = machine.discrete
    known = [card.hardware.memory_gib * 2**30 for card in cards if card.hardware is not None]
    if not told or not known or len(known) < len(cards):
        return None
    if any(_SHARE[0] * size <= told <= _SHARE[1] * size for size in known):
        return None  # an integrated GPU may have as much
    return True, "its memory"
