"""One chart: axes in the suite's style, and marks that say what they stand for."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from truetpot.report.html.palette import colour
from truetpot.report.html.svg import finished
from truetpot.report.words import shortened
from truetpot.text import escaped

WIDTH = 9.2
"""Inches of 72 points: what a page of 900 pixels shows at a legible size."""
NAME = 44
"""Letters of a name that a chart shows; the whole of it is in the mark's words and in the table."""
TALL = 20
"""Rows from which on the axis stands above them as well."""
_STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.parse_math": False,  # a name of somebody's kernel may have a dollar in it
    "text.color": colour("text"),
    "axes.edgecolor": colour("bound"),
    "axes.facecolor": "none",
    "axes.labelcolor": colour("muted"),
    "axes.titlecolor": colour("text"),
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": colour("grid"),
    "grid.linewidth": 0.7,
    "xtick.color": colour("bound"),
    "xtick.labelcolor": colour("muted"),
    "ytick.color": colour("bound"),
    "ytick.labelcolor": colour("text"),
    "legend.frameon": False,
    "legend.labelcolor": colour("text"),
    "legend.fontsize": 9,
    "figure.facecolor": colour("paper"),
    "svg.hashsalt": "truetpot",  # the same ids whenever it is drawn
}
OTHER_FONT = 1.1
"""A browser's letters over those that were measured here, at most."""
P = ParamSpec("P")
T = TypeVar("T")


class Chart:
    """A figure with one pair of axes, ``width`` x ``height`` inches.

    ``label`` says in a sentence what the chart shows, for whoever cannot see it.
    """

    def __init__(self, label: str, height: float, width: float = WIDTH) -> None:
        self.label = escaped(label)
        self.figure = Figure(figsize=(width, height), layout="constrained")
        self.axes = self.figure.add_subplot()
        self._marks: dict[str, str] = {}
        self._beside: list[tuple[Annotation, float]] = []

    @property
    def marks(self) -> int:
        """Number of marks that show a text under the pointer."""
        return len(self._marks)

    def mark(self, artist: Artist, told: str) -> None:
        """The artist stands for one row of the record, which ``told`` describes."""
        name = f"row{len(self._marks)}"
        artist.set_gid(name)
        self._marks[name] = escaped(told)

    def beside(
        self, words: str, x: float, y: float, role: str = "muted", away: int = 8, **how: Any
    ) -> None:
        """Words to the right of a point, ``away`` points from it, in the colour of a role."""
        said = self.axes.annotate(
            name_of(words, 90), (x, y), (away, 0), textcoords="offset points", va="center",
            color=colour(role), annotation_clip=False, **({"fontsize": 8.5} | how),
        )  # fmt: skip
        said.set_in_layout(False)  # however long, it does not press the axes together
        self._beside.append((said, x))

    def room(self, least: float) -> None:
        """Leave room for the words beside points: ``least`` of the axis' length more, or what
        they need.
        """
        self.figure.draw_without_rendering()
        width = self.axes.get_window_extent().width
        left, right = self.axes.get_xlim()
        share = least
        for said, x in self._beside:
            at = self.axes.transData.transform((x, 0))[0] - self.axes.bbox.x0
            words = said.get_window_extent()
            needs = words.x0 - self.axes.bbox.x0 - at + words.width * OTHER_FONT
            if needs < width:
                share = max(share, at / (width - needs) - 1)
        if self.axes.get_xscale() == "log":
            self.axes.set_xlim(left, right * (right / left) ** share)
        else:
            self.axes.set_xlim(left, right + (right - left) * share)

    def name_rows(self, names: Sequence[str]) -> None:
        """The rows 0, 1, 2, ... from the top, each with its name."""
        self.axes.set_yticks(range(len(names)), [name_of(name) for name in names])
        self.axes.set_ylim(len(names) - 0.5, -0.5)
        self.axes.tick_params(axis="y", length=0)
        if len(names) > TALL:
            self.axes.tick_params(axis="x", which="both", top=True, labeltop=True)

    def svg(self, name: str, alone: bool = False) -> str:
        """The ``<svg>`` element; ``name`` is unlike that of any other chart of the page.

        ``alone`` is for a file of its own: its letters are outlines, so that it needs no font, and
        it has its own background.
        """
        how = {"svg.fonttype": "path" if alone else "none"}
        self.figure.patch.set_visible(alone)
        file = io.StringIO()
        with mpl.rc_context(_STYLE | how), warnings.catch_warnings():
            # a name in a script that the font does not have: boxes, and nothing to be told
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            FigureCanvasSVG(self.figure).print_svg(file, metadata=nothing)
        return finished(file.getvalue(), name, self.label, self._marks, alone)


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """A function that draws, in the style of all charts."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def name_of(text: str, most: int = NAME) -> str:
    """A name of others as a chart shows it: one line, its middle left out where it is long."""
    return shortened(escaped(text), most)


def plain_numbers(axis: Axis) -> None:
    """Ticks as people write numbers: 0.02, 5, 1,000."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def log_scale(axes: Axes, axis: Axis) -> None:
    """A log axis of what was drawn so far, with ticks at 1, 2, 5 where it spans few decades."""
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    few = low > 0 and high / low < 300
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    plain_numbers(axis)
