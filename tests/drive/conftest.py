"""A tokenizer for server and prompts."""

import pytest

from tests.serving.prompts.conftest import byte_level
from truetpot.serving.prompts import corpus
from truetpot.serving.prompts.tokenizer import load


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with a tokenizer.json, trained on the shipped text."""
    made = tmp_path_factory.mktemp("tokenizer")
    byte_level([one.text for one in corpus.shipped("both")]).save(str(made / "tokenizer.json"))
    return made


@pytest.fixture(scope="session")
def tokenizer(folder):
    """The same, loaded."""
    return load(folder)
