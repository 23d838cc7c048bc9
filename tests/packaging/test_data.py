"""Other people's files in tests/data: unchanged, under a licence, and each with its source."""

import hashlib
import re

import pytest

from tests.real_files import DATA

OURS = "made"
NO_DATA = ("README.md", "LICENSE")
ROW = re.compile(r"^\| `(.+?)` \| .+ \| .+ \| `(\w+)`", re.MULTILINE)
SOURCES = [folder for folder in sorted(DATA.iterdir()) if folder.is_dir() and folder.name != OURS]
FILES = [file for file in sorted(DATA.rglob("*")) if file.is_file() and file.name not in NO_DATA]


def git_blob(content: bytes) -> str:
    """The name that git gives to the content, in whatever repository."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("folder", SOURCES, ids=lambda folder: folder.name)
def test_every_file_has_its_licence_source_and_content(folder):
    told = (folder / "README.md").read_text()
    licence = (folder / "LICENSE").read_text()
    assert re.search(r"Apache License\s+Version 2\.0|MIT License", licence)
    assert "Apache-2.0, `LICENSE`" in told or "MIT, `LICENSE`" in told
    assert "Repository: <https://" in told
    blobs = dict(ROW.findall(told))
    files = [file for file in FILES if file.parent == folder]
    assert files and blobs == {file.name: git_blob(file.read_bytes()) for file in files}


def test_names_are_unique_and_files_are_small():
    names = [file.name for file in FILES]
    assert len(names) == len(set(names))
    assert sum(file.stat().st_size for file in FILES) < 2 << 20
