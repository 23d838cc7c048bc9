import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.serving.readers import settings
from truetpot.serving.readers.document import Document
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.statistics import total


@pytest.fixture
def config(tmp_path):
    def read(value):
        path = tmp_path / "config"
        path.write_text(json.dumps(value))
        return Document(Source(path)).first

    return read


def test_first_path_of_the_right_type(config):
    node = config({"a": {"b": 5}, "list": [{"name": "x"}], "s": "name", "n": None, "t": "true"})
    assert settings.text(node, "a.b", "list.0.name", "s") == "x"
    assert settings.number(node, "s", "n", "a.b") == 5
    assert settings.count(node, "list.1.name", "a.b.c", "a.b") == 5
    assert settings.flag(node, "s", "t") is True
    assert settings.text(None, "a") is None


def test_several_models(config):
    assert settings.text(config({"m": ["a", "b"]}), "m") == "a, b"
    assert settings.text(config({"m": []}), "m") is None


@pytest.mark.parametrize("value", [-1, 0, None, "none", [], {}, True, math.nan])
def test_what_was_not_asked(config, value):
    assert settings.number(config({"n": value}), "n") is None
    assert settings.count(config({"n": value}), "n") is None


def test_numbers(config):
    node = config({"inf": "inf", "half": 0.5, "whole": 4.0, "huge": 1e300})
    assert settings.number(node, "inf") == math.inf
    assert settings.count(node, "inf") is None
    assert settings.count(node, "half") is None
    assert settings.count(node, "whole") == 4
    assert settings.count(node, "huge") is None


def test_ratios(config):
    node = config({"none": -1, "zero": 0, "half": 0.5, "inf": "inf", "word": "x"})
    assert settings.ratio(node, "none", "inf", "word", "zero") == 0
    assert settings.ratio(node, "half") == 0.5
    assert settings.ratio(node, "none", "inf", "word", "list") is None


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_total_undoes_a_mean(lengths):
    assert total(math.fsum(lengths) / len(lengths), len(lengths)) == sum(lengths)


@pytest.mark.parametrize(
    ("mean", "count"),
    [(None, 1), (1.0, None), (math.nan, 1), (math.inf, 1), (-1.0, 5), (1e300, 10**9)],
)
def test_no_total(mean, count):
    assert total(mean, count) is None
