"""What is wrong with a run: one decorated function a finding, in the modules of this package."""

from truetpot.records.check import Finding, VisibleCount
from truetpot.records.verdicts import Severity
from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.finding import find
from truetpot.serving.findings.page import findings_page
from truetpot.serving.findings.visible import visible_counts

__all__ = [
    "Evidence",
    "Finding",
    "Severity",
    "VisibleCount",
    "find",
    "findings_page",
    "visible_counts",
]
