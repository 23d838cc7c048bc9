"""What is done with ASV day by day: ``python -m benchmarks`` is the door. No benchmark is here.

ASV looks into this folder for benchmarks, in environments that lack ASV itself: nothing of it is
imported before it is used.
"""
