"""Every report at every width: nothing is cut, nothing is dropped, and no name is obeyed."""

import io
import re
import unicodedata

import pytest
from rich.cells import cell_len

from tests.report.pages import PAGES
from truetpot.report.screen import Screen
from truetpot.text import escaped

WIDTHS = (40, 60, 80, 100, 110, 120)
LONG = "a_provider_of_somebody_elses_with_a_name_that_is_longer_than_any_column_of_a_table"
PLAIN = "somebody"
FORGED = "No finding."
HOSTILE = {
    "escape": f"\x1b[2J\x1b[31mred {FORGED}",
    "control": f"x\x9b2J\x85{FORGED}",
    "newline": f"x\n{FORGED}",
    "return": f"x\r{FORGED}\r\n{FORGED}",
    "separators": f"x\u2028{FORGED}\u2029{FORGED}\x0b{FORGED}\x0c{FORGED}\x1c{FORGED}",
    "bidi": "\u202edesrever\u202c \u2066isolated\u2069 \u200e\u200f",
    "surrogate": "x\udcff\ud800 y",
    "bell": "x\x07\x08\x7f\x00y",
    "wrapped": "x" * 12 + " " + " ".join([FORGED] * 30),
}


def printed(renderables, width, **options):
    screen = Screen(width, file=io.StringIO(), **options)
    for renderable in renderables:
        screen.print(renderable)
    return screen.file.getvalue()


def squeezed(text):
    return "".join(text.split())


def stands(text, value, width):
    """Whole: one word on one line if a line holds it with its name; else folded, but all of it."""
    if " " not in value and len(value) <= width - 24:
        return any(value in line for line in text.splitlines())
    return squeezed(value) in squeezed(text)


@pytest.mark.parametrize("name", [PLAIN, LONG], ids=["short", "long"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut(page, width, name, tmp_path):
    renderables, whole = PAGES[page](name, tmp_path)
    text = printed(renderables, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text and "..." not in text.replace("qkv,o,..", "")
    assert [value for value in whole if not stands(text, value, width)] == []


@pytest.mark.parametrize("width", [60, 110])
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("page", PAGES)
def test_no_name_is_obeyed(page, kind, width, tmp_path):
    hostile = HOSTILE[kind]
    if page == "prompts":  # no file can be named so
        hostile = hostile.replace("\x00", "").replace("/", "")
    text = printed(PAGES[page](hostile, tmp_path)[0], width)
    assert {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")} == set()
    assert not [line for line in text.splitlines() if line.startswith(FORGED)]
    # splitlines knows more ends of a line than a newline: none of them is there
    assert text.splitlines() == text.removesuffix("\n").split("\n")
    if page not in ("environment_variables", "published"):
        assert squeezed(escaped(hostile)) in squeezed(text)


@pytest.mark.parametrize("page", PAGES)
def test_on_a_terminal_every_escape_is_a_style_of_our_own(page, tmp_path):
    options = {"force_terminal": True, "color_system": "truecolor", "no_color": False}
    text = printed(PAGES[page](HOSTILE["escape"], tmp_path)[0], 80, **options)
    styles = re.findall(r"\x1b\[[\d;]*m", text)
    assert styles and len(styles) == text.count("\x1b")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("page", PAGES)
def test_a_locale_without_our_characters(page, encoding, tmp_path):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    screen = Screen(80, file=file)
    for renderable in PAGES[page]("ein Gerät für 中文 \udcff", tmp_path)[0]:
        screen.print(renderable)
    file.flush()
    text = file.buffer.getvalue().decode(encoding)
    assert max(map(len, text.splitlines())) <= 80
