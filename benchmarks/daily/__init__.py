"""What is done with ASV day by day: `python -m benchmarks` is the door. No benchmark is here."""
