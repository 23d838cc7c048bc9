"""What `--diff` takes for an older record."""

import json

import pytest

from tests.hostile import SPECIAL, TEXTS, refused, special_files
from truetpot.isa.difference import read_old


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path, name):
    path = special_files(tmp_path)[name]
    refused(lambda: read_old(path))


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(tmp_path, name):
    (tmp_path / "old.json").write_bytes(TEXTS[name])
    refused(lambda: read_old(tmp_path / "old.json"))


@pytest.mark.parametrize(
    "kernels", [None, 3, "text", {}, [3], [[]], [{}], [{"target": "x"}], [{"simd": 10**400}]]
)
def test_kernels_that_are_none(tmp_path, kernels):
    (tmp_path / "old.json").write_text(json.dumps({"kind": "isa", "kernels": kernels}))
    assert "a record of truetpot isa" in refused(lambda: read_old(tmp_path / "old.json"))
