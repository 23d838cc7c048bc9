"""A foreign file is looked at before it is read; every refusal is one sentence, and soon."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import SPECIAL, TEXTS, check_sentence, read_or_refused, refused, special_files
from truetpot import files
from truetpot.errors import UserError
from truetpot.text import brief, shortened

WHAT = "a record of truetpot decode --json"


@pytest.fixture
def special(tmp_path):
    return special_files(tmp_path)


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("read", [files.read_bytes, files.read_text, files.read_json])
def test_no_regular_file_of_the_stated_size(special, name, read):
    path = special[name]
    if name == "tty" and not path.exists():
        pytest.skip("there is no terminal device here")
    says = {
        "pipe": "a pipe",
        "socket": "a socket",
        "folder": "a folder",
        "sparse": "3,221.2 MB, and at most 67.1 MB are read",
        "gguf": "a GGUF model file",
    }.get(name, "a device")
    sentence = refused(lambda: read(path, WHAT))
    assert says in sentence
    assert str(path) in sentence
    assert WHAT in sentence


def test_a_pipe_that_turns_up_between_the_look_and_the_opening(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("{}")
    os.mkfifo(tmp_path / "pipe")
    seen = (tmp_path / "file").stat()
    monkeypatch.setattr(os, "stat", lambda path, **_: seen)
    assert "a pipe" in refused(lambda: files.read_bytes(tmp_path / "pipe", WHAT))


@pytest.mark.parametrize(
    "name", ["absent", "x" * 300, "x" * 5000, "a\0b", "a\x1b[2J", "\udcff", "file/below"]
)
def test_no_such_file(tmp_path, name):
    (tmp_path / "file").write_text("{}")
    assert "cannot be read" in refused(lambda: files.read_json(tmp_path / name, WHAT))


def test_a_size_just_allowed_and_one_more(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert files.read_bytes(path, WHAT, most=100) == b"x" * 100
    assert "at most" in refused(lambda: files.read_bytes(path, WHAT, most=99))


def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch):
    """What is too large by then is refused, and not cut off in silence."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    known = files.known_format

    def grown(first):
        with path.open("ab") as file:
            file.write(b"x" * 1000)
        return known(first)

    monkeypatch.setattr(files.reading, "known_format", grown)
    assert "at most" in refused(lambda: files.read_bytes(path, WHAT, most=500))


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "ZIP"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        (b"\x80\x02\x8a", "pickle"),
        ((1234).to_bytes(8, "little") + b'{"a":{"dtype"', "safetensors"),
    ],
)
def test_a_known_format_is_named_before_the_size(tmp_path, first, name):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(first)
        file.truncate(1 << 30)
    assert name in refused(lambda: files.read_text(path, WHAT))


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_json(tmp_path, name):
    path = tmp_path / "file"
    path.write_bytes(TEXTS[name])
    read_or_refused(lambda: files.read_json(path, WHAT))


@given(content=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    try:
        text = files.read_text(path, WHAT)
    except UserError as error:
        check_sentence(str(error))
    else:
        assert text == content.decode("utf-8-sig")


def test_what_python_writes_is_read(tmp_path):
    path = tmp_path / "file"
    whole = {"a": [1, 2.5, None, True], "b": "\u00e9\ud800", "c": float("inf")}
    path.write_text("\ufeff" + json.dumps(whole), encoding="utf-8")
    assert files.read_json(path, WHAT) == whole


def test_little_memory_is_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("{}")

    def no_memory(text):
        raise MemoryError

    monkeypatch.setattr(json, "loads", no_memory)
    assert "not enough memory" in refused(lambda: files.read_json(path, WHAT))


def test_attributes_of_the_kernel(tmp_path, special):
    path = tmp_path / "clock"
    path.write_text("2400\n")
    assert files.read_attribute(path) == "2400"
    path.write_bytes(b"\xff\n")
    assert files.read_attribute(path) == "\ufffd"
    for nothing in (tmp_path / "absent", *special.values()):
        if nothing.name not in ("hostile-sparse", "hostile.gguf"):
            assert files.read_attribute(nothing) is None
    assert len(files.read_attribute(special["sparse"])) == 1 << 20


def test_attributes_that_this_machine_has():
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    assert "VmHWM" in files.read_attribute("/proc/self/status")
    assert files.read_attribute("/proc/self/mem") is None


def test_reading_does_not_wait_for_a_writer(tmp_path):
    """The thread that opens a pipe for reading comes back at once."""
    os.mkfifo(tmp_path / "pipe")
    done = threading.Event()

    def read():
        files.read_attribute(tmp_path / "pipe")
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(3)


def test_values_are_shown_short():
    assert shortened("abc", 3) == "abc"
    assert shortened("abcdefgh", 6) == "abc..."
    assert brief({"bits": 4, "names": ["a"] * 128}) == '{"bits": 4, "names": [128 values]}'
    assert brief([1, None, True, 0.5, "a\x1b"]) == r'[1, null, true, 0.5, "a\x1b"]'
    assert brief(10**5000) == "a whole number of 16610 bits"
    nested = deep = {}
    for _ in range(10_000):
        deep["a"] = deep = {}
    assert brief(nested) == '{"a": {"a": {1 keys}}}'
    assert len(brief({f"key {i}": "x" * 1000 for i in range(1000)})) <= 160
    began = time.perf_counter()
    brief(list(range(1_000_000)))
    assert time.perf_counter() - began < 1
