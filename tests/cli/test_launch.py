"""``truetpot launch``: one kernel and nothing else, and what is said of it."""

from pathlib import Path

import pytest

from tests.records.kept import exact
from truetpot.records.launch import LaunchRecord

COUNTED = """
from pathlib import Path

from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register
from truetpot.records.launch import LaunchRow

CALLS = Path(__file__).with_name("calls")

@register(ARGMAX, provider="mine", devices=("cpu",))
class Counted(Kernel):
    @classmethod
    def configs(cls, case, device):
        return [{"tile": 4}, {"tile": 8}]

    def launches(self):
        return [LaunchRow(entry_point="mine", global_size=[64, 2], binary="/somewhere/mine.bin")]

    def __call__(self, *, logits):
        with CALLS.open("a") as file:
            file.write(f"{self.config['tile']} {logits.data_ptr()}\\n")
        return logits.argmax(-1)
"""


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def launch(cli, model):
    def call(*args):
        step = () if "--shape" in args else ("--model", model, "--context", 20)
        done = cli("launch", *step, "--device", "cpu", *args)
        if "--json" in args:
            exact(done.record, LaunchRecord)
        return done

    return call


@pytest.fixture
def counted(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine.py").write_text(COUNTED)
    return folder


def test_so_many_calls_and_no_other(launch, counted):
    done = launch(
        *("--op", "argmax", "--kernels", counted, "--provider", "mine", "--config", "tile=8"),
        *("--repeat", 3, "--json"),
    )
    assert done.code == 0, done.err
    calls = [line.split() for line in (counted / "calls").read_text().splitlines()]
    assert [tile for tile, _ in calls] == ["8"] * 3
    assert len({address for _, address in calls}) == 3, "each on another copy"
    record = done.record
    assert (record["calls"], record["copies"]) == (3, 3)
    assert (record["config"], record["origin"]) == ({"tile": 8}, "given")
    (row,) = record["launches"]
    assert (row["entry_point"], row["global_size"]) == ("mine", [64, 2])
    assert row["local_size"] is None


def test_what_is_not_known_is_said(launch, counted):
    done = launch("--op", "argmax", "--kernels", counted, "--provider", "mine")
    text = " ".join(done.out.split())
    assert "entry point mine global size 64 x 2 local size not known" in text
    assert "build options not known binary /somewhere/mine.bin" in text
    assert "tile=4 (the default)" in text
    assert "1 call; not checked, not timed" in text


def test_a_library_tells_nothing(launch):
    done = launch("--role", "o", "--provider", "torch", "--format", "bf16")
    assert done.code == 0, done.err
    text = " ".join(done.out.split())
    assert "entry point not known" in text
    assert "torch does not say what it launches; the profiler does" in text


def test_numba_has_an_entry_point_and_threads(launch):
    record = launch("--shape", "32x128", "--format", "bf16", "--provider", "numba", "--json").record
    (row,) = record["launches"]
    assert "linear_panel" in row["entry_point"]
    assert row["global_size"][0] >= 1
    assert "parallel=True" in row["options"]
    assert record["model"] is None


def test_a_verify_steps_case(launch):
    asked = ("--op", "decode_attention", "--provider", "torch", "--query-tokens", 4, "--json")
    done = launch(*asked)
    assert done.code == 0, done.err
    assert "context=24 " in done.record["case"]
    assert "query_tokens=4" in done.record["case"]


def test_a_case_has_to_be_named(launch):
    done = launch()
    assert done.code == 2
    assert "name one --format and one --role: qkv, o, gate_up, down, lm_head" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--role", "o", "--provider", "numba", "--config", "ahead=3"), "0, 4096, 8192"),
        (("--role", "o", "--provider", "torch,numba"), "One kernel is launched; name one"),
        (("--role", "o", "--provider", "triton"), "No kernel can be configured"),
        (("--op", "nothing"), "There is no operator 'nothing'"),
        (("--role", "o", "--repeat", "0"), "--repeat"),
    ],
)
def test_mistakes(launch, args, said):
    done = launch(*args)
    assert done.code == 2
    assert said in " ".join(done.err.split())


OWN = ("launch", "--kernels", EXAMPLES / "operator", "--op", "soft_cap", "--device", "cpu")


def test_an_operator_of_ones_own_has_the_cases_of_its_grid(cli):
    done = cli(*OWN, "--case", "m=16", "--dtype", "fp32", "--json")
    assert done.code == 0, done.err
    assert (done.record["op"], done.record["roles"]) == ("soft_cap", [])
    assert done.record["case"] == "dtype=fp32 m=16 n=129 cap=2.0"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "5 cases of soft_cap; name one by --case: dtype=bf16 m=1 n=1 cap=2.0; "),
        (("--case", "m=17"), "No case of soft_cap has the words 'm=17'; there are dtype=bf16"),
        (("--model", "qwq-32b", "--tp", 2), "no model's step calls: leave out --model and --tp."),
    ],
)
def test_which_case_of_ones_own_operator(cli, args, said):
    done = cli(*OWN, *args)
    assert done.code == 2
    assert said in done.sentence


@pytest.mark.opencl
def test_opencl_names_its_entry_point_options_and_binary(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = cli(
        *("launch", "--shape", "64x128", "--format", "fp32", "--dtype", "fp32"),
        *("--device", "opencl:cpu", "--config", "split=1,groups=2", "--repeat", 2, "--json"),
    )
    assert done.code == 0, done.err
    (row,) = done.record["launches"]
    assert row["entry_point"] == "gemv"
    assert "-DSPLIT=1" in row["options"] and "-DGROUPS=2" in row["options"]
    assert row["global_size"][0] % row["local_size"][0] == 0
    binary = Path(row["binary"])
    assert binary.is_relative_to(tmp_path)
    assert len(binary.read_bytes()) > 32
