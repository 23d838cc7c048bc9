"""Records sorted by machine and time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from truetpot.fleet.seen import Key, Seen, Value


@dataclass(frozen=True)
class Machine:
    """All records of one machine, the oldest first."""

    name: str
    seen: tuple[Seen, ...]

    @property
    def newest(self) -> list[Seen]:
        """The newest record of each command and level."""
        return list({one.source: one for one in self.seen}.values())

    def series(self) -> dict[tuple[Key, str], list[tuple[Seen, Value]]]:
        """The values of each figure of each card in time."""
        found: dict[tuple[Key, str], list[tuple[Seen, Value]]] = defaultdict(list)
        for one in self.seen:
            for key, values in one.figures.items():
                for value in values:
                    found[key, value.card].append((one, value))
        return found

    def newest_of(self, command: str) -> Seen | None:
        """The newest record of a command, of any level; None without one."""
        return next((one for one in reversed(self.seen) if one.command == command), None)


def machines(seen: Iterable[tuple[str, Seen]]) -> list[Machine]:
    """One a machine, by name and id; ``seen`` has the file's name for a record without a name.

    Names alone are not enough, as images are cloned with them; ids alone neither, for the same
    reason.
    """
    kept: dict[tuple[str, str | None], list[Seen]] = defaultdict(list)
    for file, one in seen:
        kept[one.name or file, one.machine_id].append(one)
    names = Counter(name for name, _ in kept)
    return [
        Machine(
            name if names[name] == 1 else f"{name} ({(number or 'no id')[:8]})",
            tuple(sorted(records, key=lambda one: one.at)),
        )
        for (name, number), records in sorted(kept.items(), key=lambda one: str(one[0]))
    ]
