"""Where the time of somebody's own stack went: traces, libraries of kernels, device images."""
