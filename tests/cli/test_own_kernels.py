"""Kernels of one's own: broken files are a line each, installed packages take part by default."""

import os
import subprocess
import sys
import textwrap

import pytest

from truetpot.ops.registry import REGISTRY

QUICK = ["--device", "cpu", "--seconds", 0.1, "--context", 20]
ARGMAX = """
import torch
from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register

@register(ARGMAX, provider="{provider}", devices=("cpu",))
class Theirs(Kernel):
    def __init__(self, case, device, chunk=1):
        super().__init__(case, device, chunk=chunk)

    @classmethod
    def configs(cls, case, device):
        return {{"chunk": 1}}, {{"chunk": 2}}

    def __call__(self, *, logits):
        return logits.float().max(dim=1).indices
"""
GOOD = ARGMAX.format(provider="good")
BROKEN = {
    "syntax.py": ("def broken(:\n", "SyntaxError: invalid syntax"),
    "nul.py": ("x = '\0'\n", "Error: source code"),
    "absent.py": ("import not_there\n", "No module named 'not_there'"),
    "raises.py": ("raise RuntimeError('no\\nlicence')\n", "RuntimeError: no"),
    "exits.py": ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
    "interrupts.py": ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "generator.py": ("raise GeneratorExit\n", "GeneratorExit"),
    "escapes.py": ("raise RuntimeError('\\x1b[2J')\n", r"RuntimeError: \x1b[2J"),
    "recursion.py": ("def f(): f()\nf()\n", "RecursionError"),
    "argmax/torch.py": ("raise RuntimeError('mine')\n", "RuntimeError: mine"),
    "a,b.py": ("import not_there\n", "No module named 'not_there'"),
    "line\nbreak.py": ("import not_there\n", "No module named 'not_there'"),
    "after.py": (GOOD.replace("good", "before") + "raise RuntimeError('late')\n", "late"),
}
FAULTY = {
    "twice.py": (GOOD.replace("@register", "@register(ARGMAX, provider='x', devices=('cpu',))\n"
        "@register"), "the class Theirs is registered twice"),
    "odd.py": (ARGMAX.format(provider="a b,c"), "the provider is 'a b,c'"),
    "plain.py": (ARGMAX.format(provider="plain").replace("    @classmethod\n", ""),
        "Theirs.configs is no classmethod"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    def make(files):
        for name, text in files.items():
            file = tmp_path / "kernels" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path / "kernels"

    return make


def race(cli, model, *args):
    return cli("kernels", "--model", model, "--op", "argmax", *QUICK, *args)


def test_broken_files_are_a_line_each_and_lose_nothing_else(cli, model, folder):
    texts = {name: text for name, (text, _) in {**BROKEN, **FAULTY}.items()}
    kernels = folder(texts | {"good.py": GOOD})
    done = race(cli, model, "--kernels", kernels, "--json")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if " was not loaded: " in line]
    for name, (_, reason) in BROKEN.items():
        shown = str(kernels / name).replace("\n", r"\n")
        (line,) = [line for line in told if line.startswith(f"{shown} was not loaded: ")]
        assert reason in line
    for name, (_, reason) in FAULTY.items():
        (line,) = [line for line in told if str(kernels / name) in line]
        assert reason in line
        assert line.startswith("the class Theirs was not loaded: ")
    assert len(told) == len(BROKEN) + len(FAULTY)
    assert "Traceback" not in done.err
    providers = {r["provider"]: r["status"] for r in done.record["results"]}
    assert providers == dict.fromkeys(["before", "good", "numba", "torch"], "ok")


def test_broken_files_are_rows_of_providers(cli, folder):
    kernels = folder({name: text for name, (text, _) in {**BROKEN, **FAULTY}.items()})
    done = cli("providers", "--device", "cpu", "--kernels", kernels, "--json")
    assert done.code == 0
    rows = done.record["kernels"]
    lost = [row["reason"] for row in rows if not row["available"]]
    for _, reason in {**BROKEN, **FAULTY}.values():
        assert any(reason in one for one in lost), reason
    torchs = [row for row in rows if (row["op"], row["provider"]) == ("argmax", "torch")]
    assert sorted(row["available"] for row in torchs) == [False, True]
    assert all("\n" not in row["reason"] for row in rows)


def test_all_providers_with_files_of_odd_names(cli, model, folder):
    kernels = folder({"a,b.py": "import not_there\n", "good.py": GOOD})
    done = race(cli, model, "--kernels", kernels, "--provider", "all", "--json")
    assert done.code == 0, done.err
    statuses = {r["provider"]: r["status"] for r in done.record["results"]}
    assert (statuses["good"], statuses["torch"]) == ("ok", "ok")


def test_a_builtin_providers_name_is_told_and_changes_no_order(cli, model, folder):
    kernels = folder({"argmax/mine.py": ARGMAX.format(provider="torch"), "good.py": GOOD})
    done = race(cli, model, "--kernels", kernels, "--json")
    assert [r["provider"] for r in done.record["results"]] == ["good", "numba", "torch"]
    (line,) = [line for line in done.err.splitlines() if "mine.py" in line]
    assert line.endswith(
        "mine.py: the built-in argmax of torch is asked before the one here; give its provider a "
        "name of its own"
    )


def test_a_folder_with_nothing_but_a_fault(cli, model, folder):
    kernels = folder({"plain.py": FAULTY["plain.py"][0]})
    done = race(cli, model, "--kernels", kernels, "--json")
    assert done.code == 0
    assert "is no classmethod" in done.err
    done = race(cli, model, "--kernels", folder({"_helper.py": ""}), "--provider", "plain")
    assert done.code == 2


@pytest.fixture
def distribution(tmp_path):
    """A package with kernels as pip leaves it on the path, beside one that is broken."""
    site = tmp_path / "site"
    for name, point in (("someones_kernels", "good"), ("broken_kernels", "bad")):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[truetpot.kernels]\n{point} = {name}\n")
    (site / "someones_kernels.py").write_text(
        ARGMAX.format(provider="someone")
        + textwrap.dedent(
            """
        @register(ARGMAX, provider="elsewhere", devices=("cuda",))
        class Elsewhere(Theirs):
            pass
        """
        )
    )
    (site / "broken_kernels.py").write_text("raise SystemExit('no licence')\n")
    return site


@pytest.fixture
def installed(distribution, monkeypatch):
    """In this process, as if it had been there from the start."""
    monkeypatch.syspath_prepend(distribution)
    monkeypatch.setattr(REGISTRY, "_seen", REGISTRY._seen - {"builtin"})
    monkeypatch.setattr(REGISTRY, "_installed", [])
    yield
    for name in ("someones_kernels", "broken_kernels"):
        sys.modules.pop(name, None)


def test_an_installed_package_in_a_process_of_its_own(distribution, model):
    """Nothing but the path says that it is there."""
    command = [sys.executable, "-m", "truetpot", "kernels", "--model", model, "--op", "argmax"]
    done = subprocess.run(
        [str(part) for part in (*command, *QUICK, "--provider", "someone", "--small")],
        env=os.environ | {"PYTHONPATH": str(distribution)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "someone" in done.stdout
    told = "the entry point bad = broken_kernels of broken_kernels was not loaded: SystemExit: no"
    assert told in " ".join((done.stdout + done.stderr).split())


@pytest.mark.usefixtures("installed")
def test_kernels_of_a_package_are_raced_by_default(cli, model):
    done = race(cli, model, "--json")
    assert done.code == 0, done.err
    assert [r["provider"] for r in done.record["results"]] == ["someone", "numba", "torch"]
    assert [r["status"] for r in done.record["results"]] == ["ok"] * 3
    assert done.err.count("was not loaded: SystemExit: no licence") == 1


@pytest.mark.usefixtures("installed")
def test_a_folders_come_before_a_packages(cli, model, folder):
    done = race(cli, model, "--kernels", folder({"good.py": GOOD}), "--json")
    providers = [r["provider"] for r in done.record["results"]]
    assert providers == ["good", "someone", "numba", "torch"]


@pytest.mark.usefixtures("installed")
def test_a_step_uses_them(cli, model):
    done = cli("decode", "--model", model, *QUICK, "--json")
    assert done.code == 0, done.err
    assert done.record["providers"]["argmax"] == "someone"
    assert done.record["providers"]["embedding"] == "numba"
    assert not any("--kernels" in line for line in done.record["warnings"])


@pytest.mark.usefixtures("installed")
def test_they_are_tuned(cli, model, tmp_path):
    out = ["--out", tmp_path / "tuned.toml"]
    done = cli("tune", "--model", model, "--op", "argmax", *QUICK, *out, "--json")
    assert done.code == 0, done.err
    found = {r["provider"]: r["status"] for r in done.record["results"]}
    assert found["someone"] in ("tuned", "default")


@pytest.mark.usefixtures("installed")
def test_they_are_listed_and_checked(cli):
    rows = cli("providers", "--device", "cpu", "--json").record["kernels"]
    found = {(row["op"], row["provider"]): row for row in rows}
    assert found["argmax", "someone"]["available"]
    assert "runs on cuda" in found["argmax", "elsewhere"]["reason"]
    assert found["(entry point)", "bad"]["reason"] == "SystemExit: no licence"
    done = cli("doctor", "--device", "cpu", "--seconds", 0.2, "--json")
    assert "those of someone, numba, torch compute a decode step right" in [
        finding["what"] for finding in done.record["findings"] if finding["about"] == "kernels"
    ]
