"""Other people's whole steps, at the shapes of ours. Kernels' peers are providers of the suite."""
