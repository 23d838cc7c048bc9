"""What every torch device shares: arrays are torch tensors."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from truetpot.errors import UserError
from truetpot.runtime.device import Device
from truetpot.runtime.poison import Poison, poison

TORCH_DTYPE = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

# numpy has no bf16 or fp8 that torch knows: those cross as raw bits
_AS_BITS = {
    np.dtype(ml_dtypes.bfloat16): (np.uint16, torch.bfloat16),
    np.dtype(ml_dtypes.float8_e5m2): (np.uint8, torch.float8_e5m2),
    np.dtype(ml_dtypes.float8_e4m3fn): (np.uint8, torch.float8_e4m3fn),
}
_OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)
_FROM_BITS = {dtype: (bits, numpy) for numpy, (bits, dtype) in _AS_BITS.items()}
_BITS = {np.uint16: torch.uint16, np.uint8: torch.uint8}


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """The array as a CPU tensor over the same memory where it is writable, else over a copy."""
    if not array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
    if array.dtype in _AS_BITS:
        bits, dtype = _AS_BITS[array.dtype]
        return torch.from_numpy(array.view(bits)).view(dtype)
    return torch.from_numpy(array)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """A CPU tensor as an array over the same memory."""
    tensor = tensor.detach().contiguous()
    if tensor.dtype in _FROM_BITS:
        bits, numpy = _FROM_BITS[tensor.dtype]
        return tensor.view(_BITS[bits]).numpy().view(numpy)
    return tensor.numpy()


class TorchDevice(Device):
    """A device whose arrays are torch tensors."""

    torch: torch.device
    memory_errors = _OUT_OF_MEMORY

    def upload(self, array: np.ndarray) -> Tensor:
        """A copy on the device."""
        try:
            return as_tensor(array).to(self.torch, copy=True)
        except torch.OutOfMemoryError as error:
            size = array.nbytes / 2**30
            raise UserError(
                f"{self.name} has no {size:.2f} GiB left; use a smaller model, format or shard."
            ) from error

    def download(self, array: Any) -> np.ndarray:
        """A copy on the host."""
        return np.array(as_array(array.to("cpu")))

    def write(self, array: Any, values: np.ndarray) -> None:
        """By ``copy_``: a captured graph goes on reading the same memory."""
        array.copy_(as_tensor(values))

    def poisoned(self) -> Poison:
        """What Python gets from ``torch.empty`` and its kin."""
        return Poison()

    def poison(self, array: Any) -> None:
        """Set every bit of the tensor's whole storage."""
        poison(array)

    def storage(self, array: Any) -> int | None:
        """The address of the tensor's storage."""
        return array.untyped_storage().data_ptr() if isinstance(array, Tensor) else None

    def alike(self, a: Any, b: Any) -> bool:
        """In any dtype, NaN to NaN included; compared where they are. A dtype is like itself."""
        if not isinstance(a, Tensor) or not isinstance(b, Tensor):
            return isinstance(a, torch.dtype) and a is b
        layouts = [(x.shape, x.dtype, x.stride(), x.device) for x in (a, b)]
        if layouts[0] != layouts[1]:
            return False
        return torch.equal(*(x.contiguous().view(-1).view(torch.uint8) for x in (a, b)))
