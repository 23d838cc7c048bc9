"""Variables that make no sense, a system without /proc and /sys, a home that is none."""

import pytest

KERNELS = ("kernels", "--small", "--op", "silu_mul", "--device", "cpu", "--seconds", 0.05)
VARIABLES = {
    "NUMBA_NUM_THREADS": ("0", "abc", "-1", "1e9", "100000"),
    "OMP_NUM_THREADS": ("abc", "0", "4,0"),
    "MKL_NUM_THREADS": ("abc",),
    "NUMBA_THREADING_LAYER": ("abc",),
    "NUMBA_OPT": ("abc",),
    "NUMBA_DEBUG_JIT": ("yes",),
}
RANKS = {
    "MASTER_PORT": ("99999999", "0", "abc", "9" * 5000),
    "TRUETPOT_RANK_TIMEOUT_S": ("abc", "nan", "-1", "0", "inf"),
    "WORLD_SIZE": ("abc",),
    "RANK": ("", "2", "-1"),
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, some in VARIABLES.items() for v in some])
def test_of_libraries(run, name, value):
    done = run(*KERNELS, **{name: value})
    assert done.code == 2
    assert done.sentence.startswith(f"truetpot: {name}={value} is ")


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, some in RANKS.items() for v in some])
def test_of_ranks(cli, monkeypatch, model, name, value):
    for one in ({"RANK": "0", "WORLD_SIZE": "2"}, {name: value}):
        for variable, text in one.items():
            monkeypatch.setenv(variable, text)
    done = cli("decode", "--model", model, "--format", "bf16", "--device", "cpu")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert name in done.sentence and done.sentence.endswith(".")


def test_threads_a_level(run):
    assert run("floor", OMP_NUM_THREADS="4,2").code == 0


def test_a_switched_off_compiler(run):
    done = run(*KERNELS, NUMBA_DISABLE_JIT="1", quick=True)
    assert done.code == 2
    assert "NUMBA_DISABLE_JIT" in done.sentence


NOTHING = ("mount -t tmpfs none /sys", "mount -t tmpfs none /proc")


@pytest.mark.parametrize(
    "args",
    [("doctor", "--no-check"), ("providers", "--device", "cpu"), KERNELS],
    ids=["doctor", "providers", "kernels"],
)
def test_without_proc_and_sys(run, namespace, args):
    done = run(*args, before=namespace(*NOTHING), quick=True)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err


def test_decode_without_proc_and_sys(run, read, namespace, model, tmp_path, check_decode):
    file = tmp_path / "decode.json"
    args = ["decode", "--model", model, "--device", "cpu", "--context", 20, "--seconds", 0.1]
    done = run(*args, "--json", file, before=namespace(*NOTHING), quick=True)
    assert done.code == 0, done.err
    record = read(file)
    check_decode(record)
    assert record["state_after"]["clock_mhz"] is None


def test_opencl_without_proc_and_sys(run, namespace):
    pytest.importorskip("pyopencl")
    done = run("decode", "--device", "opencl:cpu", before=namespace(*NOTHING))
    assert done.code == 2
    assert "need /proc" in done.sentence


@pytest.fixture
def read_only(namespace):
    """Words before a command that make this package, and the home, unwritable to root as well."""
    import truetpot
    from truetpot import kernels

    folders = {*truetpot.__path__, *kernels.__path__}
    return namespace(
        *(f"mount --bind {f} {f} && mount -o remount,ro,bind {f}" for f in folders),
        "unset XDG_CACHE_HOME XDG_DATA_HOME NUMBA_CACHE_DIR",
        "export HOME=/dev/null",
    )


def test_neither_package_nor_home_can_be_written(run, read_only, tmp_path):
    result = tmp_path / "result.json"
    result.write_text("{}")
    done = run("check", result, before=read_only)
    assert done.code == 2  # as the file is none of a tool
    assert "no result file" in done.sentence
    assert done.err.count("Compiled functions cannot be kept") == 1


def test_kernels_without_a_home(run, read_only):
    done = run(*KERNELS, before=read_only, quick=True)
    assert done.code == 0, done.err
    assert done.err.count("Compiled functions cannot be kept") == 1
    assert "Traceback" not in done.err


def test_tune_without_a_home(run, read_only):
    done = run("tune", "--op", "silu_mul", "--device", "cpu", before=read_only)
    assert done.code == 2
    assert "give --out FILE" in done.sentence


def test_a_home_that_nobody_knows(cli):
    done = cli("floor", "--model", "~nobodyatall/model")
    assert done.code == 2
    assert "~nobodyatall" in done.sentence
