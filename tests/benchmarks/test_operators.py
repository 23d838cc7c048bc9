"""Every operator is timed by a benchmark of its own.

It is watched which operator's kernels a running benchmark asks for. A name in a file asks for none.
"""

import dataclasses
import itertools
import json
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest

from benchmarks import common
from benchmarks.size import SIZES
from tests.benchmarks.test_suite import found
from truetpot.ops import ADD, OPERATORS
from truetpot.ops.registry import REGISTRY, Registry
from truetpot.ops.tuned import Choice
from truetpot.records.words import Origin

NO_OPERATOR = ("decode_step", "floor", "metrics")
"""Files that time a whole step, arithmetic, and percentiles."""


class StoppedError(Exception):
    """A benchmark has asked for a kernel, and is not wanted to go on."""


def calls(benchmark):
    """With the parameters for the CPU, a provider at a time: the first value of each other."""
    given = benchmark.func.__self__.params  # those of asv's benchmark are strings
    values = dict(zip(benchmark.param_names, given, strict=True))
    few = {name: all_ if name == "provider" else all_[:1] for name, all_ in values.items()}
    for chosen in itertools.product(*(few | {"device": ["cpu"]}).values()):
        yield partial(benchmark.func, *chosen)


def asked(benchmark, monkeypatch):
    """The operators whose kernels the benchmark asks the registry for first, by any provider."""
    operators = set()

    def kernels(self, op=None, provider=None):
        operators.update([op] if op else [])
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "kernels", kernels)
        for call in calls(benchmark):
            with suppress(StoppedError, common.SkipNotImplemented):
                call()
    return operators


def measured(benchmark):
    """Samples of the first provider that has a time; empty if none has one on a CPU."""
    for call in calls(benchmark):
        with suppress(common.SkipNotImplemented):
            return call()["samples"]
    return []


TINY = {
    "model_type": "qwen2", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "intermediate_size": 192, "vocab_size": 208, "rms_norm_eps": 1e-6,
    "rope_theta": 1e4, "max_position_embeddings": 64, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """A model of no size, and so little memory that the reads are small."""
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    small = dataclasses.replace(SIZES["small"], model=str(tmp_path))
    monkeypatch.setattr(common, "SIZE", small)
    monkeypatch.setattr("truetpot.runtime.cpu.CpuDevice.free_bytes", lambda self: 256 << 20)
    monkeypatch.setattr(common, "SECONDS", 0.05)
    rule = dataclasses.replace(common.RULE, seconds=0.05, warmup_s=0.01)
    monkeypatch.setattr(common, "RULE", rule)


def benchmarks_of_operators():
    """Those that asv finds here, and those for another device, with a provider of that."""
    here = [each for each in found() if each.name.partition(".")[0] not in NO_OPERATOR]
    others = []
    for kind in common.UNOFFERED:
        bound = kind()
        bound.params = tuple(values or ["triton"] for values in kind.params)
        name = f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
        others.append(
            SimpleNamespace(name=name, func=bound.track_device_time, param_names=kind.param_names)
        )
    return here + others


@pytest.mark.usefixtures("quick")
def test_every_operator_has_a_benchmark_that_asks_for_its_kernels(monkeypatch):
    by_name = {each.name: asked(each, monkeypatch) for each in benchmarks_of_operators()}
    assert {name: ops for name, ops in by_name.items() if len(ops) != 1} == {}
    assert set().union(*by_name.values()) == set(OPERATORS)


@pytest.mark.usefixtures("quick")
def test_a_benchmark_that_only_names_an_operator_asks_for_none(monkeypatch):
    class Planted:
        op = ADD
        params = (["cpu"], ["torch"])

        def track_device_time(self, device, provider):
            return common.samples([1.0] * common.SAMPLES)

    func = Planted().track_device_time
    planted = SimpleNamespace(func=func, param_names=("device", "provider"))
    assert asked(planted, monkeypatch) == set()


@pytest.mark.exhaustive  # runs what the test before stops
@pytest.mark.slow
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("benchmark", benchmarks_of_operators(), ids=lambda each: each.name)
def test_what_runs_on_a_cpu_has_times(benchmark, monkeypatch):
    (op,) = asked(benchmark, monkeypatch)
    times = measured(benchmark)
    here = any(common.runs_on("cpu", kernel.devices) for kernel in REGISTRY.kernels(op))
    assert len(times) == (common.SAMPLES if here else 0)
    assert all(time > 0 for time in times)


def test_launch_parameters_are_told_as_data(capsys):
    tuned = Choice({"rows": 2}, Origin.NEAREST, "m=1")
    common.tell_parameters("numba linear", tuned.config, tuned)
    common.tell_parameters("torch linear", {}, Choice())
    common.tell_parameters("a package of before", None, None)
    assert capsys.readouterr().err == "numba linear: {'rows': 2} (nearest, of m=1)\n"
