"""The serving metrics' benchmark: right results only, and what cannot run says why."""

import sys

import pytest

from benchmarks import common, metrics
from truetpot.serving.metrics import pooled

BENCHES = metrics.Percentiles, metrics.WeightedMean


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(metrics, "GAPS", 30_000)
    monkeypatch.setattr(common, "SECONDS", 0.0)
    monkeypatch.setattr(pooled, "FEW", 0)
    for cached in (metrics._data, metrics._mean):
        cached.cache_clear()
    yield
    for cached in (metrics._data, metrics._mean):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("bench", "provider"), [(bench, name) for bench in BENCHES for name in bench.params[1]]
)
@pytest.mark.usefixtures("small")
def test_every_provider_is_right_and_timed(bench, provider):
    if provider == "polars":
        pytest.importorskip("polars")
    found = bench().track_time("cpu", provider, metrics.GAPS)
    assert found["number"] == 1
    assert len(found["samples"]) == 10
    assert min(found["samples"]) > 0


@pytest.mark.usefixtures("small")
def test_some_requests_have_no_gaps():
    """Else a way to sum that fails on them would pass."""
    gaps, tokens = metrics._data()
    assert (gaps.counts() == 0).any()
    assert ((tokens == 0) == (gaps.counts() == 0)).all()


@pytest.mark.parametrize("bench", BENCHES)
@pytest.mark.usefixtures("small")
def test_a_wrong_result_has_no_time(bench, monkeypatch):
    right = metrics.percentiles, metrics.request_sums
    monkeypatch.setattr(metrics, "percentiles", lambda g: right[0](g) | {50.0: 0.0302})
    monkeypatch.setattr(metrics, "request_sums", lambda g: right[1](g) * (1 + 1e-9))
    with pytest.raises(RuntimeError, match="not"):
        bench().track_time("cpu", "numba", metrics.GAPS)


@pytest.mark.usefixtures("small")
def test_without_polars_its_row_is_skipped(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "polars", None)
    for bench in BENCHES:
        with pytest.raises(common.SkipNotImplemented):
            bench().track_time("cpu", "polars", metrics.GAPS)
    assert "not measured: import of polars halted" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_the_command_compares_all_that_are_there(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "polars", None)
    metrics.main()
    said = capsys.readouterr().out
    assert said.count("1.00 x numba") >= 2
    assert "numpy-reduceat" in said
    assert "polars  " not in said


def test_asv_stores_its_times(clone):
    commit = clone.commit("first")
    done = clone.run(
        commit,
        "metrics.*numba",
        "--record-samples",
        "-a",
        "rounds=1",
        TRUETPOT_BENCH_SECONDS="0.1",
    )
    assert done.code == 0, done.said
    stored = clone.results(commit)
    for name in ("metrics.Percentiles.track_time", "metrics.WeightedMean.track_time"):
        times = dict(zip(stored[name]["params"][1], stored[name]["samples"], strict=True))
        assert len(times["'numba'"]) == 10
        assert all(0 < time < 60 for time in times["'numba'"])
