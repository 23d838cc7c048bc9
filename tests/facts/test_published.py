"""No published figure that claims to be comparable lies below its floor."""

from dataclasses import replace

import pytest

from truetpot.facts.published import Comparison, compare, comparisons, published
from truetpot.facts.tables import convert


@pytest.mark.parametrize("found", comparisons(), ids=lambda c: c.entry.id)
def test_not_below_the_floor(found: Comparison) -> None:
    assert not found.impossible
    if found.entry.comparable:
        assert found.ratio is not None
        # And none so far above that a unit or a model must have been mistaken.
        assert found.ratio < 12


def test_a_planted_impossible_figure_is_found() -> None:
    real = next(x for x in published() if x.id == "r1-32b-4xa770-int4")
    assert not compare(real).impossible
    assert compare(replace(real, ms_per_token=7.0)).impossible
    assert not compare(replace(real, ms_per_token=7.0, comparable=False)).impossible


@pytest.mark.parametrize("found", comparisons(), ids=lambda c: c.entry.id)
def test_entries_are_complete(found: Comparison) -> None:
    entry = found.entry
    assert entry.url.startswith("https://")
    assert entry.parallel in ("tensor", "layers")
    assert entry.single_stream or entry.batch > 1 or not entry.comparable
    assert (entry.reason is None) is entry.comparable
    if found.ratio is not None and found.ratio < 1:
        assert entry.note
        assert "Below its floor" in entry.note


def test_ids_are_unique() -> None:
    ids = [x.id for x in published()]
    assert len(set(ids)) == len(ids)


def test_the_figure_that_started_it() -> None:
    found = compare(next(x for x in published() if x.id == "qwq32b-4xa770-serving-metric"))
    assert found.ratio is not None
    assert found.ratio > 2000
    assert not found.entry.comparable


def test_layers_in_turn_have_the_bandwidth_of_one_card() -> None:
    ids = ("llama33-70b-2xb70-q4km-tensor", "llama33-70b-2xb70-q4km-layers")
    tensor, layers = (compare(next(x for x in published() if x.id == i)) for i in ids)
    assert tensor.floor_ms is not None
    assert layers.floor_ms == pytest.approx(2 * tensor.floor_ms)


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"here: unknown keys \['urll'\]"):
        convert({"urll": "x"}, type(published()[0]), "here")
    with pytest.raises(ValueError, match="missing required field"):
        convert({"url": "x"}, type(published()[0]), "here")
