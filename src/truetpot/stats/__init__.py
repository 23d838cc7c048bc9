"""What samples say: medians with intervals, paired ratios, verdicts, and when to stop. Pure."""

from truetpot.stats.compare import Comparison, compare
from truetpot.stats.line import Line, fit_line
from truetpot.stats.median import Stats, median_ranks, stats
from truetpot.stats.outliers import Distance, distances
from truetpot.stats.paired import Ratio, contradicts, paired
from truetpot.stats.processes import across, verdict
from truetpot.stats.samples import Samples, Submitted
from truetpot.stats.standing import Standing, fastest, standing
from truetpot.stats.stop import Stop, Stopping, StopRule

__all__ = [
    "Comparison",
    "Distance",
    "Line",
    "Ratio",
    "Samples",
    "Standing",
    "Stats",
    "Stop",
    "StopRule",
    "Stopping",
    "Submitted",
    "across",
    "compare",
    "contradicts",
    "distances",
    "fastest",
    "fit_line",
    "median_ranks",
    "paired",
    "standing",
    "stats",
    "verdict",
]
