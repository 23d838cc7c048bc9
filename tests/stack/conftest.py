"""Traces of the tests: real ones, and ones made to a format's schema."""

import json
from pathlib import Path

import pytest

from tests.real_files import DATA
from truetpot.stack.analyse import Given, analyse
from truetpot.stack.trace import read_trace

TRACES = DATA / "made" / "traces"


@pytest.fixture
def analysed():
    """The runs of a file, a device each."""

    def of(path, **given):
        path = Path(path)
        return analyse(read_trace(path), path, Given(**given))

    return of


@pytest.fixture
def write(tmp_path):
    """A file of text, or of a value as JSON."""

    def of(content, name="trace.json"):
        path = tmp_path / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    return of
