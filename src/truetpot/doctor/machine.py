"""All that can be known of a machine without opening a device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.cards import Card, find_cards
from truetpot.doctor.host import Host, find_host
from truetpot.doctor.software import Software, find_software
from truetpot.doctor.variables import Variable, those_set


@dataclass(frozen=True)
class Machine:
    """Cards, host, software, and the environment of this process."""

    cards: tuple[Card, ...]
    host: Host
    software: Software
    variables: Mapping[Variable, str]

    @property
    def discrete(self) -> tuple[Card, ...]:
        """The cards that measurements are usually of."""
        return tuple(card for card in self.cards if card.discrete)


def look(root: Path = Path("/"), environment: Mapping[str, str] | None = None) -> Machine:
    """Look at the machine whose files are below `root`."""
    return Machine(
        cards=tuple(find_cards(root)),
        host=find_host(root),
        software=find_software(root),
        variables=those_set(os.environ if environment is None else environment),
    )
