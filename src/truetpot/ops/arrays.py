"""Host arrays of the activation and KV dtypes; the fp8 ones are of a KV cache only."""

from __future__ import annotations

import ml_dtypes
import numpy as np

NUMPY_DTYPE: dict[str, np.dtype] = {
    "fp32": np.dtype(np.float32),
    "fp16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "fp8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "fp8_e4m3": np.dtype(ml_dtypes.float8_e4m3fn),
}
ITEMSIZE = {name: dtype.itemsize for name, dtype in NUMPY_DTYPE.items()}


def normal(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    dtype: str,
    std: float = 1.0,
    mean: float = 0.0,
) -> np.ndarray:
    """Normal random values rounded to ``dtype``."""
    values = rng.standard_normal(shape, dtype=np.float32) * std
    return (mean + values if mean else values).astype(NUMPY_DTYPE[dtype])


def exact(array: np.ndarray) -> np.ndarray:
    """The array's own values in float64."""
    return np.asarray(array).astype(np.float64)
