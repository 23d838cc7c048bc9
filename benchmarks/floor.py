"""Rung ``spec``: the least time of a token. Arithmetic; a change here is a change of the facts."""

from __future__ import annotations

import tomllib
from pathlib import Path

from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model

from .common import SIZE
from .older import spec_ms
from .size import FORMATS

FACTS = Path(__file__).parents[1] / "src" / "truetpot" / "facts"


class Floor:
    """QwQ-32B on four of each card, context 1024."""

    version = "1"
    unit = "seconds"
    timeout = 60
    param_names = ("card", "format")
    pretty_name = "floor"
    params = (
        list(tomllib.loads((FACTS / "hardware.toml").read_text()))[: SIZE.cards],
        list(FORMATS),
    )

    def track_token_time(self, card, format):
        """Seconds a token."""
        model = load_model("qwq-32b")
        return spec_ms(model, load_hardware(card), tp=4, format=format, context=1024) * 1e-3
