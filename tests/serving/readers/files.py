"""Reading of small result files in tests, and the real ones that other people's tools wrote."""

import json
from pathlib import Path

import pytest

from truetpot.serving.readers import read

FIXTURES = Path(__file__).parents[3].parent / "shared" / "fixtures" / "serving"


def fixture(name):
    """A real file, which other people's tools wrote."""
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


def read_bytes(folder, data):
    path = folder / "result"
    path.write_bytes(data)
    return read(path)


def read_json(folder, value):
    return read_bytes(folder, dumped(value))


def figures(run):
    """By metric and statistic."""
    found = {(f.metric, f.statistic): f.value for f in run.figures}
    assert len(found) == len(run.figures), "a statistic twice"
    return found


def dumped(value):
    return json.dumps(value).encode()


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def table(unit, **statistics):
    return {"unit": unit, **statistics}
