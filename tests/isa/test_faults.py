"""A kernel that does what it should not is named for it; the same one that does not is not."""

import json

import pytest

from truetpot.cli import main

pytestmark = pytest.mark.isa

FOLDER = "tests/isa/faulty"
NAMED = {
    "spill": "spills",
    "private": "private memory",
    "products": "32-bit products",
    "narrow": "narrow loads",
    "overlap": "overlapping loads",
    "chase": "latency",
    "few": "latency",
    "conflicts": "bank conflicts",
    "twice": "passes",
    "beyond": "out of bounds",
    "large": "latency",
}


@pytest.fixture(scope="module")
def found(ocloc, tmp_path_factory, request):
    """``truetpot isa --config all`` of them: the exit code, and the kernels by what they do."""
    file = tmp_path_factory.mktemp("faulty") / "isa.json"
    folder = request.config.rootpath / FOLDER
    words = ["isa", "--kernels", str(folder), "--op", "linear", "--provider", "faulty", "--strict"]
    words += ["--batch", "1", "--format", "sym_int4", "--target", "acm-g10", "--config", "all"]
    with pytest.raises(SystemExit) as done:
        main([*words, "--json", str(file)])
    kernels = json.loads(file.read_text())["kernels"]
    return done.value.code, {kernel["config"]["which"]: kernel for kernel in kernels}


def test_strict_is_exit_code_1(found):
    assert found[0] == 1


def test_a_sound_kernel_has_no_fault(found):
    assert found[1]["sound"]["faults"] == []


@pytest.mark.parametrize(("which", "begins"), NAMED.items())
def test_a_fault_is_named(found, which, begins):
    assert any(fault.startswith(begins) for fault in found[1][which]["faults"])


def test_what_is_made_of_two_faults_alone_has_more_than_one(found):
    """Products fill the registers too, on the compiler of Debian 12."""
    several = {which for which, one in found[1].items() if len(one["faults"]) > 1}
    assert several <= {"products", "beyond", "chase"}


def test_local_memory_and_the_launch_bound_the_threads(found):
    large, few, sound = (found[1][which] for which in ("large", "few", "sound"))
    # 48 KiB are 64, of which a core has two
    assert (large["threads"], large["threads_by"]) == (2 * 32, "local memory")
    assert (few["threads"], few["threads_by"]) == (2, "launch")
    assert (sound["threads"], sound["threads_by"]) == (128 * 32, "registers")
    assert large["verdict"] == few["verdict"] == "latency-bound"


def test_passes_over_the_weights_count_in_the_estimate(found):
    sound, twice = found[1]["sound"], found[1]["twice"]
    assert (sound["passes"], twice["passes"]) == (1, 2)
    assert twice["issue_over_memory"] == pytest.approx(2 * sound["issue_over_memory"], rel=0.01)


def test_bytes_are_counted_once(found):
    """Two items load the same: 1024 bytes of messages are 512 of memory."""
    overlap = found[1]["overlap"]
    assert (overlap["requested_bytes"], overlap["streamed_bytes"]) == (1024, 512)
    # codes of 2048 weights, and the scales that eight blocks have in each of four rows
    assert found[1]["sound"]["streamed_bytes"] == 1024 + 8 * 2 * 4


def test_scratch_is_counted_by_its_messages(found):
    assert found[1]["spill"]["spill_bytes"] > 0 and found[1]["spill"]["scratch_messages"] > 0
    assert found[1]["sound"]["scratch_messages"] == 0
