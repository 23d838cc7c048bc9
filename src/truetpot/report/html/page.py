"""Sections as one HTML file to which no script, font or picture comes from outside."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from truetpot import __version__
from truetpot.report.html.model import Section
from truetpot.report.html.palette import DARK, LIGHT, rules, variables
from truetpot.text import escaped

if TYPE_CHECKING:
    from truetpot.report.html.charts.canvas import Chart


def page(title: str, sections: Sequence[Section], together: Sequence[Chart] = ()) -> str:
    """The HTML of sections, with charts of all of them before.

    Whatever comes out of a record is escaped twice over: what is not visible is written as
    ``\\x1b``, what is markup as ``&lt;``.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_fit,
                              trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    number = iter(range(1 << 20))
    environment.filters["drawn"] = lambda chart: Markup(chart.svg(f"c{next(number)}"))
    return environment.from_string(_own("page.html.jinja")).render(
        title=title,
        sections=sections,
        together=together,
        light=variables(LIGHT),
        dark=variables(DARK),
        chart_rules=Markup(rules("svg ")),
        css=Markup(_own("style.css")),
        script=Markup(_own("sort.js")),
        version=__version__,
    )


def _fit(value: Any) -> Any:
    """Text of others on one line, with nothing in it that is not visible."""
    return escaped(value) if type(value) is str else value


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
