"""Which count of the same tokens is believed."""

from __future__ import annotations

from truetpot.serving.records import Counting

BY_TRUST = (Counting.SERVER, Counting.RETOKENISED, Counting.UNSTATED)
"""Counts of tokens that came, the more trusted first."""
