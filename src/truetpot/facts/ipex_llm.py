"""Which of its native functions ipex-llm runs for a linear layer on an Intel GPU.

The rule is that of ``LowBitLinear.forward`` and ``use_batch_forward`` in
``ipex_llm/transformers/low_bit_linear.py``, the same in ipex-llm 2.2.0 and in its last nightly,
2.3.0b20251110 (``tests/facts/test_ipex_llm.py`` runs theirs beside this one). What happens inside
``batch_forward`` was read in the machine code of ``xe_batch`` (bigdl-core-xe-all 2.6.0 and
2.7.0b20251026). What happens inside ``forward_new`` is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.errors import UserError
from truetpot.facts.tables import read

FORCE = "IPEX_LLM_FORCE_BATCH_FORWARD"
"""Set to 1 it chooses within ``batch_forward``, not between that and ``forward_new``."""

_MANY = ("sym_int4", "asym_int4", "fp8_e5m2", "fp8_e4m3", "woq_int4")
"""Formats that ``batch_forward`` takes on every device."""
_SOME = ("sym_int8", "fp4", "fp6", "q4_k", "q6_k", "woq_int4")
"""Formats that it takes on ``_OLDER`` devices."""
_OLDER = ("arc", "pvc", "mtl", "arl")
_ONE_ROW = {
    "arc": ("sym_int8", "fp4", "fp8_e4m3"),
    "mtl": ("fp8_e4m3",),
    "lnl": ("sym_int4", "woq_int4"),
    "bmg": ("sym_int4", "woq_int4", "fp8_e5m2"),
}
"""Formats of which ``batch_forward`` does a single row too, by device."""
_FUSED = ("sym_int4", "fp8_e5m2", "fp4", "iq2_xxs", "fp6", "woq_int4")


@dataclass(frozen=True)
class Choice:
    """The native function that runs, and why."""

    function: str
    """``xe_linear.forward_new``, ``xe_batch.batch_forward``, ``xe_linear.run_linear_fp8``."""
    rule: str
    inside: str = ""
    """Which of the function's own kernels, where that is known."""
    converts: str = ""
    """What ``LowBitLinear`` converts around the call."""


@cache
def qtypes() -> dict[str, int]:
    """The vendor's number of every format that it names here."""
    return dict(read("ipex_llm.toml")["qtype"])


def family(card: str) -> str:
    """What ipex-llm calls a card of hardware.toml. Raises UserError for one that is not Intel's."""
    families = read("ipex_llm.toml")["family"]
    if card not in families:
        raise UserError(
            f"ipex-llm runs on Intel GPUs only, and {card!r} is none that is known here; known "
            f"are {', '.join(families)}."
        )
    return str(families[card])


def choose(
    family: str, format: str, dtype: str, m: int, n: int, k: int, *, forced: bool = False
) -> Choice:
    """What runs for x [m, k] in ``dtype`` and W [n, k] in ``format``; ``forced`` is ``FORCE`` = 1.

    Raises UserError for a format that ipex-llm does not have.
    """
    if format not in qtypes():
        raise UserError(f"ipex-llm has no low-bit format {format!r}; it has {', '.join(qtypes())}.")
    if format.startswith("torch_fp8"):
        return Choice("xe_linear.run_linear_fp8", f"{format} has this function only")
    batch, why = use_batch_forward(family, format, dtype, m, n, k)
    if batch:
        return Choice("xe_batch.batch_forward", why, _inside(format, m, n, k, forced))
    halved = dtype == "fp32" and m > 1
    converts = "x to fp16, the result back to fp32" if halved else ""
    return Choice("xe_linear.forward_new", why, converts=converts)


def use_batch_forward(
    family: str, format: str, dtype: str, m: int, n: int, k: int
) -> tuple[bool, str]:
    """The vendor's condition of that name, with the clause of it that decides."""
    if dtype not in ("fp32", "fp16"):
        return False, f"batch_forward takes fp32 and fp16, not {dtype}"
    if k % 128:
        return False, f"batch_forward takes K in multiples of 128, not {k}"
    many = format in _MANY and (m <= 48 or (m <= 64 and k % 256 == 0 and n % 64 == 0))
    some = format in _SOME and m <= 48 and family in _OLDER and k % 256 == 0 and n % 32 == 0
    if not (many or some):
        return (
            False,
            f"batch_forward does not take {m} row(s) of {format}, N={n}, K={k} on {family}",
        )
    if m > 1:
        return True, f"batch_forward takes {m} rows of {format}"
    if format not in _ONE_ROW.get(family, ()):
        return False, f"on {family} one row of {format} is not for batch_forward"
    if family == "lnl" and k % 512:
        return False, f"on lnl batch_forward takes one row with K in multiples of 512, not {k}"
    return True, f"on {family} one row of {format} is for batch_forward too"


def fuses_mlp(family: str, format: str, m: int) -> bool:
    """Whether gate, up and SiLU run as one ``mlp_forward_xpu`` (``mlp_fusion_check``)."""
    without = format == "fp6" and family in ("mtl", "lnl", "arl")
    return m == 1 and format in _FUSED and not without


def _inside(format: str, m: int, n: int, k: int, forced: bool) -> str:
    """``use_batch_forward_new`` of xe_batch; 2.6.0 reads another variable and ignores it."""
    whole = 9 <= m <= 64 and k % 256 == 0 and n % 64 == 0
    new = format in _MANY and (whole or (forced and m <= 64))
    return "batch_forward_new" if new else "batch_forward_common"
