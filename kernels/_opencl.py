"""The name by which OpenCL kernels of others have imported their base class so far."""

from truetpot.kernels._lib.opencl.kernel import OpenClKernel, source_text

__all__ = ["OpenClKernel", "source_text"]
