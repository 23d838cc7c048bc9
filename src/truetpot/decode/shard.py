"""One safetensors file, of which parts of tensors are read.

The format (huggingface.co/docs/safetensors): the length of a header in eight bytes, lowest first,
the header as JSON, and the tensors' bytes one after the other. The file is read, not mapped: a
mapped file that another program cuts off ends the process, and what was read of it counts as
resident. The library, where it does not map, reads a whole tensor for each part of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from truetpot.errors import UserError
from truetpot.files import known_format, open_regular, shortened_path
from truetpot.text import escaped, shortened

MOST_HEADER_BYTES = 100_000_000
"""As in the library (MAX_HEADER_SIZE)."""
WHAT = "a safetensors file"

_STORED: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}
_METADATA = "__metadata__"
_Size = Annotated[int, msgspec.Meta(ge=0)]


class Tensor(msgspec.Struct):
    """What the header says of one."""

    dtype: str
    shape: list[_Size]
    data_offsets: tuple[_Size, _Size]
    """Bytes from and to, counted from the header's end."""


class Shard:
    """A file's tensors by name, and parts of them as float32.

    The header is held against the file: every byte after it belongs to one tensor. Raises UserError
    for any other file, and when the file has changed since then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_regular(path, WHAT) as file:
            about = os.fstat(file.fileno())
            self._identity = _identity(about)
            start = file.read(16) or b""
            found = known_format(start)
            if found is not None and found != WHAT:
                raise UserError(f"{shortened_path(path)} is {found}; give {WHAT}.")
            length = int.from_bytes(start[:8], "little")
            if len(start) < 8 or length > min(MOST_HEADER_BYTES, about.st_size - 8):
                raise self._broken("its header is longer than the file or than any")
            file.seek(8)
            header = file.read(length)
        self._data = 8 + length
        self.tensors = self._parsed(header)
        self._check(about.st_size - self._data)

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def stored(self, name: str) -> str | None:
        """Why a tensor cannot be read as numbers; None if it can."""
        if (dtype := self.tensors[name].dtype) in _STORED:
            return None
        return (
            f"is stored as {shortened(escaped(dtype), 20)}; only {', '.join(_STORED)} are read, so "
            "give the unquantised checkpoint"
        )

    def read(self, name: str, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Rows of a vector, rows and columns of a matrix."""
        tensor = self.tensors[name]
        dtype = _STORED[tensor.dtype]
        width = int(np.prod(tensor.shape[1:], dtype=np.int64))
        first, last, _ = rows.indices(tensor.shape[0])
        left, right, _ = columns.indices(width)
        start = self._data + tensor.data_offsets[0]
        values = np.empty((max(0, last - first), right - left), dtype)
        with open_regular(self.path, WHAT) as file:
            if _identity(os.fstat(file.fileno())) != self._identity:
                raise self._changed()
            if right - left == width:
                self._fill(file, start + first * width * dtype.itemsize, values)
            else:
                for i, row in enumerate(values):
                    self._fill(file, start + ((first + i) * width + left) * dtype.itemsize, row)
        shape = (-1,) if len(tensor.shape) == 1 else values.shape
        return _float32(values).reshape(shape)

    def _fill(self, file: BinaryIO, at: int, values: NDArray[Any]) -> None:
        if not values.size:
            return
        try:
            file.seek(at)
            done = file.readinto(values.data.cast("B"))  # type: ignore[attr-defined]
        except OSError as error:
            raise self._broken(error.strerror or str(error)) from None
        if done != values.nbytes:
            raise self._changed()

    def _parsed(self, header: bytes) -> dict[str, Tensor]:
        try:
            entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
            return {
                name: msgspec.json.decode(raw, type=Tensor)
                for name, raw in entries.items()
                if name != _METADATA
            }
        except RecursionError:
            raise self._broken("its header nests too deep") from None
        except (msgspec.MsgspecError, ValueError) as error:
            raise self._broken(f"its header says: {escaped(str(error))}") from None

    def _check(self, size: int) -> None:
        """No byte is of two tensors or of none, and each has as many as its shape takes."""
        end = 0
        for name, tensor in sorted(self.tensors.items(), key=lambda one: one[1].data_offsets):
            start, stop = tensor.data_offsets
            shown = shortened(escaped(name))
            if start != end or stop < start:
                raise self._broken(f"{shown} is not where the tensor before it ends")
            end = stop
            if dtype := _STORED.get(tensor.dtype):
                elements = 1
                for length in tensor.shape:
                    elements *= length
                if elements * dtype.itemsize != stop - start:
                    raise self._broken(f"{shown} has {stop - start} bytes, not those of its shape")
        if end != size:
            raise self._broken(f"its tensors have {end} bytes, and {size} are there")

    def _broken(self, why: str) -> UserError:
        return UserError(
            f"{shortened_path(self.path)} cannot be read as safetensors ({why}); it may be "
            "truncated, so download it again."
        )

    def _changed(self) -> UserError:
        return UserError(
            f"{shortened_path(self.path)} changed while it was read; leave it alone, and start "
            "again."
        )


def _identity(about: os.stat_result) -> tuple[int, ...]:
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    if values.dtype != _STORED["BF16"]:
        return values.astype(np.float32, copy=False)
    wide = values.astype(np.uint32)  # bfloat16 is the upper half of a float32
    wide <<= 16
    return wide.view(np.float32)
