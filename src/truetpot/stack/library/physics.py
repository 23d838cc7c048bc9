"""Rows that physics forbids: more bytes a second than the card's datasheet has."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.facts.hardware import Hardware
from truetpot.stack.library.table import Key, Table


@dataclass(frozen=True)
class Beyond:
    """A row whose compulsory bytes came faster than the datasheet's bandwidth."""

    key: Key
    bytes: int
    gb_s: float
    cached: bool
    """Whether the last-level cache may have held them: then the row is no fault."""


def beyond(table: Table) -> list[Beyond]:
    """Rows above the datasheet of the table's card, the furthest first; none for an unknown card.

    Only bytes that no cache of the card can hold make a row impossible. Where the size of the cache
    is not known, no row is called so.
    """
    card = table.origin.card
    if card is None:
        return []
    found = []
    for key, seconds in table.rows.items():
        demand = table.demand(key)
        if demand and demand / seconds > card.bandwidth_gb_s * 1e9:
            found.append(Beyond(key, demand, demand / seconds / 1e9, not _exceeds(card, demand)))
    return sorted(found, key=lambda row: -row.gb_s)


def from_memory(table: Table, key: Key) -> bool:
    """Whether the compulsory bytes exceed the card's last-level cache, as far as that is known."""
    card, demand = table.origin.card, table.demand(key)
    return card is not None and demand is not None and _exceeds(card, demand)


def impossible(table: Table) -> bool:
    """Whether the table has a row that cannot be true, so that none of it can be relied on."""
    return any(not row.cached for row in beyond(table))


def _exceeds(card: Hardware, demand: int) -> bool:
    return card.l2_mib is not None and demand > card.l2_mib * 2**20
