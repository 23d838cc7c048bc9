"""The files under ``tests/data``: what other people's tools wrote, and what was made for tests."""

from pathlib import Path

DATA = Path(__file__).parent / "data"


def real_file(name: str) -> Path:
    """The one file of this name in any folder of ``tests/data``; without it the test fails."""
    found = [*DATA.glob(f"*/{name}")]
    assert len(found) == 1, f"{len(found)} files are named {name} in {DATA}"
    return found[0]
