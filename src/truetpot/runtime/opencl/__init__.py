"""OpenCL: devices, arrays, programs and their cache. Nothing here needs torch."""
