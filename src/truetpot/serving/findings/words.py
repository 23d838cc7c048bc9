"""Numbers as the evidence writes them."""

from __future__ import annotations


def ms(seconds: float) -> str:
    """Milliseconds: ``30,657.55 ms``, ``0.038 ms``."""
    value = seconds * 1e3
    return f"{value:,.2f} ms" if abs(value) >= 1 else f"{value:.2g} ms"


def sec(seconds: float) -> str:
    """Seconds: ``17.06 s``, ``0.4499 s``."""
    return f"{seconds:,.2f} s" if abs(seconds) >= 1 else f"{seconds:.4g} s"


def times(ratio: float) -> str:
    """A ratio with three digits or all before the point: ``2.00``, ``0.474``, ``2,094``."""
    return f"{ratio:,.0f}" if ratio >= 99.95 else f"{ratio:#.3g}"


def count(number: float) -> str:
    """A count, or a mean of counts: ``4,096``, ``62.47``."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def percent(share: float) -> str:
    """``37 %``; one decimal where it rounds to 0 or 100 without being so."""
    whole = f"{share:.0%}"
    exact = share in (0.0, 1.0) or whole not in ("0%", "100%")
    return (whole if exact else f"{share:.1%}").replace("%", " %")
