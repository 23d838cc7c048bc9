"""``truetpot providers``, and what belongs to no command."""

import subprocess
import sys

import truetpot


def test_providers(cli, tmp_path):
    (tmp_path / "gone.py").write_text("import not_there\n")
    done = cli("providers", "--device", "cpu", "--kernels", tmp_path, "--json")
    assert done.code == 0
    record = done.record
    assert record["kind"] == "providers"
    assert "cpu" in [device["device"] for device in record["devices"]]
    rows = {(row["op"], row["provider"]): row for row in record["kernels"]}
    linear = rows["linear", "numba"]
    assert linear["available"]
    assert linear["note"].startswith(("avx512_", "generic"))
    assert "x rounded in blocks" in linear["note"] or "avx512_vnni" not in linear["note"]
    assert linear["source"] == "kernels/linear/numba.py"
    assert "multiples of 16" in rows["linear", "torch"]["reason"]
    lost = rows["(file)", "gone"]
    assert not lost["available"]
    assert "not_there" in lost["reason"]


MINE = """
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="bracketed", devices=("cpu",))
class Bracketed(Kernel):
    @classmethod
    def note(cls, device):
        return "needs truetpot[some]"

    def __call__(self, *, gate_up):
        return gate_up
"""


def test_what_people_see_of_providers(cli, tmp_path):
    (tmp_path / "bracketed.py").write_text(MINE)
    out = cli("providers", "--device", "cpu", "--kernels", tmp_path).out
    lines = [line.rstrip() for line in out.splitlines()]
    assert "needs truetpot[some]" in out
    first = lines.index("decode_attention")
    assert lines[first + 1].split()[:2] == ["ipex", "no"]
    assert "kernels/<operator>/<provider>.py" in " ".join(lines)
    own = next(i for i, line in enumerate(lines) if line.split()[:2] == ["bracketed", "yes"])
    assert "bracketed.py" in "".join("".join(lines[own : own + 4]).split())
    # a reason is read in a few lines, whatever the operator's name
    assert len(lines) < 4 * sum(line.split()[1:2] in (["yes"], ["no"]) for line in lines)


def test_version(cli):
    assert cli("--version").out == f"truetpot {truetpot.__version__}\n"
    command = [sys.executable, "-m", "truetpot", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"truetpot {truetpot.__version__}\n"


def test_help_names_every_command(cli):
    done = cli("--help")
    assert done.code == 0
    for name in ("floor", "decode", "kernels", "providers"):
        assert name in done.out
        assert cli(name, "--help").code == 0
