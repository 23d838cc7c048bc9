"""Every kind of record as a page: whole, closed in itself, and nothing of a record is obeyed."""

import json
import re
import unicodedata
from xml.etree import ElementTree as ET

import msgspec
import pytest

from tests.records.kept import FILES, load
from tests.report.html.pages import elements, tree
from tests.report.html.rows import KINDS, ROWS, marks
from truetpot.records.page import RECORDS
from truetpot.records.reading import read_any
from truetpot.report.html.charts.ladder import ladder_chart
from truetpot.report.html.palette import DARK, LIGHT
from truetpot.report.html.report import CHARTS, html, svg

EVIL = "</script><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>"
HOSTILE = f"{EVIL}\"'&$x^2$\x1b[31m\n\u202e\u2028"
records = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def rows_of(page, title):
    """Of the table below a heading."""
    for section in page.all("section"):
        for head, after in zip(section.inside, section.inside[2:], strict=False):
            if getattr(head, "tag", "") == "h3" and head.text == title:
                (table,) = after.all("table")
                return len(table.all("tr")) - 1
    return 0


def test_a_checked_run_names_its_measured_step():
    record = load("check-with-ladder")
    run = record["runs"][0]
    step = "9.00 ms measured at context 1024, batch 8 (sweep.json), the nearest of its sweep"
    named = run | {"serving": run["serving"] | {"step_from": step}}
    made = msgspec.convert(record | {"runs": [named, named]}, RECORDS["check"])
    assert html([made], ["check.json"]).count(f"{step}.") == 1


@records
def test_a_page_has_a_mark_and_a_row_for_each_row_of_the_record(file):
    record = json.loads(file.read_text())
    page = tree(html([read_any(file)], [file.name]))
    assert sum("mark" in one.classes for one in elements(page)) == marks(record)
    if record["kind"] in ROWS:
        title, count = ROWS[record["kind"]]
        assert rows_of(page, title) == count(record)
    command = record.get("command")
    assert command is None or command in page.text


@records
def test_nothing_leaves_the_page(file):
    text = html([read_any(file)], [file.name])
    page = tree(text)
    for one in elements(page):
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = one.attributes.get(name) or "#"
            assert target.startswith(("#", "data:,")), (one.tag, target)
    assert not re.search(r"@import|@font-face", text)
    assert all(to.startswith("#") for to in re.findall(r"url\(([^)]*)\)", text))
    ids = [one.attributes["id"] for one in elements(page) if "id" in one.attributes]
    assert len(ids) == len(set(ids)), "one chart does not refer to another one's shapes"


def hostile(value, kind, whole, put):
    """Every string that its type lets be any text, as HOSTILE; names of a dict too."""
    if isinstance(value, dict):
        for name in list(value):
            hostile(value[name], kind, whole, lambda new, name=name: value.__setitem__(name, new))
        for name in list(value):
            new = f"{name}{HOSTILE}{id(value)}"  # unlike any other: a field of a type is dropped
            value[new] = value.pop(name)
            if not fits(whole, kind, new):
                value[name] = value.pop(new)
    elif isinstance(value, list):
        for i, one in enumerate(value):
            hostile(one, kind, whole, lambda new, i=i: value.__setitem__(i, new))
    elif isinstance(value, str):
        put(HOSTILE)
        if not fits(whole, kind):
            put(value)


def fits(record, kind, name=""):
    """Whether it is still a record, and one that keeps that name."""
    try:
        read = msgspec.convert(record, kind)
    except msgspec.ValidationError:
        return False
    return not name or json.dumps(name) in json.dumps(msgspec.to_builtins(read))


ONE_OF_EACH = {kind: name for name, kind in reversed(KINDS.items())}
ONE_OF_EACH |= {kind: name for name, kind in KINDS.items() if name == kind}


@pytest.mark.parametrize("name", ONE_OF_EACH.values(), ids=ONE_OF_EACH.keys())
def test_nothing_in_a_record_is_obeyed(name):
    record = load(name)
    kind = RECORDS[record["kind"]]
    hostile(record, kind, record, None)
    planted = json.dumps(record).count("alert(1)")
    assert planted >= 3
    read = msgspec.convert(record, kind)
    text = html([read], [f"{HOSTILE}\udcff"])
    page = tree(text)
    plain = tree(html([msgspec.convert(load(name), kind)], ["a"]))
    assert {one.tag for one in elements(page)} == {one.tag for one in elements(plain)}
    assert len(page.all("script")) == 1 and "alert(" not in page.all("script")[0].text
    names = {attribute for one in elements(page) for attribute in one.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert "alert(1)" in page.text, "it is shown"
    hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert hidden <= {"\n"}
    if kind in CHARTS and (drawn := svg(read)) is not None:
        assert not [one for one in ET.fromstring(drawn).iter() if one.tag.endswith("script")]


def test_several_records_stand_in_one_page_with_their_contexts_together():
    decode = load("decode-h200")
    deeper = load("decode-h200")
    deeper["context"] = 8192
    kind = RECORDS["decode"]
    read = [msgspec.convert(one, kind) for one in (decode, deeper)]
    page = tree(html([*read, read_any(FILES[0])]))
    (together,) = [one for one in page.all("section") if one.attributes["id"] == "together"]
    assert sum("mark" in one.classes for one in elements(together)) == 2
    links = [one.attributes["href"] for one in page.all("nav")[0].all("a")]
    assert links == ["#record-1", "#record-2", "#record-3"]
    ids = [one.attributes["id"] for one in elements(page) if "id" in one.attributes]
    assert len(ids) == len(set(ids))


def test_what_is_wrong_comes_first():
    wrong = {"valid": False, "warnings": ["INVALID RUN: a sample is below spec"]}
    record = load("decode-h200") | wrong
    page = tree(html([msgspec.convert(record, RECORDS["decode"])]))
    text = page.text
    assert text.index("Not valid.") < text.index("INVALID RUN") < text.index("Kernels of the step")
    assert text.index("Kernels of the step") < text.index("Environment and command")
    first = next(one for one in page.all("li"))
    assert first.classes == ["bad"]


def test_a_chart_as_a_file_of_its_own():
    record = read_any(FILES[[file.stem for file in FILES].index("decode-h200")])
    text = svg(record)
    assert text == svg(record), "the same whenever it is drawn"
    root = ET.fromstring(text)
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert "text" not in tags and "path" in tags, "letters are outlines: no font is needed"
    assert not tags & {"metadata", "image", "script"}
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"(?<![\w.#])/(?:work|home|tmp|usr|root)\b|file:|\.py\b", text)


def test_an_eager_step_does_not_press_the_others_together():
    record = read_any(FILES[[file.stem for file in FILES].index("decode-h200")])
    chart = ladder_chart(record)
    longest = record.rungs.step.ms_per_token
    assert longest < chart.axes.get_xlim()[1] < record.rungs.eager.ms_per_token
    assert "34.17 ms" in chart.svg("c"), "its value is told"


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out(colours):
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for what has to be seen."""
    for paper in ("paper", "panel"):
        for role in ("text", "muted", "good", "warn", "bad"):
            assert contrast(colours[role], colours[paper]) >= 4.5, role
    for role in ("measured", "observed", "borrowed", *(f"series{i}" for i in range(8))):
        assert contrast(colours[role], colours["paper"]) >= 3, role
    assert len(set(LIGHT.values())) == len(LIGHT) and set(LIGHT) == set(DARK)


def test_every_kind_is_tried():
    assert set(KINDS.values()) == set(RECORDS)
