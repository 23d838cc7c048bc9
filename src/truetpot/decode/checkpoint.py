"""Parameters from a local Hugging Face safetensors directory, quantised on load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from truetpot.decode.shard import Shard
from truetpot.decode.weights import assemble, check_rank, kv_heads
from truetpot.errors import UserError
from truetpot.facts.families import Tensors, all_families
from truetpot.facts.models import Model, check_decoded, linears
from truetpot.facts.workload import Workload
from truetpot.files import (
    expanded,
    is_folder,
    is_regular,
    is_there,
    read_json,
    shortened_path,
)
from truetpot.formats import Weight, quantise
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.text import brief, escaped, shortened

_CHUNK = 8 << 20
"""Elements that are float32 at a time: 32 MiB, and a few times that inside a quantiser."""
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_EMBEDDING = "model.embed_tokens.weight"

_FINAL_NORM, _HEAD = "model.norm.weight", "lm_head.weight"


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

    def __init__(self, directory: str | Path, model: Model, shape: Workload, rank: int = 0) -> None:
        check_decoded(model)
        check_rank(model, shape, rank)
        self.model, self.shape, self.rank = model, shape, rank
        self._dtype = NUMPY_DTYPE[shape.dtype]
        self._modules = all_families()[model.family].tensors
        self._linears = {linear.role: linear for linear in linears(model, shape.tp)}
        layers = model.layers if shape.layers is None else shape.layers
        self._shapes = dict(_tensors(model, layers))
        self._files, self.notes = _locate(expanded(directory), list(self._shapes))
        self._shards = {path: Shard(path) for path in dict.fromkeys(self._files.values())}
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
            return self._whole(_FINAL_NORM)
        if not name.endswith("_bias"):
            return self._whole(f"model.layers.{layer}.{getattr(self._modules, name)}.weight")
        role = name.removesuffix("_bias")
        if role == "o":  # the ranks' partial sums are added up: one rank adds the bias
            bias = self._whole(f"model.layers.{layer}.{self._modules.o[0]}.bias")
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
            return [self._vocabulary(_EMBEDDING if self.model.tied else _HEAD)]
        cuts = []
        for module, first, size in _parts(self.model, self._modules, role):
            tensor = f"model.layers.{layer}.{module}.weight"
            if role in ("o", "down"):
                cuts.append(_Cut(tensor, slice(None), self._share(self._shapes[tensor][1])))
                continue
            kv = role == "qkv" and bool(cuts)  # q is the first
            share = self._kv_share() if kv else self._share(size)
            cuts.append(_Cut(tensor, slice(first + share.start, first + share.stop)))
        return cuts

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
                yield quantise(chunk, self.shape.format)
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
        return self._shards[self._files[cut.tensor]].read(cut.tensor, cut.rows, cut.columns)

    def _check(self) -> None:
        """Every tensor is there, in the shape the model says and a dtype that can be read."""
        for name, want in self._shapes.items():
            path = self._files[name]
            shard, shown = self._shards[path], shortened_path(path)
            if name not in shard:
                raise _missing(name, path)
            found = shard.tensors[name].shape
            if tuple(found) != want:
                raise UserError(
                    f"{name} in {shown} has shape {brief(found)}, but {self.model.name} has "
                    f"{list(want)}; give the config.json that belongs to this checkpoint."
                )
            if why := shard.stored(name):
                raise UserError(f"{name} in {shown} {why}.")


def _parts(model: Model, tensors: Tensors, role: str) -> Iterator[tuple[str, int, int]]:
    """(module, its first row, rows) of each part of a role, in the order of the fused rows."""
    q, kv, wide = model.q_rows, model.kv_rows, model.intermediate
    rows = {"qkv": (q, kv, kv), "gate_up": (wide, wide)}.get(role, (model.hidden,))
    modules: tuple[str, ...] = getattr(tensors, role)
    first = 0
    for part, size in enumerate(rows):
        alone = len(modules) > 1
        yield modules[part if alone else 0], 0 if alone else first, size
        first += size


def _tensors(model: Model, layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of everything stored for the first `layers` layers of the whole model."""
    h, d, tensors = model.hidden, model.head_dim, all_families()[model.family].tensors
    norms = {tensors.attn_norm: h, tensors.mlp_norm: h}
    if model.qk_norm:
        norms |= {tensors.q_norm: d, tensors.k_norm: d}
    yield _EMBEDDING, (model.vocab, h)
    for i in range(layers):
        layer = f"model.layers.{i}."
        for linear in linears(model)[:-1]:
            rows: dict[str, int] = {}
            for module, first, size in _parts(model, tensors, linear.role):
                rows[module] = first + size
            for module, n in rows.items():
                yield f"{layer}{module}.weight", (n, linear.k)
                if linear.bias:
                    yield f"{layer}{module}.bias", (n,)
        for module, width in norms.items():
            yield f"{layer}{module}.weight", (width,)
    yield _FINAL_NORM, (h,)
    if not model.tied:
        yield _HEAD, (model.vocab, h)


class _Index(msgspec.Struct):
    """The file of each tensor."""

    weight_map: dict[str, str]


def _locate(directory: Path, tensors: list[str]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The file that holds each tensor, and what to tell the reader of the choice.

    The single file where there is one, else those that the index names: so transformers chooses
    (5.23, `_get_resolved_checkpoint_files`), and an index may be left over from another checkpoint.
    """
    if not is_folder(directory):
        shown = shortened_path(directory)
        raise UserError(f"There is no directory {shown}; give a local Hugging Face checkpoint.")
    index, single = directory / _INDEX, directory / _SINGLE
    if is_regular(single) or (is_there(single) and not is_there(index)):
        note = f"weights are read from {_SINGLE}: {_INDEX} beside it is not used"
        return dict.fromkeys(tensors, single), (note,) if is_there(index) else ()
    if not is_there(index):
        raise UserError(
            f"{shortened_path(directory)} holds neither {_SINGLE} nor {_INDEX}; give a directory "
            "with a safetensors checkpoint."
        )
    files = _weight_map(index)
    for name in tensors:
        if name not in files:
            raise _missing(name, index)
    for name in dict.fromkeys(files[name] for name in tensors):
        if not is_there(directory / name):
            shown = shortened_path(directory / name)
            raise UserError(f"{shown} is missing; download the checkpoint again.")
    return {name: directory / files[name] for name in tensors}, ()


def _weight_map(index: Path) -> dict[str, str]:
    """An index's names of files: below its own folder, wherever the index came from."""
    raw, shown = read_json(index, "a safetensors index"), shortened_path(index)
    try:
        files = msgspec.convert(raw, _Index).weight_map
    except (msgspec.ValidationError, UnicodeError) as error:
        reason = shortened(escaped(str(error)))
        raise UserError(f"{shown} is no safetensors index ({reason}); download it again.") from None
    for file in set(files.values()):
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise UserError(f"{shown} names {brief(file)}, outside its folder; download it again.")
    return files


def _missing(tensor: str, path: Path) -> UserError:
    return UserError(
        f"{tensor} is not in {shortened_path(path)}; the checkpoint is not complete, or its "
        "config.json is another model's."
    )
