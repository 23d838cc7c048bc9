"""Every kind of report in a headless Chromium: no complaint, no request, all marks, legible."""

import json
import os

import pytest

from tests.records.kept import FILES, load
from tests.report.html.rows import marks
from tools.browser import chromium, missing, opened
from truetpot.records.reading import read_any
from truetpot.report.html.report import html

pytestmark = pytest.mark.browser

SMALLEST = 9.5
"""Pixels of a letter's height in a chart, at a window of 1280."""
TEXTS = """() => [...document.querySelectorAll("svg text")].map((text) => {
  const box = text.getBoundingClientRect();
  const chart = text.ownerSVGElement.getBoundingClientRect();
  const {a, b} = text.getScreenCTM();
  return {words: text.textContent,
          size: parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b),
          out: Math.max(chart.left - box.left, box.right - chart.right,
                        chart.top - box.top, box.bottom - chart.bottom)};
})"""


@pytest.fixture(scope="module")
def browser():
    if reason := missing():
        (pytest.fail if os.environ.get("TRUETPOT_NEED_BROWSER") else pytest.skip)(reason)
    with chromium() as found:
        yield found


@pytest.fixture
def report(browser, tmp_path):
    """``report(record files..., scheme=...)``: the page of records, loaded."""
    pages = []

    def load_page(*files, scheme="light", width=1280):
        path = tmp_path / "report.html"
        path.write_text(html([read_any(file) for file in files], [file.name for file in files]))
        pages.append(opened(browser, path, scheme, width))
        return pages[-1]

    yield load_page
    for one in pages:
        one.page.close()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_report_opens(report, file):
    one = report(file)
    assert one.complaints == []
    assert one.outside([one.page.url]) == []
    record = json.loads(file.read_text())
    seen = one.page.locator("svg .mark").count()
    assert seen == marks(record)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 1280
    texts = one.page.evaluate(TEXTS)
    assert [text for text in texts if text["size"] < SMALLEST] == []
    assert [text for text in texts if text["out"] > 2] == [], "nothing of a chart is cut"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_follow_light_and_dark(report, scheme):
    one = report(FILES[[file.stem for file in FILES].index("decode-h200")], scheme=scheme)
    colours = one.page.evaluate(
        """() => [getComputedStyle(document.body).backgroundColor,
                  getComputedStyle(document.querySelector("svg text")).fill]"""
    )
    dark = [sum(map(int, colour[4:-1].split(","))) < 3 * 128 for colour in colours]
    assert dark == ([True, False] if scheme == "dark" else [False, True])


def test_a_table_is_sorted_by_number_and_back(report):
    one = report(FILES[[file.stem for file in FILES].index("decode-h200")])
    table = one.page.locator("table", has_text="us a call")
    place = table.locator("th").all_inner_texts().index("us a call")
    times = [row["median_s"] for row in load("decode-h200")["operators"]]
    for order in ("ascending", "descending"):
        table.locator("th button").nth(place).click()
        cells = table.locator(f"tbody tr td:nth-child({place + 1})")
        shown = [float(cell.get_attribute("data-number")) for cell in cells.all()]
        assert shown == sorted(shown, reverse=order == "descending")
        assert shown != sorted(shown, reverse=order == "ascending")
        assert len(shown) == len(times)
        assert table.locator("th").nth(place).get_attribute("aria-sort") == order


def test_paper_is_light_and_has_everything(report):
    one = report(FILES[[file.stem for file in FILES].index("decode-h200")], scheme="dark")
    one.page.emulate_media(media="print", color_scheme="dark")
    one.page.set_viewport_size({"width": 720, "height": 1000})  # A4 at 96 pixels an inch
    fill = one.page.evaluate('getComputedStyle(document.querySelector("svg text")).fill')
    assert sum(map(int, fill[4:-1].split(","))) < 3 * 128, "dark letters"
    widths = one.page.evaluate(
        """() => [...document.querySelectorAll(".wide")].map(
             (one) => one.scrollWidth - one.clientWidth)"""
    )
    assert max(widths) <= 0, "no column is cut"
    assert one.page.pdf(format="A4").startswith(b"%PDF")


def test_a_narrow_window_is_not_scrolled_sideways(report):
    one = report(*FILES[:3], width=390)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_browser_would_tell(browser, tmp_path):
    """What the tests above look for is found where it is there."""
    path = tmp_path / "bad.html"
    path.write_text('<img src="https://example.invalid/x.png"><script>nothing()</script>')
    one = opened(browser, path)
    assert one.outside([one.page.url]) == ["https://example.invalid/x.png"]
    assert any("nothing is not defined" in words for words in one.complaints)
    one.page.close()
