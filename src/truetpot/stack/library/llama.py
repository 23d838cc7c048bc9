"""Reads what `test-backend-ops perf` of llama.cpp prints, of any backend.

    Backend 1/2: SYCL0
      Device description: Intel(R) Arc(TM) A770 Graphics
      MUL_MAT(type_a=q4_0,type_b=f32,m=4096,n=1,k=14336,...): 8520 runs - 119.77 us/run - ...

In ggml the weights are [m, k] and n counts the columns, so that m and n change places here.
"""

from __future__ import annotations

import math
import re

from truetpot.facts.hardware import recognise_cards
from truetpot.stack.library.llama_output import timed_lines
from truetpot.stack.library.sources import source
from truetpot.stack.library.table import Key, Origin, Table

_ARGUMENT = re.compile(r"(?P<name>\w+)=(?P<value>\[[^\]]*\]|[^,]*)")
_LINEAR = ("m", "n", "k")
_ATTENTION = ("batch", "tokens", "heads", "kv_heads", "head_dim", "window")
_PLAIN_PRODUCT = {
    "type_b": "f32", "bs": "[1,1]", "nr": "[1,1]", "per": "[0,1,2,3]", "v": "0", "k_v": "0",
    "o": "1", "src_overlap": "0", "m_v": "0", "pad": "0",
}  # fmt: skip
_PLAIN_ATTENTION = {
    "mask": "1", "sinks": "0", "max_bias": "0.000000", "logit_softcap": "0.000000",
    "permute": "[0,1,2,3]", "v_is_view_of_k": "0", "n_kv_max": "0",
}  # fmt: skip
"""Parameters by which a line is another operator: batches, views of a larger tensor, several
products in one run, a V that is in K, and `n_kv_max`, the tokens that a sparse mask leaves."""


def read_llama(text: str, shown: str) -> tuple[list[Table], dict[str, int]]:
    """Tables by backend, operator and type, and how many timed lines were not read, by operator.

    Read are MUL_MAT without batches and FLASH_ATTN_EXT for one new token; later lines of the same
    shape replace earlier ones.
    """
    found: dict[tuple[str, str, str, str, str], dict[Key, float]] = {}
    others: dict[str, int] = {}
    for line in timed_lines(text):
        args = {one["name"]: one["value"] for one in _ARGUMENT.finditer(line.args)}
        shape = _shape(line.op, args)
        if shape is None or not (math.isfinite(line.us) and line.us > 0):
            others[line.op] = others.get(line.op, 0) + 1
            continue
        op, kind, key = shape
        part = op, kind, line.backend, line.device, line.version
        found.setdefault(part, {})[key] = line.us * 1e-6
    return [_table(part, rows, shown) for part, rows in found.items()], others


def _shape(op: str, args: dict[str, str]) -> tuple[str, str, Key] | None:
    """Operator, type and shape; None for what no operator here is."""
    try:
        if op == "MUL_MAT" and _plain(args, _PLAIN_PRODUCT):
            return "linear", args["type_a"], (int(args["n"]), int(args["m"]), int(args["k"]))
        one_token = op == "FLASH_ATTN_EXT" and int(args["nb"]) == 1
        if one_token and args["hsk"] == args["hsv"] and _plain(args, _PLAIN_ATTENTION):
            group, batch = (int(one) for one in args["nr23"].strip("[]").split(","))
            kv_heads, tokens, dim = int(args["nh"]), int(args["kv"]), int(args["hsk"])
            key = (batch, tokens, kv_heads * group, kv_heads, dim, 0)
            types = {args[one] for one in ("type_KV", "type_K", "type_V") if one in args}
            return ("decode_attention", types.pop(), key) if len(types) == 1 else None
    except (KeyError, ValueError):
        return None
    return None


def _plain(args: dict[str, str], plain: dict[str, str]) -> bool:
    """Whether the parameters that the line has are those of the plain operator."""
    return all(args.get(name, value) == value for name, value in plain.items())


def _table(part: tuple[str, str, str, str, str], rows: dict[Key, float], shown: str) -> Table:
    op, kind, backend, device, version = part
    words = source("llama")
    known = recognise_cards(device) if device else None
    card = known[0] if known else None
    stack = f"llama.cpp {backend or 'of a backend that the file does not name'}"
    origin = Origin(shown, device or "not named", card, stack, version or "-", words.timing)
    axes = _LINEAR if op == "linear" else _ATTENTION
    return Table(op, kind, words.stands_for(kind), axes, rows, origin)
