"""One device: identity, clock, memory, and the sampler that decides when a time is known."""
