"""No configuration that a linear offers on DG2 spills; those that would are not offered."""

import json

import pytest

from truetpot.cli import main
from truetpot.decode.cases import StepCase
from truetpot.errors import UserError
from truetpot.isa.configs import chosen, entry_of, read_config
from truetpot.isa.jobs import find_jobs
from truetpot.isa.launch import Offline
from truetpot.isa.survey import survey
from truetpot.ops import LINEAR, LINEAR_SILU_MUL, LinearCase, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.target import known_targets

DG2, XE2 = (Offline(known_targets()[name]) for name in ("acm-g10", "bmg-g21"))
LARGEST = [
    ("fp8_e4m3", False, {"rows": 4, "subgroup": 32}),
    ("fp8_e4m3", False, {"rows": 8, "subgroup": 16}),
    ("sym_int8", False, {"rows": 4, "subgroup": 32}),
    ("asym_int4", False, {"rows": 4, "subgroup": 16}),
    ("fp8_e5m2", True, {"rows": 2, "subgroup": 32}),
    ("fp8_e4m3", True, {"rows": 4, "subgroup": 16}),
    ("sym_int4", True, {"rows": 2, "subgroup": 16}),
]


MATRIX = [
    ("sym_int4", False, 1, {"tiles": 2, "ahead": 4, "grf": 128}),
    ("bf16", False, 8, {"tiles": 1, "ahead": 1, "grf": 128}),
    ("fp8_e4m3", False, 8, {"tiles": 2, "ahead": 1, "grf": 128}),
    ("asym_int4", False, 8, {"tiles": 2, "ahead": 1, "grf": 128}),
    ("sym_int8", True, 8, {"tiles": 1, "ahead": 1, "grf": 128}),
    ("sym_int4", True, 32, {"tiles": 1, "ahead": 2, "grf": 256}),
    ("bf16", False, 64, {"tiles": 2, "ahead": 1, "grf": 256}),
]
"""Format, gate and up together, rows of x, and the most that is offered there."""


def of(weight_format, paired=False, m=1, dtype="fp16"):
    linear = LinearCase(dtype, m, 55296, 5120, weight_format)
    if not paired:
        return LINEAR, linear
    return LINEAR_SILU_MUL, LINEAR_SILU_MUL.case(linear, SiluMulCase(dtype, m, 27648))


def offered(weight_format, device, paired=False, m=1, dtype="fp16"):
    REGISTRY.load_builtin()
    op, case = of(weight_format, paired, m, dtype)
    kernel = REGISTRY.choose(op.name, case, device, "opencl").required
    return kernel, case, [dict(one) for one in kernel.configs(case, device)]


@pytest.mark.isa
@pytest.mark.parametrize(("weight_format", "paired", "sizes"), LARGEST)
def test_the_largest_that_are_offered_do_not_spill(ocloc, weight_format, paired, sizes):
    _, case, configs = offered(weight_format, DG2, paired, dtype="fp32")
    config = {**sizes, "split": 2, "groups": 1}
    assert config in [{name: one[name] for name in config} for one in configs]
    more = [c for c in configs if c["rows"] * c["subgroup"] > sizes["rows"] * sizes["subgroup"]]
    assert not more
    nothing_spills(ocloc, of(weight_format, paired)[0], case, config)


@pytest.mark.isa
@pytest.mark.parametrize(("weight_format", "paired", "m", "sizes"), MATRIX)
def test_the_most_that_is_offered_on_the_matrix_engine_does_not_spill(
    ocloc, weight_format, paired, m, sizes
):
    _, case, configs = offered(weight_format, DG2, paired, m)
    config = {**sizes, "split": 2, "groups": 1}
    assert config in [{name: one[name] for name in config} for one in configs]
    same = [c for c in configs if c["grf"] == sizes["grf"]]
    assert not [c for c in same if c["tiles"] * c["ahead"] > sizes["tiles"] * sizes["ahead"]]
    nothing_spills(ocloc, of(weight_format, paired)[0], case, config)


def nothing_spills(ocloc, op, case, config):
    asked = {name: str(value) for name, value in config.items()}
    jobs, _ = find_jobs([StepCase(op, case, (), 1)], [DG2.target], asked=asked)
    (result,) = survey(jobs, ocloc, lambda done, total: None)
    assert (result.outcome.spill_bytes, result.outcome.scratch_messages) == (0, 0)
    assert result.outcome.private_bytes == 0


@pytest.mark.parametrize("weight_format", ["sym_int8", "fp8_e5m2", "fp16"])
def test_what_spills_on_dg2_is_offered_where_registers_are_wider(weight_format):
    def widest(device, paired):
        _, _, configs = offered(weight_format, device, paired, dtype="fp32")
        return max(c["rows"] * (1 + paired) * c["subgroup"] for c in configs)

    for paired in (False, True):
        kernel, case, _ = offered(weight_format, DG2, paired, dtype="fp32")
        ((config, reason),) = kernel.withheld(case, DG2)
        assert config == {"rows": 4 if paired else 8, "subgroup": 32} and "spill" in reason
        assert (widest(DG2, paired), widest(XE2, paired)) == (8 * 16, 8 * 32)


def test_what_config_names():
    kernel, case, configs = offered("sym_int4", DG2)
    assert chosen(kernel, case, DG2, None) == configs[:1]
    assert len(chosen(kernel, case, DG2, "all")) == len(configs)
    assert chosen(kernel, case, DG2, read_config("tiles=1")) == [{**configs[0], "tiles": 1}]
    assert chosen(kernel, case, DG2, read_config("tiles=3")) == []
    for text in ("rows", "rows=", "=2", ""):
        with pytest.raises(UserError, match="rows=2,split=4"):
            read_config(text)


def test_tuned_parameters_of_the_targets_card(tmp_path, monkeypatch):
    kernel, case, configs = offered("sym_int4", DG2)
    folder = tmp_path / "truetpot" / "tuned"
    folder.mkdir(parents=True)
    table = f'[linear.opencl."{case.label()}"]\nconfig = {{ tiles = 1, split = 4 }}\n'
    (folder / "intel-r-arc-tm-b580-graphics.toml").write_text(table.replace("4", "8"))
    (folder / "intel-r-arc-tm-a770-graphics.toml").write_text(table)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert chosen(kernel, case, DG2, "tuned") == [{**configs[0], "tiles": 1, "split": 4}]
    assert chosen(kernel, case, XE2, "tuned")[0] == offered("sym_int4", XE2)[2][0]
    assert entry_of(kernel, case, DG2) == {**configs[0], "tiles": 1, "split": 4}
    assert entry_of(kernel, case, XE2) is None


@pytest.mark.isa
def test_a_default_for_want_of_an_entry_says_so(ocloc, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    record = tmp_path / "isa.json"
    options = ("--op", "rms_norm,argmax", "--target", "acm-g10", "--batch", "1")
    with pytest.raises(SystemExit) as ended:
        main(["isa", "--config", "tuned", *options, "--json", str(record)])
    assert ended.value.code == 0
    found = json.loads(record.read_text())
    missing = found["without_entry"]
    assert {name.split(",")[0] for name in missing} == {
        "rms_norm of opencl for acm-g10", "argmax of opencl for acm-g10"
    }  # fmt: skip
    told = " ".join(capsys.readouterr().out.split())
    assert f"no tuned entry, so with the default: {'; '.join(missing)}" in told
    assert told.count("the default: it has no tuned entry") == len(found["kernels"]) > 2


@pytest.mark.isa
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--config", "rows=77"), "No kernel has a configuration with --config rows=77"),
        (("--config", "many"), "rows=2,split=4"),
        (("--provider", "nobody"), "There is no provider 'nobody'"),
    ],
)
def test_mistakes_are_one_sentence(ocloc, capsys, words, said):
    asked = ("isa", "--op", "linear", "--batch", "1", "--format", "sym_int4")
    with pytest.raises(SystemExit) as done:
        main([*asked, "--target", "acm-g10", *words])
    err = capsys.readouterr().err
    assert done.value.code == 2
    assert said in err.splitlines()[-1]
