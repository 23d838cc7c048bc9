"""The canonical definitions of ``definitions.toml``, and the documentation's page about them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from truetpot.facts.tables import convert


@dataclass(frozen=True)
class Canonical:
    """One formula, whatever tools call it."""

    key: str
    name: str
    formula: str
    """Of the mean, over requests i: ``ttft_i``, ``latency_i``, tokens ``n_i``, gaps ``gap_ij``."""
    unit: str
    sample: str
    """What the single values are."""
    weight: str
    """How each of them counts."""
    leaves_out: tuple[str, ...]
    """Its own rule, in the order in which a request is judged: keys of :data:`REASONS`."""
    source: str
    used_by: Mapping[str, str]
    """Tool and what it calls it."""
    note: str = ""

    @property
    def counted(self) -> bool:
        """Whether it depends on how output tokens are counted."""
        return "no count" in self.leaves_out


REASONS = {
    "failed": "the request failed",
    "no count": "the file has no output count for it, or one that cannot be",
    "no tokens": "its count is 0",
    "one token": "its count is 1: no interval between tokens",
    "no time": "the file has no such time for it, or NaN",
}


@cache
def definitions() -> Mapping[str, Canonical]:
    """Every canonical definition by key, in the file's order."""
    package = resources.files("truetpot.serving.metrics")
    text = package.joinpath("definitions.toml").read_text(encoding="utf-8")
    return {
        key: convert({"key": key, **entry}, Canonical, f"definitions.toml [{key}]")
        for key, entry in tomllib.loads(text).items()
    }


def definitions_page() -> str:
    """The text of ``docs/metrics.md``, from the definitions."""
    parts = [_HEAD]
    for each in definitions().values():
        rows = [
            ("formula", f"`{each.formula}`"),
            ("unit", each.unit),
            ("sample", each.sample),
            ("weight", each.weight),
            ("left out", ", ".join(each.leaves_out)),
            ("source", each.source),
            ("called", "; ".join(f"{tool}: `{name}`" for tool, name in each.used_by.items())),
        ]
        table = "\n".join(f"| {name} | {text} |" for name, text in rows)
        note = f"\n{each.note}\n" if each.note else ""
        parts.append(f"### `{each.key}`: {each.name}\n\n| | |\n|---|---|\n{table}\n{note}")
    reasons = "\n".join(f"| {reason} | {text} |" for reason, text in REASONS.items())
    return "\n".join(parts).replace("REASONS\n", f"{reasons}\n")


_HEAD = """\
# Serving metrics

Tools call different quantities by one name, and one quantity by different names. Here each formula
has one key, and a serving result is recomputed by every formula that its data allow, for every way
of counting output tokens that the file has.

This page is made from `src/truetpot/serving/metrics/definitions.toml` by

    python -c "from truetpot.serving.metrics import definitions_page as page; print(page(), end='')"

## Symbols

i runs over the requests that count. `ttft_i` is from sending to the first chunk, `latency_i` from
sending to the end, `gap_ij` the times between consecutive chunks, `n_i` the output tokens by one
way of counting:

| count | |
|---|---|
| `server` | what the server said it generated |
| `retokenised` | the visible text through a tokenizer again |
| `requested` | what was asked for, whatever came |
| `chunks` | streamed messages, each taken for a token |
| `unstated` | the file does not say |

## Who is left out

A definition leaves out the requests that its formula says nothing about, and no others. How many,
and why, stands beside each result. The first reason that applies is the one counted.

| reason | |
|---|---|
REASONS

## Statistics

- **Percentiles** are those of `numpy.percentile` (linear interpolation), to the last bit; the
  median is the 50th. With weights they are what they would be if each value stood there as often as
  its weight says.
- **Sums** are correctly rounded, so means carry no rounding error worth naming.
- **Trimmed mean**: without the lowest and the highest tenth, rounded down.
- **Standard deviation**: of the population (divided by the count), as vLLM and NumPy have it.
- **Interval of the median**: 95 %, of a bootstrap over requests in its limit of many draws and
  requests, with Student's quantile (Woodruff 1952). Requests are drawn and not gaps, because the
  gaps of one request resemble each other. None below eight requests.

Where a file has only totals and means, what follows from them exactly is given as a mean, marked
`from_totals`, and nothing else.

A request is **short** if it has fewer output tokens than 90 % of what was asked for, the length
rule of MLPerf (inference_rules.adoc).

## Definitions
"""
