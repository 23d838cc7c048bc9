"""A run with speculative decoding beside the same run without: which is faster, where, and why."""

from truetpot.serving.pair.arms import counts_messages, untold
from truetpot.serving.pair.pair import find_pairs, given_pairs

__all__ = ["counts_messages", "find_pairs", "given_pairs", "untold"]
