"""Files for readers, and what a reader says of a bad one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.readers.document import Document
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    """A file ``results.json`` of these bytes."""

    def write(content: bytes) -> Path:
        path = tmp_path / "results.json"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def runs(written: Callable[[bytes], Path]) -> Callable[[bytes], list[Run]]:
    """What is read from a file of these bytes."""
    return lambda content: read(written(content))


@pytest.fixture
def refusal(runs: Callable[[bytes], list[Run]]) -> Callable[[bytes], str]:
    """The one sentence that refuses a file of these bytes, from behind its folder."""

    def refuse(content: bytes) -> str:
        with pytest.raises(UserError) as error:
            runs(content)
        sentence = str(error.value)
        assert "\n" not in sentence and sentence.endswith(".")
        assert sentence.isprintable()
        return sentence[sentence.index("results.json") :]

    return refuse


@pytest.fixture
def document(written: Callable[[bytes], Path]) -> Callable[[bytes], Document]:
    """These bytes as JSON."""
    return lambda content: Document(Source(written(content)))
