"""What changes from step to step: the position, the KV cache and the values of the program."""

from __future__ import annotations

from typing import Any

import numpy as np

from truetpot.decode.program import Parameter
from truetpot.decode.weights import kv_heads, random_array
from truetpot.errors import UserError
from truetpot.facts.models import Model, rope_inv_freq
from truetpot.facts.workload import Workload
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.rope_append import rope_table
from truetpot.runtime.device import Device

_ROW = 32
"""Lengths of a row in which positions and lengths lie: OpenCL's buffers are cut at 128 bytes."""


def _width(count: int) -> int:
    """Numbers of a row that begins where a buffer may be cut."""
    return -(-count // _ROW) * _ROW


class StepState:
    """Everything resident but the weights; `values` is the environment that the calls run in.

    The cache holds random keys and values of unit variance from the start, not zeros: an empty one
    would be compressed by some memory controllers, and its softmax is flat. Pages are shuffled. A
    head of the cache holds the same whichever `rank` has it.
    """

    def __init__(self, model: Model, shape: Workload, device: Device, rank: int = 0) -> None:
        self.shape = shape
        self.vocab = model.vocab
        rng = np.random.default_rng(0)
        # Row p holds p for every sequence: a position and a length are rows of one array, and going
        # to the next token moves nothing to the device. Positions of several query tokens have an
        # array of their own.
        counts = np.arange(shape.tokens() + 1, dtype=np.int32)[:, None]
        self._counts = self._positions = device.upload(np.repeat(counts, _width(shape.batch), 1))
        if shape.query_tokens > 1:
            tail = np.arange(_width(shape.rows), dtype=np.int32) % shape.query_tokens
            self._positions = device.upload(counts + tail)
        inv_freq, factor = rope_inv_freq(model)
        table = None if shape.page is None else device.upload(self._block_table(rng))
        self.values: dict[str, Any] = {
            "ids": device.upload(rng.integers(0, self.vocab, shape.rows)),
            "cos_sin": device.upload(rope_table(inv_freq, factor, shape.tokens())),
            "block_table": table,
        }
        layers = model.layers if shape.layers is None else shape.layers
        page = shape.page or shape.capacity()
        blocks = shape.batch * (shape.capacity() // page)
        first, count = kv_heads(model, shape.tp, rank)

        def cache(layer: int, name: str) -> np.ndarray:
            whole = np.empty((blocks, count, page, model.head_dim), NUMPY_DTYPE[shape.kv_format])
            for head in range(count):
                seed = [layer, "kv".index(name[0]), first + head]
                part = (blocks, page, model.head_dim)
                whole[:, head] = random_array(part, shape.kv_format, np.random.default_rng(seed))
            return whole

        self.caches = {
            Parameter("cache", name, layer): device.upload(cache(layer, name))
            for layer in range(layers)
            for name in ("k_cache", "v_cache")
        }
        self.seek(shape.context)

    def seek(self, position: int) -> None:
        """Say that each sequence has `position` tokens in the cache; at most all that it holds."""
        room = self.shape.tokens()
        if not 0 <= position <= room:
            raise UserError(f"Position {position} is not in a cache of {room} tokens.")
        self.position = position
        if self.full:  # nothing can be run here
            return
        length = position + self.shape.query_tokens
        self.values["positions"] = self._positions[position][: self.shape.rows]
        self.values["lengths"] = self._counts[length][: self.shape.batch]
        self.values["max_length"] = length

    @property
    def full(self) -> bool:
        """Whether the cache has no room for the next step's tokens."""
        return self.position + self.shape.query_tokens > self.shape.tokens()

    def _block_table(self, rng: np.random.Generator) -> np.ndarray:
        assert self.shape.page is not None
        blocks = self.shape.capacity() // self.shape.page
        table = rng.permutation(self.shape.batch * blocks).astype(np.int32)
        return table.reshape(self.shape.batch, blocks)
