"""Launch parameters in words: all of them, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truetpot.records.words import Origin

_FROM = {
    Origin.DEFAULT: "the default",
    Origin.USER: "tuned, from the user's file",
    Origin.SHIPPED: "tuned, from the package's file",
    Origin.GIVEN: "as given",
}


def describe(config: Mapping[str, Any]) -> str:
    """Launch parameters in words: ``BN=2 BK=1024``, or ``the default``."""
    return " ".join(f"{key}={value}" for key, value in config.items()) or "the default"


def with_origin(
    config: Mapping[str, Any], origin: Origin | None, of_case: str | None = None
) -> str:
    """``BN=2 BK=1024 (tuned, from the user's file)``; empty for a kernel without parameters."""
    if not config or origin is None:
        return ""
    come = f"no entry: nearest, of {of_case}" if origin is Origin.NEAREST else _FROM[origin]
    return f"{describe(config)} ({come})"
