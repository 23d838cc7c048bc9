"""What a file tells of a run, decided in one place: findings and verdicts read nothing else."""

from truetpot.serving.evidence.evidence import Evidence
from truetpot.serving.evidence.figures import AFTER_FIRST, GAPS, SMALLEST, WITH_FIRST, positive
from truetpot.serving.evidence.known import Known
from truetpot.serving.evidence.tokens import FULL, STOPPED

__all__ = [
    "AFTER_FIRST",
    "FULL",
    "GAPS",
    "SMALLEST",
    "STOPPED",
    "WITH_FIRST",
    "Evidence",
    "Known",
    "positive",
]
