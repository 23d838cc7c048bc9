"""A disk that is full: what is there stays, what was measured is shown, the exit code is 2."""

import json
import subprocess
import sys

import pytest

LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); "
"""Where nothing can be mounted: files of so many bytes at most, which fail as a full disk does."""


@pytest.fixture
def full(start, namespace, tmp_path):
    """Run in a folder of so many bytes; what it holds afterwards is left in ``after``."""
    disk, after = tmp_path / "disk", tmp_path / "after"
    disk.mkdir()
    after.mkdir()

    def call(size, files, *args, **more):
        given = tmp_path / "given"
        given.mkdir()
        for name, content in files.items():
            (given / name).write_text(content)
        before = namespace(f"mount -t tmpfs -o size={size} none {disk}", f"cp -r {given}/. {disk}")
        keep = ["sh", "-c", f'"$@"; code=$?; cp -r {disk}/. {after}; exit $code', "sh"]
        done = start(*args, before=[*before, *keep], **more).end()
        return done, {file.name: file.read_text() for file in after.iterdir()}

    return call


OLD = json.dumps({"kind": "floor", "filler": "x" * 9000})


def test_an_older_record_stays(full, tmp_path):
    file = tmp_path / "disk" / "floor.json"
    done, left = full("16k", {"floor.json": OLD}, "floor", "--context", "1024:5120", "--json", file)
    assert done.code == 2
    assert "No space left on device; choose another --json" in done.sentence
    assert left == {"floor.json": OLD}
    assert "bytes of one rank" in done.out


def test_by_a_limit_of_the_size(environment, tmp_path):
    file = tmp_path / "floor.json"
    file.write_text(OLD)
    code = LIMITED.format(2048) + "from truetpot.__main__ import main; main()"
    words = [sys.executable, "-c", code, "floor", "--context", "1024:5120", "--json", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert file.read_text() == OLD
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["floor.json"]
    assert "bytes of one rank" in done.stdout


def test_a_measurement_is_shown(full, tmp_path, model):
    file = tmp_path / "disk" / "decode.json"
    args = ["decode", "--model", model, "--device", "cpu", "--provider", "torch", "--context", 20]
    args += ["--seconds", 0.2, "--json", file]
    done, left = full("12k", {"decode.json": OLD}, *args, quick=True)
    assert done.code == 2
    assert "No space left on device" in done.sentence
    assert left == {"decode.json": OLD}
    assert "The step reaches" in done.out


@pytest.mark.parametrize(
    "out", ["out.toml", pytest.param("x.new", marks=pytest.mark.exhaustive)]
)
def test_tune(full, read, tmp_path, model, out):
    """A search that cannot be kept ends, and the record elsewhere says so."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    record = tmp_path / "tune.json"
    done, left = full(
        "4k",
        {"theirs.toml": "# theirs\n"},
        *("tune", "--model", model, "--kernels", folder, "--provider", "mine", "--device", "cpu"),
        *("--op", "silu_mul", "--context", 20, "--seconds", 0.2, "--json", record),
        *("--out", tmp_path / "disk" / out),
        quick=True,
    )
    assert done.code == 2
    assert "No space left on device" in done.sentence
    assert left["theirs.toml"] == "# theirs\n"
    assert read(record)["partial"]


MINE = """
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="mine", devices=("cpu",))
class Mine(Kernel):
    @classmethod
    def configs(cls, case, device):
        yield from ({"repeat": repeat} for repeat in range(1, 4))

    def __call__(self, *, gate_up):
        for _ in range(self.config["repeat"]):
            gate, up = gate_up.float().chunk(2, dim=1)
            out = (gate.sigmoid() * gate * up).to(gate_up.dtype)
        return out
"""
