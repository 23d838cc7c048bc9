"""Make memory that a kernel was to write and did not show as NaN."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_EMPTY = frozenset(
    {
        torch.empty,
        torch.empty_like,
        torch.empty_strided,
        torch.Tensor.new_empty,
        torch.Tensor.new_empty_strided,
    }
)


class Poison(TorchFunctionMode):
    """Within it, what Python gets from ``torch.empty`` and its kin is poisoned.

    ``torch.utils.deterministic.fill_uninitialized_memory`` does as much, but only together with
    deterministic algorithms, and then it is no longer the timed kernel that is checked.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the function; fill what it left uninitialised."""
        result = func(*args, **(kwargs or {}))
        if func in _EMPTY:
            poison(result)
        return result


def poison(array: Any) -> None:
    """Set every bit of a tensor's storage: NaN in all float formats, -1 in integers.

    Arrays that are not torch's are left alone.
    """
    if isinstance(array, torch.Tensor):
        raw = torch.tensor([], dtype=torch.uint8, device=array.device)
        raw.set_(array.untyped_storage()).fill_(0xFF)
