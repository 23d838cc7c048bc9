"""Traces of others' runs, one reader a format, all into one model."""

from truetpot.stack.trace.detect import read_trace
from truetpot.stack.trace.model import Gemm, Kernels, Mark, SummaryRow, Trace, Work

__all__ = ["Gemm", "Kernels", "Mark", "SummaryRow", "Trace", "Work", "read_trace"]
