"""Rungs of a card that one does not have, borrowed from kernels that others measured there."""
