"""What one record says of one machine at one time: figures, versions and settings, verdict."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from truetpot.records.doctor import CardRow, DoctorRecord, Level
from truetpot.records.opening import Identity
from truetpot.records.validate import Better, Health, HeldTo, ValidatedTest, ValidateRecord

MACHINE = "machine"
"""The group of what is of the host, not of a card."""
_HEALTH = {Level.OK: Health.PASS, Level.WARN: Health.WARN, Level.BAD: Health.FAIL}
_SAID = (Health.FAIL, Health.WARN, Health.COULD_NOT_RUN)


@dataclass(frozen=True)
class Key:
    """A figure of cards of one kind; its values can be compared."""

    group: str
    level: str
    test: str
    figure: str
    unit: str
    better: Better


@dataclass(frozen=True)
class Value:
    """One number of one card."""

    device: str
    card: str
    """What tells the card from others of the machine over time: its UUID or PCI address."""
    value: float


@dataclass(frozen=True)
class Seen:
    """What `fleet` uses of one record of `doctor` or `validate`."""

    name: str
    """The machine's; empty where the record has none."""
    machine_id: str | None
    at: str
    """UTC; empty where the record has none."""
    source: str
    """The command and its level, whose newest record counts."""
    verdict: Health
    partial: bool
    cards: tuple[str, ...]
    said: tuple[str, ...]
    figures: dict[Key, list[Value]] = field(default_factory=dict)
    settings: dict[tuple[str, str], str] = field(default_factory=dict)
    """Group and what: a version or a setting."""

    @property
    def groups(self) -> set[str]:
        """The machine and its kinds of cards."""
        return {MACHINE, *self.cards}

    @property
    def command(self) -> str:
        """``validate`` or ``doctor``: each tells other settings."""
        return self.source.partition(" ")[0]


def seen(record: ValidateRecord | DoctorRecord) -> Seen:
    """What one record of `doctor` or `validate` says of its machine."""
    return of_doctor(record) if isinstance(record, DoctorRecord) else of_validate(record)


def of_validate(record: ValidateRecord) -> Seen:
    """Of ``truetpot validate --json``. A figure that is right or wrong is in the verdict alone."""
    cards = tuple(sorted(row.kind_of_card for row in record.devices))
    level = f"{record.level}, small" if record.small else record.level
    drivers = [
        ((row.kind_of_card, "driver"), str(row.identity.get("driver") or "not told"))
        for row in record.devices
    ]
    settings = {
        (MACHINE, "truetpot"): record.truetpot,
        (MACHINE, "python"): record.python,
        (MACHINE, "os"): record.os,
        (MACHINE, "cards tested"): counted(cards),
    }
    return Seen(
        record.host, record.machine_id, record.started, f"validate {level}",
        record.verdict, record.partial, cards, tuple(_sentences(record.tests)),
        _figures(record, level), settings | _together(drivers),
    )  # fmt: skip


def _figures(record: ValidateRecord, level: str) -> dict[Key, list[Value]]:
    rows = {row.device: row for row in record.devices}
    host = f"host of {counted(row.kind_of_card for row in record.devices) or 'no card'}"
    found: dict[Key, list[Value]] = defaultdict(list)
    for test in record.tests:
        row = rows.get(test.device)
        card = test.device if row is None else _card(row.identity, test.device)
        group = host if row is None else row.kind_of_card
        for figure in test.figures:
            exact = any(one.against is HeldTo.EXACT for one in figure.judged)
            if not exact and figure.value > 0:
                key = Key(group, level, test.name, figure.name, figure.unit, figure.better)
                found[key].append(Value(test.device, card, figure.value))
    return found


def _together(told: Iterable[tuple[tuple[str, str], str]]) -> dict[tuple[str, str], str]:
    """One value for all cards of a kind; ``1 x A, 1 x B`` where they differ."""
    values: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, value in told:
        values[key].append(value)
    return {key: counted(kept) if len({*kept}) > 1 else kept[0] for key, kept in values.items()}


def _card(identity: Identity, device: str) -> str:
    """A UUID, a PCI address, or the device's number where nothing else tells."""
    return str(identity.get("uuid") or identity.get("pci_address") or device)


def _sentences(tests: list[ValidatedTest]) -> Iterator[str]:
    for test in tests:
        if test.verdict in _SAID:
            yield f"{test.name} of {test.device}: {test.said or test.verdict}"


def of_doctor(record: DoctorRecord) -> Seen:
    """Of ``truetpot doctor --json``: settings of the machine, and the bandwidth of its check."""
    cards = [card for card in record.cards if card.discrete]
    figures: dict[Key, list[Value]] = {}
    check, used = record.check, record.device
    if check is not None and check.read_gb_s and used is not None:
        address = used.identity.get("pci_address")
        group = next((card.title for card in cards if card.address == address), None)
        key = Key(group or used.identity["name"], "doctor", "check", "read", "GB/s", "higher")
        card = _card(used.identity, used.name)
        figures[key] = [Value(used.name, card, check.read_gb_s)]
    settings = {(MACHINE, what): value for what, value in _of_host(record)}
    settings[MACHINE, "cards"] = counted(card.title for card in cards)
    settings |= _together(
        ((card.title, what), value) for card in cards for what, value in _of_card(card)
    )
    bad = [f"{one.about}: {one.what}" for one in record.findings if one.level is Level.BAD]
    if not bad and (warned := [one for one in record.findings if one.level is Level.WARN]):
        bad = [f"doctor warns of {', '.join(dict.fromkeys(one.about for one in warned))}"]
    return Seen(
        record.hostname or "", record.machine_id, record.started or "", "doctor",
        _HEALTH[record.verdict], False, tuple(sorted(card.title for card in cards)),
        tuple(bad), figures, settings,
    )  # fmt: skip


def counted(cards: Iterable[str]) -> str:
    """``2 x Intel Arc A770 16GB, 1 x Intel Arc B580``."""
    return ", ".join(f"{count} x {card}" for card, count in sorted(Counter(cards).items()))


def _of_host(record: DoctorRecord) -> Iterator[tuple[str, str]]:
    host, software = record.host, record.software
    yield "kernel", host.kernel or "not told"
    yield "governor", ", ".join(host.governors) or "none"
    yield "IOMMU", "pass-through" if host.passthrough else "on" if host.iommu else "none"
    yield "cores", str(host.cores)
    yield "Level Zero driver", software.level_zero or "none"
    yield from software.system.items()
    yield from software.python.items()
    yield from ((row.name, row.value) for row in record.variables)


def _of_card(card: CardRow) -> Iterator[tuple[str, str]]:
    yield "kernel driver", card.driver or "none"
    yield "BAR", "not told" if card.window is None else f"{card.window / 2**30:g} GiB"
    link = card.link
    yield "link", "not told" if link is None else f"{link.max_speed:g} GT/s x{link.width}"
    for clock in card.clocks:
        yield f"highest clock of {clock.where}", f"{clock.high} MHz"
    for limit in card.power:
        watts = "off" if limit.limit_w is None else f"{limit.limit_w:g} W"
        yield f"{limit.kind or 'sustained'} power limit of the {limit.what}", watts
