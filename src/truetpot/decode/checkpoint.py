"""Parameters from a local Hugging Face safetensors directory, quantised on load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from truetpot.decode.program import StepShape
from truetpot.decode.weights import assemble, check_rank, kv_heads
from truetpot.errors import UserError
from truetpot.facts.models import Model, linears
from truetpot.files import expanded
from truetpot.formats import Weight, quantise
from truetpot.ops.arrays import NUMPY_DTYPE

_STORED = ("F32", "F16", "BF16")
_CHUNK = 8 << 20
"""Elements that are float32 at a time: 32 MiB, and a few times that inside a quantiser."""
_INDEX = "model.safetensors.index.json"
_EMBEDDING = "model.embed_tokens.weight"

_PARTS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""Modules of a layer that make up a role, in the order of the fused rows."""
_NORMS = {
    "attn_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
}


class _Cut(NamedTuple):
    """The part of a stored tensor that a rank has: rows, and for a matrix columns."""

    tensor: str
    rows: slice
    columns: slice = slice(None)


class CheckpointWeights:
    """Rank `rank`'s share of the checkpoint in `directory`, which must be of `model`.

    Names, shapes and dtypes of all tensors are checked at once, before minutes go into loading.
    Only what a rank has is read, a few rows at a time.
    """

    def __init__(
        self, directory: str | Path, model: Model, shape: StepShape, rank: int = 0
    ) -> None:
        check_rank(model, shape, rank)
        self.model, self.shape, self.rank = model, shape, rank
        self._dtype = NUMPY_DTYPE[shape.dtype]
        self._linears = {linear.role: linear for linear in linears(model, shape.tp)}
        layers = model.layers if shape.layers is None else shape.layers
        self._shapes = dict(_tensors(model, layers))
        self._files = _locate(expanded(directory), list(self._shapes))
        self._check()

    def linear(self, layer: int | None, role: str) -> Weight:
        """q over k over v, gate over up; quantised `_CHUNK` elements at a time."""
        linear = self._linears[role]
        cuts = self._cuts(layer, role)
        chunks = (chunk for cut in cuts for chunk in self._quantised(cut))
        return assemble(linear.n, linear.k, chunks)

    def vector(self, layer: int | None, name: str) -> NDArray[Any]:
        """A norm, or the fused bias of a role."""
        if name == "final_norm":
            return self._whole("model.norm.weight")
        if name in _NORMS:
            return self._whole(f"model.layers.{layer}.{_NORMS[name]}.weight")
        role = name.removesuffix("_bias")
        if role == "o":  # the ranks' partial sums are added up: one rank adds the bias
            bias = self._whole(f"model.layers.{layer}.self_attn.o_proj.bias")
            return bias if self.rank == 0 else np.zeros_like(bias)
        cuts = (
            _Cut(cut.tensor.removesuffix("weight") + "bias", cut.rows)
            for cut in self._cuts(layer, role)
        )
        return np.concatenate([self._read(cut) for cut in cuts]).astype(self._dtype)

    def embedding(self) -> NDArray[Any]:
        """The whole table, on every rank."""
        table = np.empty((self.model.vocab, self.model.hidden), self._dtype)
        done = 0
        for chunk in self._chunks(_Cut(_EMBEDDING, slice(None))):
            table[done : done + len(chunk)] = chunk
            done += len(chunk)
        return table

    def _cuts(self, layer: int | None, role: str) -> list[_Cut]:
        if role == "lm_head":
            return [self._vocabulary(_EMBEDDING if self.model.tied else "lm_head.weight")]
        names = [f"model.layers.{layer}.{part}.weight" for part in _PARTS[role]]
        if role in ("o", "down"):
            return [_Cut(n, slice(None), self._share(self._shapes[n][1])) for n in names]
        shares = [self._share(self._shapes[n][0]) for n in names]
        if role == "qkv":
            shares[1:] = [self._kv_share()] * 2
        return [_Cut(n, share) for n, share in zip(names, shares, strict=True)]

    def _share(self, size: int) -> slice:
        part = size // self.shape.tp
        return slice(self.rank * part, (self.rank + 1) * part)

    def _kv_share(self) -> slice:
        first, count = kv_heads(self.model, self.shape.tp, self.rank)
        d = self.model.head_dim
        return slice(first * d, (first + count) * d)

    def _vocabulary(self, tensor: str) -> _Cut:
        """The rank's rows of a table. A rank past the end of a tiny vocabulary has the last row."""
        vocab, part = self.model.vocab, self._linears["lm_head"].n
        start = min(self.rank * part, vocab - 1)
        return _Cut(tensor, slice(start, min((self.rank + 1) * part, vocab)))

    def _quantised(self, cut: _Cut) -> Iterator[Weight]:
        for chunk in self._chunks(cut):
            try:
                yield quantise(chunk, self.shape.weight_format)
            except UserError as error:
                raise UserError(f"{cut.tensor} in {self._files[cut.tensor]}: {error}") from None

    def _chunks(self, cut: _Cut) -> Iterator[NDArray[np.float32]]:
        width = len(range(*cut.columns.indices(self._shapes[cut.tensor][1])))
        start, stop, _ = cut.rows.indices(self._shapes[cut.tensor][0])
        step = max(1, _CHUNK // width)
        for first in range(start, stop, step):
            yield self._read(_Cut(cut.tensor, slice(first, min(first + step, stop)), cut.columns))

    def _whole(self, tensor: str) -> NDArray[Any]:
        return self._read(_Cut(tensor, slice(None))).astype(self._dtype)

    def _read(self, cut: _Cut) -> NDArray[np.float32]:
        # Opened anew each time: an open file stays mapped, and what was read counts as resident.
        with _open(self._files[cut.tensor]) as file:
            stored = file.get_slice(cut.tensor)
            matrix = len(self._shapes[cut.tensor]) == 2
            part = stored[cut.rows, cut.columns] if matrix else stored[cut.rows]
            values: NDArray[np.float32] = part.float().numpy()
        return values

    def _check(self) -> None:
        """Every tensor is there, in the shape the model says and a dtype that can be read."""
        for path in dict.fromkeys(self._files.values()):
            with _open(path) as file:
                present = set(file.keys())
                for name, want in self._shapes.items():
                    if self._files[name] != path:
                        continue
                    if name not in present:
                        raise _missing(name, path)
                    stored = file.get_slice(name)
                    found = tuple(stored.get_shape())
                    if found != want:
                        raise UserError(
                            f"{name} in {path} has shape {list(found)}, but {self.model.name} has "
                            f"{list(want)}; give the config.json that belongs to this checkpoint."
                        )
                    if stored.get_dtype() not in _STORED:
                        raise UserError(
                            f"{name} in {path} is stored as {stored.get_dtype()}; only "
                            f"{', '.join(_STORED)} are read, so give the unquantised checkpoint."
                        )


def _tensors(model: Model, layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of everything stored for the first `layers` layers of the whole model."""
    h, d = model.hidden, model.head_dim
    q, kv, wide = model.q_rows, model.kv_rows, model.intermediate
    yield _EMBEDDING, (model.vocab, h)
    for i in range(layers):
        layer = f"model.layers.{i}."
        for name, n in zip(_PARTS["qkv"], (q, kv, kv), strict=True):
            yield f"{layer}{name}.weight", (n, h)
            if model.qkv_bias:
                yield f"{layer}{name}.bias", (n,)
        yield f"{layer}self_attn.o_proj.weight", (h, q)
        if model.o_bias:
            yield f"{layer}self_attn.o_proj.bias", (h,)
        for name in _PARTS["gate_up"]:
            yield f"{layer}{name}.weight", (wide, h)
        yield f"{layer}mlp.down_proj.weight", (h, wide)
        for role, name in _NORMS.items():
            per_head = role in ("q_norm", "k_norm")
            if not per_head or model.qk_norm:
                yield f"{layer}{name}.weight", (d,) if per_head else (h,)
    yield "model.norm.weight", (h,)
    if not model.tied:
        yield "lm_head.weight", (model.vocab, h)


def _locate(directory: Path, tensors: list[str]) -> dict[str, Path]:
    """The file that holds each tensor: by the index where there is one, else the single file."""
    if not directory.is_dir():
        raise UserError(f"There is no directory {directory}; give a local Hugging Face checkpoint.")
    index, single = directory / _INDEX, directory / "model.safetensors"
    if not index.exists():
        if not single.exists():
            raise UserError(
                f"{directory} holds neither {single.name} nor {_INDEX}; give a directory with a "
                "safetensors checkpoint."
            )
        return dict.fromkeys(tensors, single)
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = {name: directory / places[name] for name in tensors if name in places}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{index} is no safetensors index ({error!r}); download it again."
        ) from None
    for name in tensors:
        if name not in files:
            raise _missing(name, index)
    return files


def _missing(tensor: str, path: Path) -> UserError:
    return UserError(
        f"{tensor} is not in {path}; the checkpoint is not complete, or its config.json is another "
        "model's."
    )


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except FileNotFoundError:
        raise UserError(f"{path} is missing; download the checkpoint again.") from None
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as safetensors ({error}); it may be truncated, so download it "
            "again."
        ) from None

