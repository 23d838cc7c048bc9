"""Kernels that others measured: tables with card, stack, version and conditions."""
