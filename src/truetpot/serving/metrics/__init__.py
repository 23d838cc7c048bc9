"""One formula a name: serving figures recomputed by every definition that a run's data allow."""

from truetpot.serving.metrics.definitions import Canonical, definitions, definitions_page
from truetpot.serving.metrics.recompute import recompute
from truetpot.serving.metrics.summary import PERCENTILES, Counts, Recomputed, Summary

__all__ = [
    "PERCENTILES",
    "Canonical",
    "Counts",
    "Recomputed",
    "Summary",
    "definitions",
    "definitions_page",
    "recompute",
]
