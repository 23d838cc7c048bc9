"""What serving benchmarks wrote: records, readers, metrics, findings, prompts. No devices here."""
