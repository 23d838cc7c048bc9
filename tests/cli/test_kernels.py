"""``truetpot kernels``: the record, what can be chosen, and loud skips."""

import re

import pytest

from truetpot.measure.ceiling import SLICES

TILED = """
import torch
from truetpot.ops import ARGMAX, SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="mine", devices=("cpu",))
class Tiled(Kernel):
    @classmethod
    def configs(cls, case, device):
        return [{"tile": 4, "warps": 1}, {"tile": 8, "warps": 1}]

    def __call__(self, *, gate_up):
        gate, up = gate_up.float().chunk(2, -1)
        return (torch.nn.functional.silu(gate) * up).to(gate_up.dtype)

@register(ARGMAX, provider="mine", devices=("cpu",))
class Plain(Kernel):
    def __call__(self, *, logits):
        return logits.argmax(-1)
"""


@pytest.fixture
def kernels(cli, model, check_kernels):
    """``kernels(...)`` on the tiny model, quickly; a record is checked field by field."""

    def call(*args):
        of_none = {"--shape", "memory_read"} & {*args}
        step = () if of_none else ("--model", model, "--context", 20)
        done = cli("kernels", *step, "--seconds", 0.05, *args)
        if "--json" in args:
            check_kernels(done.record)
        return done

    return call


def test_the_record(kernels):
    done = kernels("--op", "linear", "--provider", "numba,torch", "--json")
    assert done.code == 0, done.err
    record = done.record
    assert record["kind"] == "kernels"
    assert record["schema_version"] == 1
    assert not record["partial"]
    assert record["ceiling"]["gb_s"] > 0
    assert [(r["roles"], r["provider"]) for r in record["results"]] == [
        ([role], provider)
        for role in ("qkv", "o", "gate_up", "down", "lm_head")
        for provider in ("numba", "torch")
    ]
    for result in record["results"]:
        assert result["status"] == "ok"
        assert result["error"] <= result["tolerance"]
        assert result["median_s"] > 0
        assert result["ci_s"][0] <= result["median_s"] <= result["ci_s"][1]
    assert min(result["time_over_best"] for result in record["results"]) == 1


def test_every_operator_of_the_step_by_itself(kernels):
    done = kernels("--provider", "numba,torch", "--small")
    assert done.code == 0, done.err
    for op in ("linear", "decode_attention", "rms_norm", "rope_append", "silu_mul", "embedding"):
        assert f"{op} (" in done.out
    assert "linear_silu_mul (gate_up+silu_mul)" in done.out
    assert "hot" in done.out
    assert "skipped: torch has no" in " ".join(done.out.split())


def test_roles_formats_and_samples(kernels):
    done = kernels(
        *("--role", "o,gate_up", "--format", "bf16,fp16", "--provider", "torch"),
        *("--samples", "--json"),
    )
    results = done.record["results"]
    # no fused operator: torch has none of them
    assert [(r["op"], r["format"]) for r in results] == [
        ("linear", format) for format in ("bf16", "fp16") for _ in range(2)
    ]
    assert {r["status"] for r in results} == {"ok"}
    assert all(len(r["samples_s"]) == r["samples"] for r in results)


def test_query_tokens_beside_one(kernels):
    asked = ("--op", "decode_attention", "--provider", "torch", "--query-tokens", "1,4", "--json")
    one, four = (result["case"] for result in kernels(*asked).record["results"])
    assert "context=21 " in one
    assert "query_tokens" not in one
    assert "context=24 " in four
    assert "query_tokens=4" in four


def test_a_fused_operator_that_is_asked_for_is_never_left_out(kernels):
    for op in ("linear_silu_mul", "rms_norm_linear"):
        done = kernels("--op", op, "--provider", "torch", "--json")
        assert {r["status"] for r in done.record["results"]} == {"skipped"}
        assert f"torch has no {op} kernel" in {r["reason"] for r in done.record["results"]}


@pytest.fixture
def tiled(kernels, tmp_path):
    """The same with a kernel whose ``silu_mul`` has configurations, and whose argmax has none."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine.py").write_text(TILED)

    def call(*configs, op="silu_mul", json=True):
        asked = [word for config in configs for word in ("--config", config)]
        return kernels("--op", op, "--kernels", folder, *asked, *["--json"] * json)

    return call


def test_configurations_of_one_kernel(tiled):
    done = tiled("default", "tile=8", "default")
    assert done.code == 0, done.err
    first, other, again = done.record["results"]
    assert {one["provider"] for one in done.record["results"]} == {"mine"}, "the user's own first"
    assert [one["asked"] for one in done.record["results"]] == ["default", "tile=8", "default"]
    assert first["config"] == again["config"] == {"tile": 4, "warps": 1}
    assert other["config"] == {"tile": 8, "warps": 1}
    assert [one["origin"] for one in (first, other, again)] == ["default", "given", "default"]
    assert first["time_over_first"] is None
    for one in (other, again):
        low, high = one["over_first_ci"]
        assert low <= one["time_over_first"] <= high
        assert one["order_to_first"] in ("faster", "same", "slower", "undecided")


def test_configurations_are_shown_whole(tiled):
    done = tiled("default", "tile=8", json=False)
    assert done.code == 0, done.err
    text = " ".join(done.out.split())
    assert "mine default: tile=4 warps=1 (the default)" in text
    assert "mine tile=8: tile=8 warps=1 (as given)" in text
    assert "times the time of default, by rounds:" in text


def test_an_illegal_configuration(tiled):
    done = tiled("default", "tile=5", json=False)
    assert done.code == 2
    assert "has tile = 4, 8; choose one of them." in done.err


def test_a_configuration_that_is_legal_for_some_cases(tiled):
    done = tiled("default", "tile=8", op="silu_mul,argmax")
    found = {(r["op"], r["asked"]): r for r in done.record["results"]}
    assert found["silu_mul", "tile=8"]["status"] == "ok"
    assert found["argmax", "default"]["status"] == "ok"
    assert found["argmax", "default"]["config"] == {}
    assert found["argmax", "tile=8"]["status"] == "skipped"
    assert "no launch parameters" in found["argmax", "tile=8"]["reason"]


def test_a_shape_in_short(kernels):
    done = kernels("--shape", "32x128", "--batch", 2, "--format", "bf16", "--json")
    (case,) = {one["case"] for one in done.record["results"]}
    assert case == "dtype=bf16 m=2 n=32 k=128 weight_format=bf16"


def test_several_points_have_each_case_once(kernels):
    done = kernels(
        *("--op", "linear,decode_attention", "--role", "o,attention", "--provider", "torch"),
        *("--batch", "1,3", "--context", "20,33", "--json"),
    )
    cases = [result["case"] for result in done.record["results"]]
    linears = [case for case in cases if "weight_format" in case]
    attention = [case for case in cases if "context" in case]
    assert [case.split()[1] for case in linears] == ["m=1", "m=3"]
    points = [re.search(r"batch=(\d+).*context=(\d+)", case).groups() for case in attention]
    assert points == [("1", "21"), ("1", "34"), ("3", "21"), ("3", "34")]
    assert len(cases) == len(linears) + len(attention) == 6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--batch", "1,0"), "--batch '1,0' is out of range; give 1 or more."),
        (("--context", "-1"), "--context '-1' is out of range; give 0 or more."),
    ],
)
def test_points_that_cannot_be(kernels, given, said):
    done = kernels(*given)
    assert done.code == 2
    assert said in done.err


def test_a_collective_takes_one_batch(cli):
    done = cli("kernels", "--op", "all_reduce", "--batch", "1,8")
    assert done.code == 2
    assert "--op all_reduce takes one --batch at a time." in done.err


def test_a_shape_of_ones_own(kernels):
    done = kernels("--shape", "n=32,k=128,m=2", "--op", "linear,linear_silu_mul", "--json")
    cases = {result["case"] for result in done.record["results"]}
    assert len(cases) == 2
    assert all("m=2 n=32 k=128" in case for case in cases)


def test_the_read_kernels(kernels):
    (result,) = kernels("--op", "memory_read", "--provider", "torch", "--json").record["results"]
    assert result["error"] == 0
    assert result["bytes"] == (16 << 20) // SLICES


BAD = """
import torch
from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register

@register(ARGMAX, provider="{name}", devices=("cpu",))
class Bad(Kernel):
    def __init__(self, case, device):
        if {fails}:
            raise RuntimeError("no licence")
        super().__init__(case, device)

    def __call__(self, *, logits):
        return logits[:, :3].argmax(dim=1)
"""


@pytest.mark.parametrize(
    ("fails", "reason"), [(True, "RuntimeError: no licence"), (False, "error inf")]
)
def test_a_wrong_kernel_has_no_time(kernels, tmp_path, fails, reason):
    (tmp_path / "bad.py").write_text(BAD.format(fails=fails, name="bad"))
    done = kernels("--kernels", tmp_path, "--provider", "bad,torch", "--op", "argmax", "--json")
    assert done.code == 1
    bad, good = done.record["results"]
    assert (bad["status"], bad["median_s"], bad["error"]) == ("wrong", None, None)
    assert reason in bad["reason"]
    assert good["status"] == "ok"


def test_a_folders_provider_comes_first(kernels, tmp_path):
    (tmp_path / "bad.py").write_text(BAD.format(fails=True, name="first"))
    (tmp_path / "broken.py").write_text("import not_there\n")
    done = kernels("--kernels", tmp_path, "--op", "argmax", "--json")
    assert [r["provider"] for r in done.record["results"]] == ["first", "numba", "torch"]
    assert "broken.py was not loaded: No module named 'not_there'" in done.err


def test_nothing_to_measure_is_no_success(kernels):
    done = kernels("--op", "linear_silu_mul", "--provider", "torch")
    assert done.code == 2
    assert "Nothing could be measured: torch has no linear_silu_mul kernel" in done.sentence


def test_all_providers_of_an_operator_in_one_table(kernels):
    done = kernels("--provider", "all", "--op", "linear", "--role", "o", "--json")
    assert done.code == 0, done.err
    results = done.record["results"]
    named = [result["provider"] for result in results]
    assert len(set(named)) == len(named)
    assert {"numba", "torch", "triton", "ipex_llm", "vllm_xpu"} <= set(named)
    times = [result["median_s"] for result in results]
    ran = [time for time in times if time is not None]
    assert len(ran) >= 2
    assert times == sorted(ran) + [None] * (len(times) - len(ran))
    for result in results[len(ran) :]:
        assert result["status"] == "skipped"
        assert result["reason"] and "\n" not in result["reason"]


def test_all_is_only_those_that_have_the_operator(kernels):
    done = kernels("--provider", "all", "--op", "argmax", "--json")
    named = {result["provider"] for result in done.record["results"]}
    assert {"numba", "torch"} <= named
    assert "ipex_llm" not in named
