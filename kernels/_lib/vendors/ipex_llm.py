"""What the ipex_llm adapters share: the vendor's CPU library, its XPU modules, its weight layouts.

The CPU library is opened by its path with ctypes: ``ipex_llm`` itself, which patches torch and
transformers, is never imported. ``TRUETPOT_IPEX_LLM`` names the file where the package is not
installed.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from truetpot.kernels._lib.vendors import native

from truetpot.formats import Weight
from truetpot.formats.ipex_llm import to_blocks, to_xpu

BLOCK = 64
"""Activations along K that share a scale on the CPU; what K has to be a multiple of on XPU."""
VARIABLE = "TRUETPOT_IPEX_LLM"
_LIBRARY = "libllama-api.so"


@cache
def cpu_library() -> ctypes.CDLL | str:
    """ipex-llm's CPU library, initialised; or why there is none, in one line."""
    path = _path()
    if path is None:
        return (
            "ipex-llm is not installed: pip install --no-deps ipex-llm==2.2.0 is enough for a CPU"
        )
    try:
        library = ctypes.CDLL(str(path))
        # without it every scale in half precision silently counts as zero
        library.llama_init_backend()
        multiply = library.ggml_compute_forward_mul_mat_q_fp32
    except (OSError, AttributeError) as error:
        return f"{path} cannot be used: {error}"
    shape, data = ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p
    multiply.argtypes = [shape, data, ctypes.c_int, shape, data, data]
    multiply.restype = None
    return library


def cpu_variant() -> str:
    """Which of its builds the vendor's library chose for this processor: ``libllama_avx512.so``."""
    try:
        mapped = Path("/proc/self/maps").read_text()
    except OSError:
        return "unknown"
    found = re.search(r"(libllama_\w+\.so)", mapped)
    return found[1] if found else "unknown"


def why_not_xpu(operators: tuple[str, ...], module: str) -> str | None:
    """Why operators of a module of bigdl-core-xe-all cannot be called; None when they can."""
    return native.why_not("ipex_llm", operators, (module,))


@cache
def family(device: str) -> str:
    """What ipex-llm calls ``xpu:0``: ``arc``, ``bmg``, ... See :mod:`truetpot.facts.ipex_llm`."""
    return str(importlib.import_module("xe_linear").get_xpu_device_name(torch.device(device)))


def cpu_blocks(weight: Weight) -> np.ndarray:
    """uint8 [bytes], a copy: the weight in blocks, as the CPU library takes it."""
    return np.frombuffer(to_blocks(weight), np.uint8).copy()


def xpu_layout(weight: Weight) -> np.ndarray:
    """uint8 [bytes], a copy: all codes, then all scales, as the XPU kernels take it."""
    return np.frombuffer(to_xpu(weight), np.uint8).copy()


def in_8_bits(x: np.ndarray) -> np.ndarray:
    """x [m, k] as the CPU products round it: blocks of 64, d = largest magnitude / 127, in fp32."""
    blocks = np.asarray(x).astype(np.float32).reshape(len(x), -1, BLOCK)
    d = np.abs(blocks).max(axis=2, keepdims=True) / np.float32(127)
    steps = np.divide(blocks, d, out=np.zeros_like(blocks), where=d > 0)
    return (np.rint(steps) * d).reshape(x.shape)


def _path() -> Path | None:
    if named := os.environ.get(VARIABLE):
        return Path(named)
    spec = importlib.util.find_spec("ipex_llm")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    found = (Path(folder) / "libs" / _LIBRARY for folder in folders)
    return next((path for path in found if path.is_file()), None)


def operator(name: str) -> Any:
    """The vendor's own operator ``torch.ops.ipex_llm.<name>``."""
    return getattr(torch.ops.ipex_llm, name)
