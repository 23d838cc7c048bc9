"""Another card's best configurations, to begin with: most of what is fast there is not slow here.

On 27 measured spaces, the best 20 of one card reach 86 to 99.9 % of the optimum on another in the
median, and cost 20 trials; the very best one alone reaches 61 to 93 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from truetpot.errors import UserError
from truetpot.files import read_bytes, shortened_path
from truetpot.ops.registry import Config
from truetpot.ops.tuned import read
from truetpot.records.store import fault
from truetpot.records.t4 import T4Results
from truetpot.records.tune import TuneRecord
from truetpot.records.tuned import SearchKey, TunedEntry

BEST = 20
"""So many are taken."""


@dataclass(frozen=True)
class Timed:
    """One configuration of a kernel and case on the other card; empty names fit any."""

    op: str
    provider: str
    case: str
    config: Config
    cost: float
    """The smaller the faster, among those of one case."""


@dataclass(frozen=True)
class Transfer:
    """What a file knows of another card."""

    timed: Sequence[Timed]

    def best(self, op: str, provider: str, key: SearchKey) -> list[Config]:
        """At most :data:`BEST`, the fastest first; those of the same case before those of others.

        Only those that are legal here are tried.
        """
        fits = [one for one in self.timed if one.op in ("", op) and one.provider in ("", provider)]
        fits.sort(key=lambda one: (one.case not in ("", key.case), one.cost))
        found: list[Config] = []
        for one in fits:
            if one.config not in found:
                found.append(one.config)
        return found[:BEST]


def load(file: Path) -> Transfer:
    """From a T4 file, a record of ``truetpot tune --json``, or a device's TOML file.

    Raises UserError for any other.
    """
    if file.suffix == ".toml":
        return Transfer(_of_toml(file))
    text = read_bytes(file, "a search of another device")
    try:
        kind = msgspec.json.decode(text, type=_Kind)
        if kind.kind == "tune":
            return Transfer(_of_record(msgspec.json.decode(text, type=TuneRecord)))
        return Transfer(_of_t4(msgspec.json.decode(text, type=T4Results)))
    except msgspec.ValidationError as error:
        why = fault(error)
    except (msgspec.DecodeError, RecursionError) as error:
        why = str(error)
    raise UserError(
        f"{shortened_path(file)} is no search of another device ({why}); give the file of "
        "`truetpot tune --json`, of --t4, or a device's tuned parameters (.toml)."
    )


class _Kind(msgspec.Struct):
    kind: str = ""


def _of_record(record: TuneRecord) -> list[Timed]:
    return [
        Timed(row.op, row.provider, row.case, look.config, 1 / look.gain)
        for row in record.results
        for look in row.looks
        if look.gain
    ]


def _of_t4(file: T4Results) -> list[Timed]:
    about = file.metadata.get("truetpot", {})
    names = [about.get(name, "") for name in ("op", "provider", "case")]
    op, provider, case = (name if isinstance(name, str) else "" for name in names)
    return [
        Timed(op, provider, case, one.configuration, one.time)
        for one in file.results
        if one.time is not None
    ]


def _of_toml(file: Path) -> list[Timed]:
    found = []
    for op, providers in read(file).items():
        for provider, cases in providers.items() if isinstance(providers, dict) else ():
            for case, entry in cases.items() if isinstance(cases, dict) else ():
                try:
                    known = msgspec.convert(entry, TunedEntry)
                except msgspec.ValidationError:
                    continue
                if known.config:
                    found.append(Timed(op, provider, case, known.config, 1 / (known.gain or 1)))
    if not found:
        raise UserError(
            f"{shortened_path(file)} has no tuned parameters; give another device's file."
        )
    return found
