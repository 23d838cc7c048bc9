"""Where a step's parameters come from; here, random ones."""

from __future__ import annotations

import zlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from truetpot.decode.program import StepShape
from truetpot.facts.models import Model, linears
from truetpot.formats import Weight, random_weight
from truetpot.formats.plain import Plain
from truetpot.ops.arrays import NUMPY_DTYPE, normal

Array = NDArray[Any]


class WeightSource(Protocol):
    """One rank's parameters, made or read when asked for, so that few are alive at a time.

    Layer is None for what exists once: lm_head, final_norm.
    """

    def linear(self, layer: int | None, role: str) -> Weight:
        """The canonical weight [n, k] of ``qkv`` (q over k over v), ``o``, ``gate_up``, ``down``,
        ``lm_head``."""

    def vector(self, layer: int | None, name: str) -> Array:
        """``attn_norm``, ``mlp_norm``, ``final_norm`` [hidden], ``q_norm``, ``k_norm`` [head_dim],
        ``qkv_bias``, ``o_bias`` [n of the linear], in the activation dtype.

        The ranks' partial sums of o add up, so each rank adds 1/tp of that bias.
        """

    def embedding(self) -> Array:
        """The table [rows of this rank, hidden] in the activation dtype."""


class SyntheticWeights:
    """Random parameters under which activations keep about unit variance through any depth.

    Each depends on seed, layer and role only: the order of asking does not matter.
    """

    def __init__(self, model: Model, shape: StepShape, seed: int = 0) -> None:
        self.model, self.shape, self.seed = model, shape, seed
        self._linears = {linear.role: linear for linear in linears(model, shape.tp)}

    def linear(self, layer: int | None, role: str) -> Weight:
        """Deviation 1/sqrt(k): unit variance in, unit variance out."""
        linear = self._linears[role]
        return random_weight((linear.n, linear.k), self.shape.weight_format, self._rng(layer, role))

    def vector(self, layer: int | None, name: str) -> Array:
        """Norms about 1, biases about 0, a tenth of a deviation wide."""
        rng, dtype = self._rng(layer, name), self.shape.dtype
        if name.endswith("_bias"):
            return normal(rng, (self._linears[name.removesuffix("_bias")].n,), dtype, std=0.1)
        size = self.model.head_dim if name in ("q_norm", "k_norm") else self.model.hidden
        values = 1 + 0.1 * rng.standard_normal(size, dtype=np.float32)
        return values.astype(normal(rng, (0,), dtype).dtype)

    def embedding(self) -> Array:
        """Unit variance."""
        shape = (self._linears["lm_head"].n, self.model.hidden)
        return random_array(shape, self.shape.dtype, self._rng(None, "embedding"))

    def _rng(self, layer: int | None, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(f"{layer} {name}".encode())])


def random_array(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
    """Unit variance in an activation or KV dtype, at about a GB/s."""
    codes, _ = Plain(NUMPY_DTYPE[dtype]).random((1, int(np.prod(shape))), rng, std=1.0)
    return codes.reshape(shape)
