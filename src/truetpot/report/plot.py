"""Curves over time as an SVG: one panel below the other, a time axis for all."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from truetpot.report.numbers import digits
from truetpot.text import escaped

WIDTH, PANEL, LEFT, TOP, GAP = 900, 110, 70, 40, 30
FONT = 'font-family="sans-serif" font-size="12"'
FRAME = 'fill="none" stroke="#bbb"'
Panel = tuple[str, str, Sequence[float | None]]
"""Title, unit, and a value for each time; None leaves a gap."""


def plot(title: str, times_s: Sequence[float], panels: Sequence[Panel]) -> str:
    """The picture; panels without a value are left out."""
    shown = [one for one in panels if any(value is not None for value in one[2])]
    height = TOP + len(shown) * (PANEL + GAP) + GAP
    end = max(times_s, default=1.0) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(escaped(title))}</text>',
    ]
    for i, panel in enumerate(shown):
        parts += _panel(TOP + i * (PANEL + GAP), times_s, end, panel)
    bottom = height - 10
    parts += [
        f'<text x="{LEFT}" y="{bottom}">0 s</text>',
        f'<text x="{WIDTH - 20}" y="{bottom}" text-anchor="end">{end:.0f} s</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(top: int, times_s: Sequence[float], end: float, panel: Panel) -> list[str]:
    title, unit, values = panel
    told = [value for value in values if value is not None]
    low, high = min(told), max(told)
    spread = (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - 0.05 * spread, high + 0.05 * spread

    def point(at_s: float, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - 20) * at_s / end
        y = top + PANEL * (high - value) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - 20}" height="{PANEL}" {FRAME}/>',
        f'<text x="{LEFT + 5}" y="{top + 14}">{escape(title)}, {escape(unit)}</text>',
        f'<text x="{LEFT - 5}" y="{top + 12}" text-anchor="end">{digits(max(told))}</text>',
        f'<text x="{LEFT - 5}" y="{top + PANEL}" text-anchor="end">{digits(min(told))}</text>',
    ]
    for stretch in _stretches(times_s, values):
        points = " ".join(point(*one) for one in stretch)
        parts.append(f'<polyline fill="none" stroke="#06c" points="{points}"/>')
    return parts


def _stretches(
    times_s: Sequence[float], values: Sequence[float | None]
) -> list[list[tuple[float, float]]]:
    """Neighbours that have a value."""
    found: list[list[tuple[float, float]]] = [[]]
    for at_s, value in zip(times_s, values, strict=True):
        if value is not None:
            found[-1].append((at_s, value))
        elif found[-1]:
            found.append([])
    return [one for one in found if one]
