"""What every command prints: nothing is cut on a terminal or in a pipe, and no name is obeyed."""

import ast
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.report.ptys import terminal_of
from tests.serving.readers.vllm_files import in_2026
from truetpot.cli import main
from truetpot.report.numbers import digits, microseconds
from truetpot.text import escaped

SOURCE = Path(__file__).parents[2] / "src" / "truetpot"
BIG = "llama-3.1-70b"
LONG = "a_provider_of_somebody_elses_with_a_name_longer_than_a_column"
FORGED = "No finding."
EVIL = f"x\x1b[2J\x1b[31m\x9b\n{FORGED}\r{FORGED}\u2028{FORGED}\u202e\u2066"
KERNEL = """
import torch
from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register

@register(ARGMAX, provider={name!r}, devices=("cpu",))
class Wrong(Kernel):
    @classmethod
    def note(cls, device):
        return {note!r}

    def __call__(self, *, logits):
        return logits[:, :3].argmax(dim=1)

@register(ARGMAX, provider={failing!r}, devices=("cpu",))
class Fails(Kernel):
    def __call__(self, *, logits):
        raise RuntimeError({error!r})

    @classmethod
    def refuses(cls, case, device):
        return {refuses!r} if case.dtype == "fp32" else None
"""
QUICK = ("--seconds", 0.1, "--context", 20, "--device", "cpu")


def kernels_of(folder, name=LONG, failing="mine", note="a note", error="no", refuses="no fp32"):
    folder.mkdir(exist_ok=True)
    about = {"name": name, "failing": failing, "note": note, "error": error, "refuses": refuses}
    (folder / "kernels.py").write_text(KERNEL.format(**about))
    return folder


@pytest.fixture
def printed(cli, monkeypatch):
    """``printed(way, width, ...)``: exit code and text of a command, on a terminal or in a pipe."""

    def call(way, width, *args):
        if way == "pipe":
            monkeypatch.setenv("COLUMNS", str(width))
            done = cli(*args)
            return done.code, done.out + done.err
        with (
            terminal_of(monkeypatch, width) as sent,
            pytest.raises(SystemExit) as stopped,
        ):
            main([str(arg) for arg in args])
        return stopped.value.code, sent.shown

    return call


def squeezed(text):
    return "".join(text.split())


def assert_whole(text, width, values):
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= width, max(lines, key=cell_len)
    assert "…" not in text
    for value in values:
        if " " not in value and len(value) <= width - 24:
            assert any(value in line for line in lines), value
        else:
            assert squeezed(value) in squeezed(text), value


WAYS = [("terminal", 80), ("pipe", 80), ("pipe", 100), ("pipe", 120), ("terminal", 40)]
ways = pytest.mark.parametrize(("way", "width"), WAYS, ids=[f"{way}-{w}" for way, w in WAYS])


@ways
def test_floor(printed, cli, way, width):
    asked = ("floor", "--model", BIG, "--tp", 8, "--batch", 64, "--context", "1024:131072")
    record = cli(*asked, "--json").record
    code, text = printed(way, width, *asked)
    terms = record["terms"]
    values = [record["model"], "qkv", "gate_up", "lm_head", "floor", "collectives"]
    values += [f"{record['ms_per_token']:.3f}", f"{record['mean_ms_per_token']:.3f}"]
    values += [f"{value:,}" for value in terms.values() if isinstance(value, int) and value]
    assert code == 0
    assert_whole(text, width, values + record["assumptions"])


@ways
def test_published(printed, cli, way, width):
    figures = cli("floor", "--published", "--json").record["figures"]
    _, text = printed(way, width, "floor", "--published")
    values = []
    for figure in figures:
        values += [figure["id"], f"{figure['cards']} x {figure['device']}"]
        values += [digits(figure[name]) for name in ("ms_per_token", "floor_ms", "ratio")
                   if figure[name] is not None]  # fmt: skip
        values += [figure[name] for name in ("reported", "reason") if figure[name]]
    assert_whole(text, width, values)


@ways
def test_dispatch(printed, cli, way, width):
    record = cli("dispatch", "--batch", 8, "--json").record
    _, text = printed(way, width, "dispatch", "--batch", 8)
    values = [record["function"], record["rule"], record["device"], record["inside"] or ""]
    assert_whole(text, width, values)


@ways
def test_doctor(printed, cli, monkeypatch, way, width):
    monkeypatch.setenv("ONEAPI_DEVICE_SELECTOR", f"level_zero:{LONG}")
    record = cli("doctor", "--no-check", "--json").record
    code, text = printed(way, width, "doctor", "--no-check", "--variables")
    assert code == int(record["verdict"] == "bad")
    values = [value for found in record["findings"] for value in found.values()]
    values += [f"ONEAPI_DEVICE_SELECTOR=level_zero:{LONG}", record["host"]["kernel"]]
    values += ["SYCL_PI_LEVEL_ZERO_USE_IMMEDIATE_COMMANDLISTS", "ipex-llm's script"]
    values += list(record["software"]["system"].values())
    assert_whole(text, width, values)


@ways
def test_providers(printed, cli, way, width, tmp_path):
    folder = kernels_of(tmp_path / "own")
    asked = ("providers", "--device", "cpu", "--kernels", folder)
    rows = cli(*asked, "--json").record["kernels"]
    _, text = printed(way, width, *asked)
    assert any(row["provider"] == LONG for row in rows)
    values = [row[name] for row in rows for name in ("op", "provider", "reason", "note")]
    assert_whole(text, width, [*values, str(folder / "kernels.py")])


@ways
def test_check(printed, cli, way, width, tmp_path):
    file = tmp_path / f"{LONG}.json"
    file.write_text(json.dumps(in_2026(model_id=f"{LONG}/{BIG}")))
    asked = ("check", file, "--model", BIG, "--device", "arc-pro-b60", "--tp", 8)
    record = cli(*asked, "--json").record
    _, text = printed(way, width, *asked)
    values = [f"{LONG}/{BIG}", record["verdict"], record["serving"]["why"], record["tool"]]
    for found in record["findings"]:
        values += [found["id"], found["severity"], found["evidence"], found["fix"]]
    values.append(digits(record["serving"]["reported_ms"]))
    assert record["findings"]
    assert_whole(text, width, values)


@ways
def test_prompts(printed, way, width, tmp_path):
    file = tmp_path / f"{LONG}.jsonl"
    rows = [{"prompt": f"Prompt {i}: how does the river find the sea?" * 3} for i in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, text = printed(way, width, "prompts", "--inspect", file)
    assert_whole(text, width, [f"{file}:", "3 prompts", "compression", "language score", "0.000"])


@pytest.mark.parametrize(("way", "width"), WAYS[:2], ids=["terminal-80", "pipe-80"])
def test_kernels(printed, model, way, width, tmp_path):
    folder, file = kernels_of(tmp_path / "own"), tmp_path / "kernels.json"
    chosen = ("--kernels", folder, "--provider", f"{LONG},mine,torch,triton", "--op", "argmax")
    asked = ("kernels", "--model", model, *QUICK, *chosen)
    code, text = printed(way, width, *asked, "--json", file)
    results = json.loads(file.read_text())["results"]
    assert code == 1
    assert [r["status"] for r in results] == ["wrong", "wrong", "ok", "skipped"]
    values = [result[name] for result in results for name in ("provider", "status", "reason")]
    assert_whole(text, width, [*values, microseconds(results[2]["median_s"])])


@pytest.mark.parametrize(("way", "width"), WAYS[:2], ids=["terminal-80", "pipe-80"])
def test_tune(printed, model, way, width, tmp_path):
    folder, file = kernels_of(tmp_path / "own"), tmp_path / "tune.json"
    kernel = Path(folder / "kernels.py")
    kernel.write_text(
        kernel.read_text()
        + "    @classmethod\n    def configs(cls, case, device):\n        return {}, {'n': 1}\n"
    )
    asked = ("--kernels", folder, "--provider", "mine,numba", "--op", "argmax,rms_norm")
    out = ("--out", tmp_path / f"{LONG}.toml", "--json", file)
    code, text = printed(way, width, "tune", "--model", model, *QUICK, *asked, *out)
    results = json.loads(file.read_text())["results"]
    assert code == 1
    assert "wrong" in {result["status"] for result in results}
    values = [result[name] for result in results for name in ("provider", "status", "reason")
              if result["status"] in ("wrong", "skipped")]  # fmt: skip
    assert_whole(text, width, values)


@pytest.mark.parametrize(("way", "width"), WAYS[:2], ids=["terminal-80", "pipe-80"])
def test_decode(printed, model, way, width, tmp_path):
    folder, file = kernels_of(tmp_path / "own", refuses="not here"), tmp_path / "step.json"
    asked = ("decode", "--model", model, *QUICK, "--format", "bf16", "--json", file)
    code, text = printed(way, width, *asked, "--provider", "torch")
    record = json.loads(file.read_text())
    values = [digits(record["rungs"][name]["ms_per_token"]) for name in ("kernels", "step")]
    for row in record["operators"]:
        values += [row["role"], row["op"], row["provider"], microseconds(row["at_step_s"])]
    assert code in (0, 1)
    assert_whole(text, width, values + record["warnings"])

    wrong = ("--kernels", folder, "--provider", f"{LONG},torch")
    code, text = printed(way, width, *asked, *wrong)
    assert code == 1
    assert_whole(text, width, [LONG, "wrong", *json.loads(file.read_text())["warnings"]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [pytest.param("decode", marks=pytest.mark.exhaustive), "kernels"]
)
def test_ranks_on_a_terminal(command, model, tmp_path, monkeypatch):
    """Rank 0 prints for all, in a process of its own that has the terminal."""
    file = tmp_path / "ranks.json"
    args = ["--model", model, "--device", "cpu", "--provider", "torch", "--tp", 2]
    args += ["--op", "all_reduce", "--small"] if command == "kernels" else ["--format", "bf16"]
    args += ["--seconds", 0.1, "--json", file]
    with terminal_of(monkeypatch, 80) as sent:
        run = [sys.executable, "-m", "truetpot", command, *map(str, args)]
        subprocess.run(run, stdout=sys.stdout, stderr=sys.stderr, check=False, timeout=500)
    record = json.loads(file.read_text())
    if command == "kernels":
        values = [r[name] for r in record["results"] for name in ("op", "provider", "status")]
        values += [microseconds(r["p50_s"]) for r in record["results"] if r["p50_s"] is not None]
    else:
        values = [digits(row[name]) for row in record["ranks"] for name in ("step_ms",)]
        values += ["gloo", *record["warnings"]]
    assert_whole(sent.shown, 80, values)


HOSTILE = {
    "a model": ("floor", "--model", EVIL),
    "a card": ("floor", "--device", EVIL),
    "a format": ("floor", "--format", EVIL),
    "a range": ("floor", "--context", EVIL),
    "a number": ("floor", "--tp", EVIL),
    "an option": ("floor", f"--{EVIL}"),
    "a command": (EVIL,),
    "a device": ("kernels", "--device", EVIL),
    "an operator": ("kernels", "--op", EVIL, "--device", "cpu"),
    "a role": ("kernels", "--role", EVIL, "--device", "cpu"),
    "a provider": ("decode", "--provider", EVIL, "--model", "qwen2.5-0.5b", "--device", "cpu"),
    "a folder": ("decode", "--weights", EVIL),
    "kernels": ("providers", "--kernels", EVIL),
    "a file": ("check", EVIL),
    "a record": ("check", EVIL, "--json", f"{EVIL}/no"),
    "a ladder": ("check", "pyproject.toml", "--ladder", EVIL),
    "prompts": ("prompts", "--inspect", EVIL),
    "a tokenizer": ("prompts", "--tokenizer", EVIL, "--out", "x.jsonl"),
    "a card of ipex-llm": ("dispatch", "--device", EVIL),
    "a format of ipex-llm": ("dispatch", "--format", EVIL),
    "a compiler": ("isa", "--ocloc", f"'{EVIL}'"),
    "an old record": ("isa", "--diff", EVIL),
    "a place to keep": ("tune", "--out", f"{EVIL}/no"),
    "a surrogate": ("floor", "--model", "\udcff\ud800"),
}


def assert_harmless(text):
    hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert hidden <= {"\n"}
    assert not [line for line in text.splitlines() if line.startswith(FORGED)]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_mistake_with_a_hostile_name(cli, what):
    done = cli(*HOSTILE[what])
    assert done.code == 2
    assert_harmless(done.out + done.err)
    assert len(done.err.splitlines()) == 1, "one sentence"
    if what not in ("an option", "a command", "a number"):  # whose white space the parser has split
        assert any(escaped(part) in done.err for part in (EVIL, "\udcff\ud800"))


def test_hostile_files(cli, tmp_path):
    result = tmp_path / f"{EVIL}.json"
    result.write_text(json.dumps(in_2026(model_id=EVIL, backend=EVIL, tokenizer_id=EVIL)))
    done = cli("check", result)
    assert_harmless(done.out + done.err)
    assert squeezed(escaped(EVIL)) in squeezed(done.out)
    record = cli("check", result, "--json").record
    assert record["setting"]["model"] == EVIL, "a record keeps what was read"
    prompts = tmp_path / f"{EVIL}.jsonl"
    prompts.write_text(json.dumps({"prompt": "How does the river find the sea?"}) + "\n")
    done = cli("prompts", "--inspect", prompts)
    assert done.code in (0, 1)
    assert_harmless(done.out + done.err)
    for name, text in (("cut.json", '{"a": "' + EVIL), ("odd.json", json.dumps({EVIL: EVIL}))):
        (tmp_path / name).write_text(text)
        for command in (("check",), ("isa", "--diff"), ("check", result, "--ladder")):
            done = cli(*command, tmp_path / name)
            assert done.code == 2
            assert_harmless(done.out + done.err)


def test_hostile_kernels(cli, model, tmp_path):
    folder = kernels_of(tmp_path / f"own{EVIL}", LONG, "mine", EVIL, EVIL, EVIL)
    (folder / f"{EVIL}.py").write_text(f"raise RuntimeError({EVIL!r})\n")
    named = kernels_of(tmp_path / "named", EVIL, f"{EVIL}2").joinpath("kernels.py")
    named.rename(folder / "named.py")
    done = cli("providers", "--device", "cpu", "--kernels", folder)
    assert done.code == 0
    assert_harmless(done.out + done.err)
    assert squeezed(escaped(EVIL)) in squeezed(done.out)
    own = ("--kernels", folder, "--model", model, *QUICK)
    done = cli("kernels", *own, "--op", "argmax")
    assert done.code == 1
    assert_harmless(done.out + done.err)
    done = cli("decode", *own, "--format", "bf16")
    assert done.code == 1
    assert_harmless(done.out + done.err)
    done = cli("tune", *own, "--op", "argmax")
    assert done.code in (1, 2)
    assert_harmless(done.out + done.err)


def test_a_hostile_machine(cli, model, monkeypatch):
    from truetpot.runtime.cpu import CpuDevice

    identity = CpuDevice.identity
    found = {"name": EVIL, "driver": EVIL, "uuid": EVIL}
    monkeypatch.setattr(CpuDevice, "identity", lambda self: identity(self) | found)
    monkeypatch.setenv("ONEAPI_DEVICE_SELECTOR", EVIL)
    monkeypatch.setenv("SYCL_CACHE_PERSISTENT", "\udcff")
    hostile = model.rename(model.with_name(f"tiny{EVIL}"))
    for command in (
        ("doctor", "--no-check"),
        ("providers", "--device", "cpu"),
        ("floor", "--model", hostile),
        ("decode", "--model", hostile, *QUICK, "--format", "bf16", "--provider", "torch"),
    ):
        done = cli(*command)
        assert done.code in (0, 1), done.err
        assert_harmless(done.out + done.err)
        assert squeezed(escaped(EVIL)) in squeezed(done.out)


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["C", "ascii", "latin-1"],
)
@pytest.mark.parametrize("args", [("--context", "1024:5120"), ("--model", b"\xff\x1b[31m")])
def test_another_locale(args, locale):
    run = [sys.executable, "-m", "truetpot", "floor", *args]
    done = subprocess.run(run, capture_output=True, check=False, env=dict(os.environ) | locale)
    out, err = (text.decode("latin-1") for text in (done.stdout, done.stderr))
    assert "Traceback" not in err
    assert_harmless(out + err)
    if done.returncode == 0:
        assert "####" in out
    else:
        assert r"\udcff\x1b[31m" in err or r"\xff\x1b[31m" in err or "\xff\\x1b[31m" in err


OTHERWISE = {
    "records/store.py": {"sys.stdout.write"},  # a record on standard output: JSON, which escapes
    "records/__main__.py": {"sys.stdout.write"},  # a page of the documents
    # into a file, which is escaped where it is shown
    "contact/probes.py": {"sys.stderr.write", "traceback.print_exc"},
    "validate/child.py": {"sys.stderr.write", "traceback.print_exc"},
    "validate/rank.py": {"traceback.print_exc"},
    "drive/stub.py": {"sys.stdout.write"},  # its port, for the process that started it
    "files/writing.py": {"os.write"},  # lines added to a file
    "serving/prompts/guard.py": {"os.write"},  # what a library printed, and no panic was
    "serving/findings/__main__.py": {"sys.stdout.write"},  # a page of the documents
    "runtime/distributed/watch.py": {"sys.stderr.write"},  # escaped, by a thread that ends it all
}
"""What is not printed by the terminal, and why it need not be."""
PRINTS = {
    "print", "sys.stdout.write", "sys.stderr.write", "typer.echo", "typer.secho", "click.echo",
    "traceback.print_exc", "traceback.print_exception", "Console", "rich.print", "pprint",
    "sys.stdout.buffer.write", "os.write",
}  # fmt: skip


def test_nothing_is_printed_by_another_way():
    for file in SOURCE.rglob("*.py"):
        place = file.relative_to(SOURCE).as_posix()
        tree = ast.parse(file.read_text())
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert calls & PRINTS == OTHERWISE.get(place, set()), place


def test_tables_and_texts_are_made_in_one_place():
    """Rich's own tables cut and drop; a Text of it leaves out control characters unseen."""
    makers = {"report/words.py", "report/screen.py", "report/table.py"}
    for file in SOURCE.rglob("*.py"):
        place = file.relative_to(SOURCE).as_posix()
        tree = ast.parse(file.read_text())
        names = {
            f"{node.module}.{name.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }
        assert not {"rich.table.Table", "rich.columns.Columns", "rich.panel.Panel"} & names, place
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert place in makers or not calls & {"Text", "Text.assemble", "Text.from_markup"}, place
