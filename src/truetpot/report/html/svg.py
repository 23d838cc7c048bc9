"""matplotlib's SVG made fit for a page: colours by role, marks with their words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from truetpot.report.html.palette import role_of, rules

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
MARK = "mark"
"""Class of what stands for one row of a record."""
_LINE = "path { stroke-linejoin: round; stroke-linecap: butt }"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")

ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


def finished(drawn: str, name: str, label: str, marks: Mapping[str, str], alone: bool) -> str:
    """The SVG element alone, without where and when it was made.

    ``drawn`` is what matplotlib wrote; ``name`` makes ids unique on a page; ``label`` is read by
    screen readers; ``marks`` are the words of each mark by its id. ``alone`` is for a file of its
    own, which brings its rules along.
    """
    root = ET.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for one in root.iter():
        _named(one, name, marks)
        _coloured(one)
    for size in ("width", "height"):
        if not alone:
            del root.attrib[size]
    root.set("role", "img")
    root.set("aria-label", label)
    if alone:
        style = ET.Element(f"{{{SVG}}}style")
        style.text = f"{_LINE}\n{rules()}"
        root.insert(0, style)
    return ET.tostring(root, encoding="unicode")


def _named(one: ET.Element, name: str, marks: Mapping[str, str]) -> None:
    """Ids of this chart alone; a mark gets its class and its words instead of an id."""
    own = one.attrib.pop("id", None)
    if own is not None and own in marks:
        one.set("class", MARK)
        title = ET.Element(f"{{{SVG}}}title")
        title.text = marks[own]
        one.insert(0, title)
    elif own is not None and not own.startswith(("figure_", "axes_", "patch_", "text_", "line2d_")):
        one.set("id", f"{name}-{own}")
    link = f"{{{XLINK}}}href"
    if link in one.attrib:
        one.set(link, f"#{name}-{one.attrib[link].removeprefix('#')}")
    for key, value in one.attrib.items():
        one.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))


def _coloured(one: ET.Element) -> None:
    """Fill and stroke by class where they are of the palette, so that dark can change them."""
    style = one.attrib.pop("style", None)
    if style is None:
        return
    classes, kept = one.get("class", "").split(), []
    for entry in style.split(";"):
        key, _, value = (part.strip() for part in entry.partition(":"))
        role = role_of(value) if key in ("fill", "stroke") else None
        if role is not None:
            classes.append(f"{key[0]}-{role}")
        elif key:
            kept.append(f"{key}: {value}")
    if kept:
        one.set("style", "; ".join(kept))
    if classes:
        one.set("class", " ".join(classes))
