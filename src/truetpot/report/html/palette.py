"""Colours by what they stand for, for light and for dark: a chart names a role, never a colour."""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "panel": "#f5f7fa",
    "text": "#1b2430",
    "muted": "#5b6775",
    "grid": "#dde3ea",
    "bound": "#8a97a6",
    "measured": "#1f6fb5",
    "slower": "#7fb2dc",
    "observed": "#c4620f",
    "borrowed": "#7a4fb0",
    "good": "#1a7f4b",
    "warn": "#946200",
    "bad": "#c22f2f",
    "series0": "#1e6fb4",
    "series1": "#c4610e",
    "series2": "#19804c",
    "series3": "#7b50b1",
    "series4": "#b0337a",
    "series5": "#5f6b00",
    "series6": "#007f8c",
    "series7": "#8a4b2d",
}
"""Each colour once: a drawn colour is traced back to its role. Text has a contrast of 4.5 to 1."""

DARK = {
    "paper": "#12171e",
    "panel": "#1b222b",
    "text": "#e8edf3",
    "muted": "#9aa7b5",
    "grid": "#323c48",
    "bound": "#8b98a8",
    "measured": "#58a6e8",
    "slower": "#34658c",
    "observed": "#f0964a",
    "borrowed": "#b692ea",
    "good": "#4cc38a",
    "warn": "#e0b040",
    "bad": "#ff7b7b",
    "series0": "#59a7e9",
    "series1": "#f1974b",
    "series2": "#4dc48b",
    "series3": "#b793eb",
    "series4": "#f07ab8",
    "series5": "#c2cf4a",
    "series6": "#3cc7d6",
    "series7": "#d39a78",
}
SERIES = 8
"""Colours that tell providers, batches or formats apart; after them they repeat."""

_ROLE_OF = {colour: role for role, colour in LIGHT.items()}


def colour(role: str) -> str:
    """The colour in which a role of a chart is drawn."""
    return LIGHT[role]


def series(index: int) -> str:
    """The colour of one of several series."""
    return LIGHT[f"series{index % SERIES}"]


def role_of(colour: str) -> str | None:
    """The role of a colour that a chart was drawn with; None for another colour."""
    return _ROLE_OF.get(colour.lower())


def rules(prefix: str = "") -> str:
    """CSS rules by which shapes of a chart follow the reader's light or dark, and paper is light.

    ``prefix`` is put before each selector.
    """
    light = _classes(LIGHT, prefix)
    dark = _classes(DARK, prefix)
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


def variables(colours: dict[str, str]) -> str:
    """CSS variables of a page: ``--paper: #ffffff; ...``."""
    return " ".join(f"--{role}: {value};" for role, value in colours.items())


def _classes(colours: dict[str, str], prefix: str) -> str:
    return "\n".join(
        f"{prefix}.f-{role} {{ fill: {value} }} {prefix}.s-{role} {{ stroke: {value} }}"
        for role, value in colours.items()
    )
