"""Is this card, and the host around it, fit to be used? Tests with limits, each in a process.

``run`` goes through ``plan.toml`` and needs no torch; a test is a module of ``checks``, which
measures in a process of its own (``child``) and judges nothing; ``judge`` holds what it measured
against ``limits.toml``, the sisters and a baseline.
"""
