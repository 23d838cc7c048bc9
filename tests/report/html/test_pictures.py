"""The pictures of the documents are those of the records that they name."""

import json
import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from tools.pictures import DRAWINGS, READY, RECORDS, ROOT, SHOTS, WIDTH


def words(drawn):
    """What its marks say."""
    root = ET.fromstring(drawn)
    return [one.text for one in root.iter() if one.tag.endswith("title")]


@pytest.mark.parametrize("one", READY, ids=lambda one: one.picture)
def test_a_chart_is_drawn_by_the_code_of_today_of_the_record_that_its_page_names(one):
    assert words((ROOT / one.picture).read_text()) == words(one.drawn())
    page = ROOT / one.page
    text = page.read_text()
    for path in (ROOT / one.picture, RECORDS / one.record):
        assert f"]({os.path.relpath(path, page.parent)})" in text


def test_a_page_shows_no_chart_whose_record_is_not_there():
    for one in set(DRAWINGS) - set(READY):
        assert Path(one.picture).name not in (ROOT / one.page).read_text()


def test_each_chart_is_drawn_once_its_record_is_there(tmp_path):
    """Of records of a CPU under the names that a card's will have: nothing else has to change."""
    sweep = json.loads((RECORDS / "sweep.json").read_text())
    at_eight = json.loads(json.dumps(sweep["points"]))
    for point in at_eight:
        point["batch"] = 8
        if point["record"] is not None:
            point["record"]["batch"] = 8
    sweep["points"] += at_eight
    (tmp_path / "sweep-h200.json").write_text(json.dumps(sweep))
    shutil.copy(RECORDS / "kernels.json", tmp_path / "kernels-h200.json")
    shutil.copy(RECORDS / "decode-h200.json", tmp_path)
    for one in DRAWINGS:
        root = ET.fromstring(one.drawn(tmp_path))
        device = json.loads((tmp_path / one.record).read_text())["environment"]["device"]["name"]
        assert device in root.get("aria-label"), one.picture
        assert words(one.drawn(tmp_path)), one.picture


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
