"""Which reader takes a file, and what is said of a file that none takes."""

import json
import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import SPECIAL, TEXTS, refused, special_files
from tests.serving.readers.vllm_files import dumped, in_2025
from tests.serving.readers.vllm_table_files import NEW, table
from truetpot.errors import UserError
from truetpot.serving import readers as package
from truetpot.serving.readers import read
from truetpot.serving.readers.detect import read_source, readers
from truetpot.serving.readers.source import Source


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ("is empty",)),
        (b"\n  \n", ("only blanks",)),
        (b"hello\nworld\n", ("first line is 'hello'", "llmperf, ", "vllm; docs")),
        ("\u202e\x1b[31mhe\u0301llo".encode(), ("first line is",)),
        (b"[2025-07-16 10:15:00] INFO started\n", ("first line is '[2025-07-16 10:15:00] INFO",)),
        (b"[ INFO ] [1] First token\n", ("first line is '[ INFO ] [1] First token'",)),
        (b'{"a": 1, "b\\n\\u202e": [2]}', ("keys 'a', 'b\\n\\u202e'", "Known are")),
        (b"[1, 2, 3]", ("JSON, a list",)),
        (b"[]", ("JSON, a list",)),
        (b"{}", ("JSON, an object",)),
        (b'"text"', ("first line is '\"text\"'",)),
        (b"17.5", ("first line is '17.5'",)),
        (b"null", ("first line is 'null'",)),
        (b"\x1f\x8b\x08\x00rest", ("packed with gzip", "unpack")),
        (b"PK\x03\x04rest", ("packed with zip",)),
        ("vllm\n".encode("utf-16"), ("first line is 'vllm'",)),
        (b"\xff\xfe\x00\x00v\x00\x00\x00", ("byte 0 is zero",)),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ("is a picture",)),
        (b"GGUF\x03\x00\x00\x00", ("is a GGUF model file",)),
        (b"a text\x00", ("byte 6 is zero",)),
        (b'{"itls": [[0.1, 0.2', ('ends inside the list "itls"', "copy it again")),
    ],
)
def test_what_is_said_of_a_file_that_no_reader_takes(
    content: bytes, words: tuple[str, ...], refusal: Callable[[bytes], str]
) -> None:
    sentence = refusal(content)
    for word in words:
        assert word in sentence


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a directory"):
        read(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "none.json")
    for name in ("x" * 5000, "a\0b", "\ud800"):
        assert "does not exist" in refused(lambda name=name: read(tmp_path / name))
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert "No such file" in refused(lambda: read(tmp_path / "link"))


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path: Path, name: str) -> None:
    path = special_files(tmp_path)[name]
    refused(lambda: read(path))


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(written: Callable[[bytes], Path], name: str) -> None:
    path = written(TEXTS[name])
    refused(lambda: read(path))


def test_a_file_that_is_cut_off_after_it_was_opened(written: Callable[[bytes], Path]) -> None:
    """Mapped, it would end the process with SIGBUS."""
    content = dumped(in_2025())
    path = written(content)
    source = Source(path)
    os.truncate(path, 0)
    assert bytes(source.data) == content
    assert read_source(source)[0].tool == "vllm"


def test_a_file_that_is_cut_off_while_it_is_read(
    written: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(dumped(in_2025()) * 100)
    look = Source._refuse_binary

    def cut_off(source: Source, head: bytes) -> None:
        os.truncate(path, 100)
        look(source, head)

    monkeypatch.setattr(Source, "_refuse_binary", cut_off)
    assert "cut off while it was read" in refused(lambda: read(path))


def test_a_file_too_large_to_be_read_whole_is_mapped(
    written: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(dumped(in_2025()))
    whole = read(path)[0]
    monkeypatch.setattr("truetpot.serving.readers.source.WHOLE", 100)
    assert isinstance(Source(path).map, mmap.mmap)
    assert read(path)[0].figures == whole.figures


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads what it likes")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        read(path)


def test_more_than_memory_is_one_sentence(
    written: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_source(source: Source) -> None:
        raise MemoryError

    monkeypatch.setattr(package, "read_source", read_source)
    with pytest.raises(UserError, match="more memory"):
        read(written(b"{}"))


def test_the_docs_name_every_form() -> None:
    """The sentence that refuses a file sends its reader there."""
    page = (Path(__file__).parents[3] / "docs" / "check.md").read_text(encoding="utf-8")
    assert [reader.name for reader in readers() if reader.name not in page] == []


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    for name in ("results.json", "results.txt", "results", "table.csv"):
        path = tmp_path / name
        path.write_bytes(dumped(in_2025()))
        assert read(path)[0].tool == "vllm"


def test_texts_in_a_file_do_not_decide(written: Callable[[bytes], Path]) -> None:
    """A generated text may quote a table; a log may begin like JSON."""
    quoted = dumped(in_2025(generated_texts=[table(NEW), "", ""]))
    assert read(written(quoted))[0].requests is not None
    for start in (b"[INFO] [x\n", b"{not JSON\n", b'{"event": "start"}\n', b"[1 2]\n"):
        assert read(written(start + table(NEW).encode()))[0].variant == "printed table, >= 0.7"


def test_a_truncated_file_of_a_known_tool(refusal: Callable[[bytes], str]) -> None:
    content = json.dumps(in_2025()).encode()
    sentence = refusal(content[: content.index(b"0.0312345")])
    assert 'ends inside the list "itls" (byte' in sentence and "cut off; copy it again" in sentence
