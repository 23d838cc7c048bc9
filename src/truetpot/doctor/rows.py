"""The machine as it stands in a record: a card's facts by key, not whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from truetpot.doctor.cards import Card
from truetpot.doctor.container import Container
from truetpot.doctor.host import Host
from truetpot.doctor.pci import Link
from truetpot.doctor.software import Software
from truetpot.facts.variables import Variable
from truetpot.records.doctor import (
    CardClock,
    CardRow,
    ContainerRow,
    HostRow,
    LinkRow,
    PowerRow,
    SoftwareRow,
    VariableRow,
)


def card_row(card: Card) -> CardRow:
    """The record's row of one GPU."""
    parts = {
        "family": card.family.title if card.family else None,
        "hardware": card.hardware.key if card.hardware else None,
        "link": _link(card.link),
        "narrowest": _link(card.narrowest),
        "clocks": [CardClock(**_plain(asdict(clock))) for clock in card.clocks],
        "power": [PowerRow(**asdict(limit)) for limit in card.power],
    }
    return CardRow(**{name: getattr(card, name) for name in CardRow.__struct_fields__} | parts)


def host_row(host: Host) -> HostRow:
    """The record's row of the machine around the cards."""
    return HostRow(**_plain(asdict(host)))


def container_row(container: Container) -> ContainerRow:
    """The record's row of the container, and the cores that it leaves."""
    return ContainerRow(**asdict(container), effective_cores=container.effective_cores)


def software_row(software: Software) -> SoftwareRow:
    """The record's row of drivers, runtimes and torch."""
    return SoftwareRow(**_plain(asdict(software)))


def variable_rows(those_set: Mapping[Variable, str]) -> list[VariableRow]:
    """The variables that are set."""
    return [
        VariableRow(name=known.name, value=value, does=known.does, source=known.source)
        for known, value in those_set.items()
    ]


def _link(link: Link | None) -> LinkRow | None:
    return None if link is None else LinkRow(**asdict(link))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Tuples as the lists that they are in JSON."""
    return {n: list(v) if isinstance(v, tuple) else v for n, v in fields.items()}
