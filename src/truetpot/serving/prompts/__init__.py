"""Prompts with meaning: a corpus, a generator of exact lengths, and an inspector of existing sets.

``corpus`` reads passages, ``compose`` makes prompts of them, ``faulty`` makes the two kinds that
spoil a benchmark, ``forms`` writes and reads files, ``inspect`` says what a set is.
"""
