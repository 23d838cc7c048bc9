"""Servers that are known by what they tell: ``servers.toml`` as types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec

UNKNOWN = "unknown"


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of server; the head of ``servers.toml`` says what each member is."""

    title: str
    full_length: dict[str, Any]
    metrics: str = ""
    owner: str = ""
    version: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    lists_cache: bool = False
    token_time: tuple[tuple[str, str], ...] = ()
    counts_first: bool = False
    source: str = ""

    def asks(self, tokens: int) -> dict[str, Any]:
        """What a request says, beside the protocol, for an output of ``tokens`` tokens."""
        return {
            name: value.replace("{tokens}", str(tokens)) if isinstance(value, str) else value
            for name, value in self.full_length.items()
        }

    def token_s(
        self, before: Mapping[str, float], after: Mapping[str, float], requests: int
    ) -> float | None:
        """Seconds per token between two readings of /metrics, with so many requests in between;
        None where it does not tell."""
        for seconds, count in self.token_time:
            if seconds in after and count in after:
                tokens = after[count] - before.get(count, 0.0)
                tokens -= requests if self.counts_first else 0
                spent = after[seconds] - before.get(seconds, 0.0)
                return spent / tokens if tokens > 0 and spent > 0 else None
        return None


@cache
def servers() -> dict[str, Known]:
    """Every kind of server by name, ``unknown`` among them."""
    text = resources.files("truetpot.drive").joinpath("servers.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=dict[str, Known])


def known(name: str) -> Known:
    """The kind of a server by its name; that of ``unknown`` for any other."""
    return servers().get(name) or servers()[UNKNOWN]
