"""Headers that lie, and parts of tensors as the safetensors library reads them."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tests.hostile import SPECIAL, TEXTS, check_sentence, refused, special_files
from truetpot.decode.shard import Shard
from truetpot.errors import UserError

ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
TWO = {"a": ENTRY, "b": ENTRY | {"data_offsets": [24, 48]}}


def written(path, header, data=bytes(24), length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


LIES = {
    "beyond the file": {"a": ENTRY | {"data_offsets": [0, 10**12], "shape": [10**12]}},
    "beyond 64 bits": {"a": ENTRY | {"data_offsets": [0, 10**30]}},
    "shape beyond 64 bits": {"a": ENTRY | {"shape": [2**40, 2**40]}},
    "shape of 10**400": {"a": ENTRY | {"shape": [10**400]}},
    "negative shape": {"a": ENTRY | {"shape": [-2, -3]}},
    "backwards": {"a": ENTRY | {"data_offsets": [24, 0]}},
    "negative offsets": {"a": ENTRY | {"data_offsets": [-24, 0]}},
    "overlapping": {"a": ENTRY, "b": ENTRY},
    "with a hole": {"a": ENTRY | {"shape": [1], "data_offsets": [8, 12]}},
    "shorter than the data": {"a": ENTRY | {"shape": [1], "data_offsets": [0, 4]}},
    "another shape": {"a": ENTRY | {"shape": [2, 4]}},
    "no shape": {"a": {"dtype": "F32", "data_offsets": [0, 24]}},
    "three offsets": {"a": ENTRY | {"data_offsets": [0, 12, 24]}},
    "a dtype that is no string": {"a": ENTRY | {"dtype": 32}},
    "an entry that is none": {"a": 3},
    "a list": [ENTRY],
    "text offsets": {"a": ENTRY | {"data_offsets": ["0", "24"]}},
    "float offsets": {"a": ENTRY | {"data_offsets": [0.0, 24.5]}},
    "no tensors": {},
    "hostile name": {"\x1b[2J\u202e" * 1000: ENTRY | {"shape": [1]}},
    "deep": b'{"a":' * 100_000,
    "deep and closed": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "no UTF-8": b'{"\xff": 1}',
    "NaN": b'{"a": NaN}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies(path, name):
    written(path, LIES[name])
    with pytest.raises((SafetensorError, OverflowError)), safe_open(path, framework="pt"):
        pass
    assert "truncated" in refused(lambda: Shard(path))


@pytest.mark.parametrize("length", [3, 10**6, 10**18, 2**64 - 1])
def test_a_length_that_lies(path, length):
    written(path, {"a": ENTRY}, length=length)
    refused(lambda: Shard(path))


@pytest.mark.parametrize("name", TEXTS)
def test_other_files(path, name):
    path.write_bytes(TEXTS[name])
    refused(lambda: Shard(path))


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path, name):
    path = special_files(tmp_path)[name]
    refused(lambda: Shard(path))


def test_a_dtype_that_is_not_known_is_named_when_it_is_asked_for(path):
    shard = Shard(written(path, {"a": ENTRY | {"dtype": "F4_E2M1\x1b" * 50}}))
    assert "unquantised" in shard.stored("a")
    assert "\x1b" not in shard.stored("a")
    assert len(shard.stored("a")) < 200


def test_metadata_is_no_tensor(path):
    shard = Shard(written(path, {"__metadata__": {"format": "pt"}} | TWO, bytes(48)))
    assert set(shard.tensors) == {"a", "b"}
    assert "__metadata__" not in shard


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_parts_as_the_library_reads_them(path, dtype):
    generator = torch.Generator().manual_seed(3)
    matrix = (torch.randn(13, 7, generator=generator) * 1e3).to(dtype)
    matrix[0, :4] = torch.tensor([float("inf"), float("nan"), -0.0, 1e-7]).to(dtype)
    vector = torch.arange(11).to(dtype)
    save_file({"m": matrix, "v": vector, "none": torch.empty(0, 7, dtype=dtype)}, path)
    shard = Shard(path)
    everything = slice(None)
    for rows in (everything, slice(0, 5), slice(5, 13), slice(12, 40), slice(3, 3)):
        for columns in (everything, slice(0, 3), slice(3, 7), slice(6, 7)):
            got = shard.read("m", rows, columns)
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, matrix[rows, columns].float().numpy())
        got = shard.read("v", rows, everything)
        np.testing.assert_array_equal(got, vector[rows].float().numpy())
    assert shard.read("none", everything, everything).shape == (0, 7)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files(tmp_path_factory, data):
    """Read as the library reads it, or refused in a sentence."""
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    whole = bytearray(written(path, TWO, bytes(range(48))).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.sampled_from([b"", b"0", b"-", b"9", b"{", b'"', b"\0", b"\xff"]))
        whole[place : place + data.draw(st.integers(0, 2))] = piece
    path.write_bytes(whole)
    try:
        shard = Shard(path)
    except UserError as error:
        check_sentence(str(error))
        return
    if any(shard.stored(name) for name in shard.tensors):
        return  # in a sentence, tensor by tensor; the library refuses the file for such a dtype
    with safe_open(path, framework="pt") as library:
        assert set(library.keys()) == set(shard.tensors)
        for name in library.keys():  # noqa: SIM118  # it is no dict
            got = shard.read(name, slice(None), slice(None))
            want = library.get_tensor(name).float().numpy()
            np.testing.assert_array_equal(got.reshape(want.shape), want)
