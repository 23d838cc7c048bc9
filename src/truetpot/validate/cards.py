"""Which cards a run is of: what tells them from their like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from truetpot.facts.hardware import recognise
from truetpot.records.validate import ValidatedDevice


def device_row(identity: Mapping[str, object]) -> ValidatedDevice:
    """A card by what its platform tells of it."""
    name, memory, told = (
        identity.get(key) for key in ("name", "memory_bytes", "pci_device_id")
    )
    size = memory if isinstance(memory, int) else None
    card = recognise(str(name), size)
    parts = [
        str(name),
        f"{size / 2**30:.0f} GiB" if size else "",
        f"0x{told:04x}" if isinstance(told, int) else "",
    ]
    return ValidatedDevice(
        device=str(identity["device"]),
        identity=dict(identity),  # type: ignore[arg-type]
        hardware=None if card is None else card.key,
        kind_of_card=", ".join(part for part in parts if part),
    )


def same_cards(some: Sequence[ValidatedDevice], others: Sequence[ValidatedDevice]) -> bool:
    """Whether two runs are of the same physical cards, by the same names."""
    return {one.device: _physical(one) for one in some} == {
        one.device: _physical(one) for one in others
    }


def hardware_of(devices: Sequence[ValidatedDevice], where: str) -> str | None:
    """The key of a card, or of all of them where they are of one kind."""
    known = {one.device: one.hardware for one in devices}
    if where in known:
        return known[where]
    keys = {*known.values()}
    return next(iter(keys)) if len(keys) == 1 else None


def _physical(device: ValidatedDevice) -> tuple[object, ...]:
    known = device.identity
    return known["name"], known.get("uuid"), known.get("pci_address")
