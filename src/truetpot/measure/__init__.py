"""Check a kernel, then time it: a wrong kernel has no time."""
