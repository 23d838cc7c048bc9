"""ASV benchmarks: thin adapters over ``truetpot.measure``. docs/asv.md says how to run them."""
