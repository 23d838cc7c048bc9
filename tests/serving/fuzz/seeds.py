"""Sample files of every reader, and what fuzzing found."""

import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

from truetpot.errors import UserError
from truetpot.serving.readers.detect import Reader, claims, readers
from truetpot.serving.readers.source import Source

SAMPLES = Path(__file__).parents[1] / "readers"
CORPUS = Path(__file__).parent / "corpus"
"""``corpus/<module>/``: inputs that once found something."""


def module_of(reader: Reader) -> str:
    """``vllm``, ``vllm_table``, ..."""
    return reader.read.__module__.rsplit(".", 1)[1]


def modules() -> list[str]:
    """Those that have readers."""
    return sorted({module_of(reader) for reader in readers()})


@cache
def samples() -> dict[str, tuple[bytes, tuple[str, ...]]]:
    """Small whole files by name, with the modules that claim each: all in ``SEEDS`` of
    ``tests/serving/readers/*_files.py``."""
    found = {}
    for file in sorted(SAMPLES.glob("*_files.py")):
        for name, content in import_module(f"tests.serving.readers.{file.stem}").SEEDS.items():
            with tempfile.NamedTemporaryFile() as written:
                written.write(content)
                written.flush()
                try:
                    claimed = claims(Source(Path(written.name)))
                except UserError:
                    claimed = []
            found[f"{file.stem}-{name}"] = content, tuple(map(module_of, claimed))
    return found


def seeds(module: str) -> list[bytes]:
    """The samples that are `module`'s."""
    return [content for content, claimed in samples().values() if module in claimed]


def kept(module: str) -> list[Path]:
    """Its part of the corpus."""
    return sorted((CORPUS / module).glob("*"))
