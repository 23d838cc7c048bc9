"""Many machines by their records: verdicts, outliers, differences, drift. Needs no torch.

``read`` finds the records, ``seen`` turns each into what one machine showed at one time,
``summary`` compares them.
"""
