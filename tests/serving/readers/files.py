"""Reading of small result files in tests."""

import json

from truetpot.serving.readers import read


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
