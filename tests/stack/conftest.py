"""Measured kernels of one Arc Pro B60, as AIConfigurator's repository has them."""

import pytest

from tests.real_files import DATA
from truetpot.stack.library.read import read_library

B60 = DATA / "aiconfigurator"


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
