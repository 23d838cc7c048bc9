"""Kinds of devices and the defaults of each; see kinds.toml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class Kind:
    """What is taken on a kind of device where nobody says otherwise."""

    name: str
    dtype: str
    providers: tuple[str, ...]
    torch: bool = False
    backend: str | None = None


@cache
def all_kinds() -> dict[str, Kind]:
    """Every kind of kinds.toml by name, as `Device.kind` has it."""
    return {
        name: convert({"name": name, **entry}, Kind, f"kinds.toml [{name}]")
        for name, entry in read("kinds.toml").items()
    }


def torch_kinds() -> tuple[str, ...]:
    """Kinds of devices that torch has, the best first."""
    return tuple(one.name for one in all_kinds().values() if one.torch)


def accelerators() -> tuple[str, ...]:
    """Kinds of torch that are cards, the best first; the CPU is none."""
    return tuple(name for name in torch_kinds() if name != "cpu")


def rank_kinds() -> dict[str, str]:
    """Kinds on which several ranks can run, each with its backend of torch.distributed."""
    return {one.name: one.backend for one in all_kinds().values() if one.backend}
