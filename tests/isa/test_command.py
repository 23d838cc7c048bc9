"""``truetpot isa`` as a user calls it."""

import json
import os
import shlex
import stat
import subprocess
import sys

import pytest

from tests.records.kept import exact
from tests.report.ptys import terminal_of
from truetpot.cli import main
from truetpot.records.isa import IsaRecord

SILU = ("isa", "--op", "silu_mul", "--target", "acm-g10")


@pytest.fixture
def run(capsys):
    """``run(*words)``: exit code, standard output, standard error."""

    def call(*words):
        with pytest.raises(SystemExit) as done:
            main(words)
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


@pytest.mark.isa
def test_the_record_has_what_is_promised(ocloc, run):
    code, out, _ = run(*SILU, "--batch", "1", "--json")
    record = json.loads(out)
    exact(record, IsaRecord)
    (kernel,) = record["kernels"]
    assert code == 0 and record["kind"] == "isa" and record["ocloc"]["version"] == ocloc.version
    promised = {
        "name", "variant", "target", "simd", "grf", "spill_bytes", "slm_bytes", "has_dpas",
        "instructions", "issue_over_memory",
    }  # fmt: skip
    assert promised <= set(kernel)
    assert kernel["target"] == "acm-g10" and kernel["instructions"]["send"]


@pytest.mark.isa
def test_query_tokens_beside_one(ocloc, run):
    asked = ("isa", "--op", "decode_attention", "--target", "acm-g10", "--kv-format", "fp16")
    code, out, err = run(*asked, "--batch", "1", "--query-tokens", "1,4", "--json")
    assert code == 0, err
    cases = [row["case"] for row in json.loads(out)["kernels"] if row["op"] == "decode_attention"]
    assert sorted("query_tokens=4" in case for case in {*cases}) == [False, True]


@pytest.mark.isa
def test_nothing_is_cut_on_a_terminal(ocloc, tmp_path, monkeypatch):
    file = tmp_path / "isa.json"
    linear = ("isa", "--op", "linear", "--target", "acm-g10", "--format", "sym_int4")
    asked = (*linear, "--batch", "1", "--model", "llama-3.1-70b")
    with terminal_of(monkeypatch, 80) as sent, pytest.raises(SystemExit):
        main([*asked, "--instructions", "--json", str(file)])
    record = json.loads(file.read_text())
    for kernel in record["kernels"]:
        kernel["vector_clocks"] *= 2
    file.write_text(json.dumps(record))
    with terminal_of(monkeypatch, 80) as changed, pytest.raises(SystemExit):
        main([*asked, "--diff", str(file)])
    assert record["kernels"]
    for text in (sent.shown, changed.shown):
        assert max(map(len, text.splitlines())) <= 80 and "…" not in text
        for kernel in record["kernels"]:
            for name in ("op", "name", "provider", "variant", "case", "target"):
                assert "".join(kernel[name].split()) in "".join(text.split())
    assert all(f"{kernel['verdict']}" in sent.shown for kernel in record["kernels"])


@pytest.mark.isa
def test_a_change_of_the_machine_code_is_shown(ocloc, run, tmp_path):
    old = tmp_path / "old.json"
    run(*SILU, "--json", str(old))
    assert "nothing changed" in run(*SILU, "--diff", str(old))[1]

    record = json.loads(old.read_text())
    first, second = record["kernels"]  # batch 1 and 8
    first["vector_clocks"] *= 2
    record["kernels"] = [first]
    old.write_text(json.dumps(record))
    lines = " ".join(run(*SILU, "--diff", str(old))[1].split())
    assert f"{first['case']}: vector_clocks" in lines
    assert f"{second['case']}: new" in lines


@pytest.mark.isa
def test_what_does_not_compile_is_named_with_the_compilers_line(ocloc, run, tmp_path):
    (tmp_path / "broken.cl").write_text("kernel void broken() { nonsense; }\n")
    (tmp_path / "broken.py").write_text(KERNEL.format(source=tmp_path / "broken.cl"))
    code, _, err = run(*SILU, "--kernels", str(tmp_path), "--kernel", "broken")
    out = run(*SILU, "--kernels", str(tmp_path), "--kernel", "broken", "--json")[1]
    assert code == 1
    (failed,) = json.loads(out)["failed"][:1]
    assert "nonsense" in failed["reason"], err


KERNEL = """
from truetpot.kernels._lib.opencl.kernel import OpenClKernel
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import register
from truetpot.runtime.opencl.build import Build

@register(SILU_MUL, provider="mine", devices=("opencl",))
class Broken(OpenClKernel):
    @classmethod
    def builds(cls, case, target, **config):
        return (Build("{source}", "broken", variant="broken"),)

    def __call__(self, *, gate_up):
        return gate_up
"""


PACKAGE = """
from pathlib import Path
from truetpot.kernels._lib.opencl.kernel import OpenClKernel
from truetpot.ops import LINEAR, RMS_NORM, SILU_MUL, Composite
from truetpot.ops.registry import register
from truetpot.runtime.opencl.build import Build

SOURCE = str(Path(__file__).with_suffix(".cl"))

class Nothing(OpenClKernel):
    @classmethod
    def builds(cls, case, target, **config):
        return (Build(SOURCE, "nothing", variant=cls.op.name),)

    def __call__(self, **inputs):
        raise NotImplementedError

@register(SILU_MUL, provider="someone", devices=("opencl",))
class Silu(Nothing):
    pass

OWN = Composite("silu_mul_linear", (SILU_MUL, LINEAR), ("x",), grid=lambda: ())

@register(OWN, provider="someone", devices=("opencl",))
class Own(Nothing):
    def pack(self, weight):
        return weight

@register(RMS_NORM, provider="someone", devices=("opencl",))
class Fails(Nothing):
    @classmethod
    def builds(cls, case, target, **config):
        raise RuntimeError("no such source")
"""


@pytest.mark.isa
def test_kernels_of_an_installed_package_are_compiled_too(ocloc, tmp_path):
    """Its composites among them; one that raises is a case without a kernel."""
    info = tmp_path / "someones-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someones\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[truetpot.kernels]\nsomeone = someones\n")
    (tmp_path / "someones.py").write_text(PACKAGE)
    (tmp_path / "someones.cl").write_text("kernel void nothing() {}\n")
    words = ["--target", "acm-g10", "--batch", "1", "--kernel", "nothing", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "truetpot", "isa", "--ocloc", shlex.join(ocloc.command), *words],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert {kernel["op"] for kernel in record["kernels"]} == {"silu_mul", "silu_mul_linear"}
    of_norm = (why for name, why in record["no_kernel"].items() if "rms_norm of someone" in name)
    assert {*of_norm} == {"refuses: RuntimeError: no such source"}


@pytest.mark.isa
def test_files_go_through_a_folder_that_the_compiler_sees_elsewhere(
    ocloc, run, tmp_path, monkeypatch
):
    """As with a compiler in a changed root: here a command that has the folder as /inside."""
    work, fake = tmp_path / "work", tmp_path / "elsewhere"
    work.mkdir()
    fake.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"words = {list(ocloc.command)} + [w.replace('/inside', '{work}') for w in sys.argv[1:]]\n"
        "os.execvp(words[0], words)\n"
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, out, err = run(*SILU, "--ocloc", f"{fake}", "--work", f"{work}:/inside")
    assert code == 0, err
    assert "silu_mul" in out and not list(work.iterdir())


@pytest.mark.isa
def test_a_compiler_that_does_not_see_the_files_is_told_from_one_that_fails(ocloc, run, tmp_path):
    blind = tmp_path / "blind"
    words = (
        f"{list(ocloc.command)} + [w.replace('kernel.cl', 'other/kernel.cl') for w in sys.argv[1:]]"
    )
    blind.write_text(
        f"#!{sys.executable}\nimport os, sys\nwords = {words}\nos.execvp(words[0], words)\n"
    )
    blind.chmod(blind.stat().st_mode | stat.S_IXUSR)
    assert "with --work DIR:INSIDE" in run(*SILU, "--ocloc", str(blind))[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ocloc", "no-such-ocloc"), "apt install intel-opencl-icd"),
        (("--ocloc", "'"), "is no command"),
        (("--ocloc", "true", "--work", "/no/such/folder"), "make it first"),
        (("--op", "nonsense"), "There is no operator 'nonsense'"),
        (("--diff", "/no/such/old.json"), "cannot be read"),
        (("--batch", "many"), "not a list of integers"),
    ],
)
def test_mistakes_are_one_sentence(run, words, said):
    code, out, err = run("isa", *words)
    assert (code, out) == (2, "")
    assert said in err and err.startswith("truetpot: ") and len(err.splitlines()) == 1


@pytest.mark.isa
def test_targets_that_are_not_known_are_refused(ocloc, run):
    assert "There is no target 'dg9'" in run("isa", "--target", "dg9")[2]


@pytest.mark.isa
def test_the_example_of_a_kernel_of_ones_own_is_clean(ocloc, run, request):
    folder = request.config.rootpath / "examples/opencl_kernels"
    words = ["--kernels", str(folder), "--op", "linear", "--provider", "colwise", "--batch", "1"]
    words += ["--format", "sym_int4", "--target", "acm-g10", "--strict", "--json"]
    code, out, _ = run("isa", *words)
    (kernel,) = json.loads(out)["kernels"]
    assert code == 0 and kernel["faults"] == []
    assert kernel["config"] == {"split": "8", "ahead": "4"} and kernel["passes"] == 1
    assert kernel["macros"] == {"SPLIT": "8", "AHEAD": "4"} and "-DSUBGROUP=16" in kernel["options"]
    assert len(kernel["source_digest"]) == 64 and kernel["opcodes"]["send"] > 0
