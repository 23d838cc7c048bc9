"""What `--diff` takes for an older record."""

import json

import pytest

from tests.hostile import SPECIAL, TEXTS, refused, special_files
from truetpot.isa.difference import COMPARED, KEY, compare, read_old

KERNEL = dict.fromkeys(KEY, "x") | {"simd": 16}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path, name):
    path = special_files(tmp_path)[name]
    refused(lambda: read_old(path))


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(tmp_path, name):
    (tmp_path / "old.json").write_bytes(TEXTS[name])
    refused(lambda: read_old(tmp_path / "old.json"))


@pytest.mark.parametrize(
    "kernels", [None, 3, "text", {}, [3], [[]], [{}], [KERNEL, {"target": "x"}]]
)
def test_kernels_that_are_none(tmp_path, kernels):
    (tmp_path / "old.json").write_text(json.dumps({"kind": "isa", "kernels": kernels}))
    assert "no record of truetpot isa" in refused(lambda: read_old(tmp_path / "old.json"))


@pytest.mark.parametrize("value", [10**400, float("nan"), None, [], "16", {}])
def test_any_value_is_a_change(tmp_path, value):
    (tmp_path / "old.json").write_text(
        json.dumps({"kind": "isa", "kernels": [KERNEL | {"simd": value}]})
    )

    class Now:
        def to_json(self):
            return KERNEL | dict.fromkeys(COMPARED) | {"simd": 16.5}

    (change,) = compare(read_old(tmp_path / "old.json"), [Now()])
    assert repr(change.fields["simd"]) == repr((value, 16.5))
