"""Compilations are kept, and what was kept is read as anybody's file."""

import json

import pytest

from truetpot.isa.ocloc import _load, _save
from truetpot.records.isa import Listing

LISTING = Listing(assembly="mov (16|M0)\u2028 r1.0\n", info="kernels:\n - name: é\n")


def test_a_listing_comes_back(tmp_path):
    file = tmp_path / "isa" / "kept"
    assert _load(file) is None
    _save(file, LISTING)
    assert _load(file) == LISTING


def test_a_listing_of_before_is_read(tmp_path):
    file = tmp_path / "kept"
    file.write_text(json.dumps({"assembly": LISTING.assembly, "info": LISTING.info}))
    assert _load(file) == LISTING


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"assembly": 3, "info": ""}', '{"info": ""}', "[" * 100_000]
)
def test_what_is_no_listing_is_compiled_again(tmp_path, text):
    file = tmp_path / "kept"
    file.write_text(text)
    assert _load(file) is None
