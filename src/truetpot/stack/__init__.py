"""What other people's stacks did: traces, libraries of measured kernels, and what follows."""
