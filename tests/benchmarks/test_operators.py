"""Every operator is timed by a benchmark of its own: each benchmark is run, and it is watched which
operator's kernel it asks for. A name in a file of benchmarks times nothing."""

import dataclasses
import itertools
import json
from types import SimpleNamespace

import pytest

from benchmarks import collectives, common
from tests.benchmarks.test_suite import found
from truetpot.ops import ADD, OPERATORS
from truetpot.ops.registry import REGISTRY, Registry

NO_OPERATOR = ("decode_step", "floor", "metrics")
"""Files that time a whole step, arithmetic, and percentiles."""


@dataclasses.dataclass
class Outcome:
    """What one benchmark did on the CPU."""

    asked: set[str]
    """The operators whose kernels it asked for."""
    seconds: list[float]
    """Samples of the first provider that has a time; empty if none has."""

    def operator(self) -> str | None:
        """The one operator that was timed, or would have been on another device."""
        return next(iter(self.asked)) if len(self.asked) == 1 else None


def outcome(benchmark, monkeypatch) -> Outcome:
    """Runs the benchmark for its providers in turn, until one has a time."""
    asked = set()
    kernels, measured = Registry.kernels, collectives._measured

    def watched_kernels(self, op=None, provider=None):
        asked.update([op] if op else [])
        return kernels(self, op, provider)

    def watched_ranks(op, *rest):  # they are processes of their own
        results = measured(op, *rest)
        assert {result["op"] for result in results} == {op}
        return results

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "kernels", watched_kernels)
        patch.setattr(collectives, "_measured", watched_ranks)
        given = benchmark.func.__self__.params  # those of asv's benchmark are strings
        values = dict(zip(benchmark.param_names, given, strict=True))
        few = {name: all_ if name == "provider" else all_[:1] for name, all_ in values.items()}
        for chosen in itertools.product(*(few | {"device": ["cpu"]}).values()):
            try:
                return Outcome(asked, benchmark.func(*chosen)["samples"])
            except common.SkipNotImplemented:
                continue
    return Outcome(asked, [])


TINY = {
    "model_type": "qwen2", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "intermediate_size": 192, "vocab_size": 208, "rms_norm_eps": 1e-6,
    "rope_theta": 1e4, "max_position_embeddings": 64, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """A model of no size, and so little memory that the reads are small."""
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    small = dataclasses.replace(common.SIZES["small"], model=str(tmp_path))
    monkeypatch.setitem(common.SIZES, "small", small)
    monkeypatch.setattr(common, "SIZE", small)
    monkeypatch.setattr("truetpot.runtime.cpu.CpuDevice.free_bytes", lambda self: 256 << 20)
    monkeypatch.setattr(common, "SECONDS", 0.05)
    rule = dataclasses.replace(common.RULE, seconds=0.05, warmup_s=0.01)
    monkeypatch.setattr(common, "RULE", rule)


@pytest.mark.usefixtures("quick")
def test_every_operator_is_timed_by_a_benchmark_of_its_own(monkeypatch):
    timed, asked = set(), set()
    for benchmark in found():
        if benchmark.name.partition(".")[0] not in NO_OPERATOR:
            one = outcome(benchmark, monkeypatch)
            assert one.operator() is not None, (benchmark.name, one.asked)
            asked.add(one.operator())
            if one.seconds:
                assert min(one.seconds) > 0 and len(one.seconds) == common.SAMPLES
                timed.add(one.operator())
    assert asked == set(OPERATORS)
    on_a_cpu = {kernel.op.name for kernel in REGISTRY.kernels() if "cpu" in kernel.devices}
    assert timed == on_a_cpu


@pytest.mark.usefixtures("quick")
def test_a_benchmark_that_only_names_an_operator_times_none(monkeypatch):
    class Planted:
        op = ADD
        params = (["cpu"], ["torch"])

        def track_device_time(self, device, provider):
            return common.samples([1.0] * common.SAMPLES)

    func = Planted().track_device_time
    planted = SimpleNamespace(func=func, param_names=("device", "provider"))
    assert outcome(planted, monkeypatch).operator() is None
