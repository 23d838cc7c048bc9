"""Records that truetpot 0.1.0 wrote, before it had types for them, and how two are compared."""

import json
from pathlib import Path

import msgspec

from truetpot.records.store import as_text

KEPT = Path(__file__).parents[1] / "data" / "made" / "records"
FILES = sorted(KEPT.glob("*.json"))


def load(name):
    """A kept record as its file has it."""
    return json.loads((KEPT / f"{name}.json").read_text())


def written(record):
    """A typed record as it is written, read without its type."""
    return json.loads(as_text(record))


def exact(record, kind):
    """What a command wrote has the fields of its type in their order, no other, in their ranges."""
    again = written(msgspec.convert(record, kind))
    assert again == record
    assert json.dumps(again) == json.dumps(record) or same_order(again, record)


def same_order(one, other):
    """Whether all fields come in the same order, whatever ints and floats look like."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same_order(one[n], other[n]) for n in one)
    if isinstance(one, list):
        return all(map(same_order, one, other))
    return True
