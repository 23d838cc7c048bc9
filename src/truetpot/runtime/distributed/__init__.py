"""Tensor parallelism on ``torch.distributed``: who the ranks are, and how they stay in step.

``truetpot.runtime.group`` is what everyone else sees: the ranks, or one alone. ``placement`` reads
a launcher's environment, ``launch`` starts ranks, ``join`` makes the group, ``watch`` ends the run
where a rank is lost. Nothing here launches processes or moves data by itself: torch does.
"""
