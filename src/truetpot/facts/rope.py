"""Inverse frequencies of rotary embedding in float64, with the scalings in use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from truetpot.facts.architecture import Model, RopeScaling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rope_inv_freq(model: Model) -> tuple[NDArray[np.float64], float]:
    """(inv_freq float64 [head_dim/2] in radians a token, factor that multiplies cos and sin).

    Dimension i of the first half of a head turns together with dimension i + head_dim/2 by
    `position * inv_freq[i]`. Formulas: transformers, modeling_rope_utils.py (default, linear,
    llama3, yarn), which computes them in float32.
    """
    import numpy as np

    half = np.arange(0, model.head_dim, 2, dtype=np.float64) / model.head_dim
    plain: NDArray[np.float64] = model.rope_theta**-half
    scaling = model.rope_scaling
    if scaling is None:
        return plain, 1.0
    if scaling.kind == "linear":
        return plain / scaling.factor, 1.0
    if scaling.kind == "llama3":
        return _llama3(plain, scaling), 1.0
    if scaling.kind == "yarn":
        return _yarn(plain, scaling, model), _yarn_attention_factor(scaling)
    raise ValueError(f"rope scaling {scaling.kind!r} has no formula here")


def _llama3(plain: NDArray[np.float64], scaling: RopeScaling) -> NDArray[np.float64]:
    """Long wavelengths are divided by the factor, short ones kept, a band in between blended."""
    import numpy as np

    assert scaling.original_max_position and scaling.low_freq_factor and scaling.high_freq_factor
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    turns = scaling.original_max_position * plain / (2 * math.pi)  # within the original context
    blend = (turns - low) / (high - low)
    mixed = (1 - blend) * plain / scaling.factor + blend * plain
    result = np.where(turns < low, plain / scaling.factor, np.where(turns > high, plain, mixed))
    return result.astype(np.float64)


def _yarn(plain: NDArray[np.float64], scaling: RopeScaling, model: Model) -> NDArray[np.float64]:
    """A linear ramp over the dimensions, from the plain frequencies to the divided ones."""
    import numpy as np

    assert scaling.original_max_position
    original, dim = scaling.original_max_position, model.head_dim

    def dimension_that_turns(rotations: float) -> float:
        inside = math.log(original / (rotations * 2 * math.pi))
        return dim * inside / (2 * math.log(model.rope_theta))

    low = dimension_that_turns(scaling.beta_fast)
    high = dimension_that_turns(scaling.beta_slow)
    if scaling.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    if low == high:
        high += 0.001  # as transformers does, against a division by zero
    ramp = np.clip((np.arange(dim // 2) - low) / (high - low), 0.0, 1.0)
    stretched: NDArray[np.float64] = plain / scaling.factor * ramp + plain * (1 - ramp)
    return stretched


def _yarn_attention_factor(scaling: RopeScaling) -> float:
    def mscale(weight: float) -> float:
        return 1.0 if scaling.factor <= 1 else 0.1 * weight * math.log(scaling.factor) + 1.0

    if scaling.attention_factor is not None:
        return float(scaling.attention_factor)
    if scaling.mscale and scaling.mscale_all_dim:
        return mscale(scaling.mscale) / mscale(scaling.mscale_all_dim)
    return mscale(1.0)
