"""How numbers are written: enough digits to compare, none that mean nothing."""

from __future__ import annotations

BAR = 20
"""Characters of the longest bar."""


def digits(value: float) -> str:
    """Four significant digits below 1000, whole numbers with thousands separated above."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.1f}"
    if abs(value) >= 10:
        return f"{value:.2f}"
    return f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.1e}"


def queries(count: int) -> str:
    """``, 4 query tokens``, behind a batch; nothing where a step has one."""
    return "" if count == 1 else f", {count} query tokens"


def per(query_tokens: int) -> str:
    """``token``; ``step`` where one yields as many tokens as are accepted."""
    return "token" if query_tokens == 1 else "step"


def yields(query_tokens: int) -> str:
    """``1 to 4 tokens``: what a step of several query tokens gives a sequence."""
    return f"1 to {query_tokens} tokens"


def microseconds(seconds: float) -> str:
    """A kernel's time as people read it."""
    return digits(seconds * 1e6)


def percent(share: float | None) -> str:
    """``93.4 %``; a dash where there is none."""
    return "-" if share is None else f"{share * 100:.1f} %"


def gigabytes(count: float) -> str:
    """``17.379 GB``, of 1e9 bytes."""
    return f"{count / 1e9:.3f} GB"


def count_of(count: int, what: str) -> str:
    """``1 layer``, ``64 layers``, ``1,024 layers``."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def bar(value: float, most: float, width: int = BAR) -> str:
    """A bar of eighths of a character, ``most`` being ``width`` long."""
    if most <= 0 or value <= 0:
        return ""
    eighths = max(1, round(8 * width * min(1.0, value / most)))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
