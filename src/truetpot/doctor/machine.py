"""All that can be known of a machine without opening a device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.cards import Card, find_cards
from truetpot.doctor.container import Container, find_container
from truetpot.doctor.host import Host, find_host
from truetpot.doctor.software import Software, find_software
from truetpot.facts.variables import Variable, others_set, those_set


@dataclass(frozen=True)
class Machine:
    """Cards, host, software, and the environment of this process."""

    cards: tuple[Card, ...]
    host: Host
    container: Container
    software: Software
    variables: Mapping[Variable, str]
    others: Mapping[str, str]
    """Variables that begin as a known library's do, and are not in the table."""

    @property
    def environment(self) -> dict[str, str]:
        """The known environment variables that are set, by name."""
        return {variable.name: value for variable, value in self.variables.items()}

    @property
    def discrete(self) -> tuple[Card, ...]:
        """The discrete cards, on which measurements are made."""
        return tuple(card for card in self.cards if card.discrete)

    @property
    def given(self) -> tuple[Card, ...]:
        """Those of them that this process is meant to use.

        A container may have been given one card of several: the others' nodes are not in its
        /dev/dri. Where no card's node is there, nothing was given, and all cards are meant.
        """
        some = any(card.render_group is not None for card in self.discrete)
        return tuple(card for card in self.discrete if not (some and card.withheld))


def look(root: Path = Path("/"), environment: Mapping[str, str] | None = None) -> Machine:
    """Look at the machine whose files are below `root`."""
    given = os.environ if environment is None else environment
    return Machine(
        cards=tuple(find_cards(root)),
        host=find_host(root),
        container=find_container(root, given),
        software=find_software(root, given),
        variables=those_set(given),
        others=others_set(given),
    )
