"""Triton's compiler and assembler for Hopper, without a GPU: scripts for a process of its own."""

import json
import os
import subprocess
import sys

NO_GPU = """
import re
import sys
import numpy as np
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

class NoGpu:
    get_current_device = staticmethod(lambda: 0)
    get_current_stream = staticmethod(lambda device: 0)
    get_current_target = staticmethod(lambda: GPUTarget("cuda", 90, 32))

driver.set_active(NoGpu())
JITFunction.__getitem__ = lambda kernel, grid: (
    lambda *args, **options: kernel.run(*args, grid=grid, warmup=True, **options)
)

"""


def run(source, argument, cache):
    """What the source prints, as JSON."""
    variables = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", source, argument],
        env=variables | {"TRITON_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
