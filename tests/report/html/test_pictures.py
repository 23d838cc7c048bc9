"""The pictures of the documents are those of the records that they name."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from tools.pictures import LADDER, RECORDS, ROOT, SHOTS, WIDTH
from truetpot.records.reading import read_any
from truetpot.report.html.report import svg


def words(drawn):
    """What its marks say."""
    root = ET.fromstring(drawn)
    return [one.text for one in root.iter() if one.tag.endswith("title")]


def test_the_ladder_of_the_readme_is_drawn_by_the_code_of_today():
    picture, record = LADDER
    assert words((ROOT / picture).read_text()) == words(svg(read_any(RECORDS / record)))
    readme = (ROOT / "README.md").read_text()
    assert f"]({picture})" in readme and f"](tests/data/made/records/{record})" in readme


@pytest.mark.parametrize("picture", SHOTS)
def test_photographs_are_shown_and_are_1280_pixels_wide(picture):
    page = ROOT / "docs" / "report.md"
    assert f"]({Path(picture).relative_to('docs')})" in page.read_text()
    with Image.open(ROOT / picture) as image:
        assert image.size == (WIDTH, SHOTS[picture][2])
    assert (ROOT / picture).stat().st_size < 200_000


def test_every_picture_is_made_by_the_command():
    shown = re.findall(r"!\[[^]]*\]\(([^)]+\.png)\)", (ROOT / "docs" / "report.md").read_text())
    assert {f"docs/{one}" for one in shown} == set(SHOTS)
