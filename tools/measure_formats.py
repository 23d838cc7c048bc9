"""Print the table of docs/formats.md: what every format does to normal weights."""

import numpy as np

from truetpot.facts.formats import format_facts
from truetpot.formats import FORMATS, dequantise, quantise
from truetpot.formats.ipex_llm import LAYOUTS


def table() -> list[str]:
    """Its lines. Deviation and gain are of a million weights, the same every time."""
    w = np.random.default_rng(1).standard_normal((256, 4096), dtype=np.float32)
    lines = [
        "| format | bits a weight | block | rel. RMSE | gain | the vendor's: rel. RMSE | gain |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in FORMATS:
        if name == "fp32":
            continue
        facts = format_facts(name)
        cells = [
            f"`{name}`",
            f"{facts.bits_per_weight:g}",
            str(facts.k_multiple) if facts.scale_bytes else "",
        ]
        cells += _measured(w, name, "nearest")
        cells += _measured(w, name, "vendor") if name in LAYOUTS else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _measured(w: np.ndarray, name: str, rounding: str) -> list[str]:
    exact = w.astype(np.float64)
    got = dequantise(quantise(w, name, rounding))
    error = np.sqrt(np.mean((got - exact) ** 2) / np.mean(exact**2))
    gain = np.mean(got * exact) / np.mean(exact**2)
    return [f"{error:.4f}", f"{gain:.4f}"]


if __name__ == "__main__":
    print("\n".join(table()))
