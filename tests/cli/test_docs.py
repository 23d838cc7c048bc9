"""What the documents say can be typed."""

import re
from pathlib import Path

import pytest
import typer

from truetpot.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(app).commands


def commands(page):
    """Every ``truetpot ...`` of a page: in code, up to a comment, an ellipsis or a quote."""
    for found in re.findall(r"(?:^ {4}|`)truetpot ([a-z].*?)(?:`|#|\.\.\.|$)", page, re.MULTILINE):
        yield found.split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page):
    for name, *args in commands(page.read_text()):
        assert name in COMMANDS, name
        known = {option for param in COMMANDS[name].params for option in param.opts}
        for option in (arg for arg in args if arg.startswith("--")):
            assert option in known, (name, option)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"<!--.*?-->", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith(("http", "#")):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_every_option_of_decode_is_somewhere():
    text = "".join(page.read_text() for page in PAGES)
    for param in COMMANDS["decode"].params:
        assert any(option in text for option in param.opts), param.opts
