"""A machine to make: see made.py."""

import pytest

from tests.doctor.made import Made


@pytest.fixture
def made(tmp_path):
    """A desktop with two cores and no GPU."""
    return Made(tmp_path / "machine")
