"""First contact with a card: steps in processes of their own, one archive, nothing private in it.

Nothing here imports torch but :mod:`.probes`, which runs in such a process.
"""
