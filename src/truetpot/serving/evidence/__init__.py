"""What a file tells of a run, decided in one place: findings and verdicts read nothing else."""

from truetpot.serving.evidence.evidence import (
    AFTER_FIRST,
    FULL,
    GAPS,
    SMALLEST,
    STOPPED,
    WITH_FIRST,
    Evidence,
    positive,
)
from truetpot.serving.evidence.known import Known

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
