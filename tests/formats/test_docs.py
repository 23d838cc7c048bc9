"""docs/formats.md says what is measured."""

from pathlib import Path

from tools.measure_formats import table
from truetpot.facts.ipex_llm import qtypes
from truetpot.formats.ipex_llm import LAYOUTS

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def test_the_table_of_errors_is_the_measured_one():
    page = PAGE.read_text().splitlines()
    missing = [line for line in table() if line not in page]
    assert not missing, "python tools/measure_formats.py prints the table anew"


def test_the_layouts_name_every_format_and_its_number():
    page = PAGE.read_text()
    for format in LAYOUTS:
        assert f"| `{format}` | {qtypes()[format]} |" in page
