"""Traces, real and made to a format's schema; measured kernels of one Arc Pro B60."""

import json
from pathlib import Path

import pytest

from tests.real_files import DATA
from truetpot.stack.analyse import Given, analyse
from truetpot.stack.library.read import read_library
from truetpot.stack.trace import read_trace

TRACES = DATA / "made" / "traces"
B60 = DATA / "aiconfigurator"


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def b60():
    """The folder; without pyarrow what needs it is skipped."""
    pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'truetpot[library]'")
    return B60


@pytest.fixture(scope="session")
def library(b60):
    return read_library(b60)


@pytest.fixture(scope="session")
def table(library):
    """One table by operator, format and a part of its file's name."""

    def find(op, format, file):
        (found,) = (
            one
            for one in library.tables
            if (one.op, one.format) == (op, format) and file in one.origin.file
        )
        return found

    return find
