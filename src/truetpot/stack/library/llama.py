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
from truetpot.stack.library.sources import source
from truetpot.stack.library.table import Key, Origin, Table

MARK = "us/run"
_LINE = re.compile(
    r"^\s*(?P<op>[A-Z][A-Z0-9_]*)\((?P<args>[^()]*)\):.*?(?P<us>\d+(?:\.\d+)?) us/run"
)
_BACKEND = re.compile(r"^\s*Backend \d+/\d+: (?P<name>\S.*?)\s*$")
_DEVICE = re.compile(r"^\s*Device description: (?P<name>\S.*?)\s*$")
_VERSION = re.compile(r"\bbuild(?: number)?: (?P<number>\d+)(?: \((?P<commit>[0-9a-f]+)\))?")
_ARGUMENT = re.compile(r"(?P<name>\w+)=(?P<value>\[[^\]]*\]|[^,]*)")
_LINEAR = ("m", "n", "k")
_ATTENTION = ("batch", "tokens", "heads", "kv_heads", "head_dim", "window")


def read_llama(text: str, shown: str) -> tuple[list[Table], dict[str, int]]:
    """Tables by backend, operator and type, and how many timed lines of other operators there are.

    Read are MUL_MAT without batches and FLASH_ATTN_EXT for one new token; later lines of the same
    shape replace earlier ones.
    """
    backend, device, version = "", "", ""
    found: dict[tuple[str, str, str, str, str], dict[Key, float]] = {}
    others: dict[str, int] = {}
    for line in text.splitlines():
        if match := _BACKEND.match(line):
            backend, device = match["name"], ""
        elif match := _DEVICE.match(line):
            device = match["name"]
        elif match := _VERSION.search(line):
            version = match["commit"] or match["number"]
        elif match := _LINE.match(line):
            seconds = float(match["us"]) * 1e-6
            args = {one["name"]: one["value"] for one in _ARGUMENT.finditer(match["args"])}
            shape = _shape(match["op"], args)
            if shape is None or not (math.isfinite(seconds) and seconds > 0):
                others[match["op"]] = others.get(match["op"], 0) + 1
                continue
            op, kind, key = shape
            found.setdefault((op, kind, backend, device, version), {})[key] = seconds
    return [_table(part, rows, shown) for part, rows in found.items()], others


def _shape(op: str, args: dict[str, str]) -> tuple[str, str, Key] | None:
    """Operator, type and shape; None for what no operator here is."""
    try:
        if op == "MUL_MAT" and args.get("bs", "[1,1]") == "[1,1]" == args.get("nr", "[1,1]"):
            return "linear", args["type_a"], (int(args["n"]), int(args["m"]), int(args["k"]))
        if op == "FLASH_ATTN_EXT" and int(args["nb"]) == 1 and args["hsk"] == args["hsv"]:
            group, batch = (int(one) for one in args["nr23"].strip("[]").split(","))
            kv_heads, tokens, dim = int(args["nh"]), int(args["kv"]), int(args["hsk"])
            key = (batch, tokens, kv_heads * group, kv_heads, dim, 0)
            types = {args[one] for one in ("type_KV", "type_K", "type_V") if one in args}
            return ("decode_attention", types.pop(), key) if len(types) == 1 else None
    except (KeyError, ValueError):
        return None
    return None


def _table(part: tuple[str, str, str, str, str], rows: dict[Key, float], shown: str) -> Table:
    op, kind, backend, device, version = part
    words = source("llama")
    known = recognise_cards(device) if device else None
    card = known[0] if known else None
    stack = f"llama.cpp {backend or 'of a backend that the file does not name'}"
    origin = Origin(shown, device or "not named", card, stack, version or "-", words.timing)
    axes = _LINEAR if op == "linear" else _ATTENTION
    return Table(op, kind, words.stands_for(kind), axes, rows, origin)
